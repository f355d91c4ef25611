// A call we place: CANCEL and its races, forks (RFC 3261 sections 9 and 13.2.2.4).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { IncomingInvite, InviteDialog } from "../../../../firmware/sip/index.js";
import { agent, listen, outgoing, Peer, sdp } from "../support.js";
import { from, listenIncoming, settle, to, world } from "../world.js";

const cancels = suite("cancels");
const forks = suite("forks");

cancels("after 180: CANCEL, 200 to it, 487, ACK", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      listenIncoming(call, log);
      call.provisional(180);
    },
  };
  const call = alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(100);
  call.cancel("changed my mind");
  call.cancel();
  time.advance(100);
  assert.equal(log, [
    "alice sent",
    "alice 180",
    'bob cancelled: SIP;text="changed my mind"',
    "alice failed 487 response",
  ]);
  assert.equal(network.ladder(), ["1>2 INVITE", "2>1 180", "1>2 CANCEL", "2>1 200", "2>1 487", "1>2 ACK"]);
  const invite = network.sent[0].text;
  const cancel = network.sent[2].text;
  for (const field of ["Via", "From", "To", "Call-ID"]) {
    const line = new RegExp(`\r\n${field}: [^\r]*`);
    assert.is(line.exec(cancel)![0], line.exec(invite)![0], field);
  }
  assert.is(/CSeq: (\d+) CANCEL/.exec(cancel)![1], /CSeq: (\d+) INVITE/.exec(invite)![1]);
  settle(time, alice, bob);
});

cancels("before any response: not sent until a provisional one comes (9.1)", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  const call = alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  call.cancel();
  time.advance(300);
  assert.is(peer.kinds(), "INVITE");
  peer.respond(peer.last("INVITE"), 100, undefined);
  time.advance(10);
  assert.is(peer.kinds(), "INVITE CANCEL");
  peer.respond(peer.last("CANCEL"), 200, undefined);
  peer.respond(peer.last("INVITE"), 487, "t");
  time.advance(10);
  assert.equal(log, ["alice sent", "alice 100", "alice failed 487 response"]);
  settle(time, alice);
});

cancels("before any response and nobody ever answers: ends with 487 at 64*T1", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const call = alice.invite({ target: to(9), from }, outgoing(log, "alice"));
  call.cancel();
  time.advance(32_000);
  assert.equal(log, ["alice sent", "alice failed 487 timeout"]);
  settle(time, alice);
});

cancels("a peer that never sends the 487 is given up 64*T1 after the CANCEL (9.1)", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  const call = alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(10);
  peer.respond(peer.last("INVITE"), 180, "t");
  time.advance(10);
  call.cancel();
  time.advance(40_000);
  assert.equal(log, ["alice sent", "alice 180", "alice failed 487 timeout"]);
  settle(time, alice);
});

cancels("the race with 200: it is acknowledged and ended with BYE, the call has failed with 487", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  let incoming: IncomingInvite | undefined;
  bob.events = {
    invite(call) {
      incoming = call;
      listenIncoming(call, log);
      call.provisional(180);
    },
  };
  const call = alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(100);
  listen(incoming!.accept({ body: sdp("x") }), log, "bob");
  call.cancel();
  time.advance(1000);
  assert.equal(log, ["alice sent", "alice 180", "alice failed 487 response", "bob acked", "bob ended by peer"]);
  assert.equal(network.ladder().slice(2), ["2>1 200", "1>2 CANCEL", "1>2 ACK", "1>2 BYE", "2>1 200", "2>1 200"]);
  settle(time, alice, bob);
});

cancels("one for nothing gets 481; after the answer 200 and no effect", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = { invite: (call) => listen(call.accept({}), log, "bob") };
  peer.request(2, "CANCEL", { CSeq: "1 CANCEL" });
  time.advance(20);
  assert.is(peer.kinds(), "481");
  const via = "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKsame";
  peer.request(2, "INVITE", { Via: via }, "offer");
  time.advance(20);
  peer.request(2, "CANCEL", { Via: via });
  time.advance(20);
  assert.is(peer.kinds(), "481 200 200");
  assert.is(peer.last(200).headers.get("To"), peer.received[1].message.headers.get("To"));
  assert.equal(log, []);
});

cancels("answering in the moment of the CANCEL is no error: the dialog says it has ended", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  let incoming: IncomingInvite | undefined;
  bob.events = {
    invite(call) {
      incoming = call;
      listenIncoming(call, log);
    },
  };
  const via = "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKsame";
  peer.request(2, "INVITE", { Via: via }, "offer");
  time.advance(20);
  peer.request(2, "CANCEL", { Via: via });
  time.advance(20);
  incoming!.provisional(180);
  listen(incoming!.accept({}), log, "bob");
  time.advance(20);
  assert.equal(log, ["bob cancelled: the caller hung up", "bob ended by peer"]);
  peer.request(2, "ACK", { Via: via });
  settle(time, bob);
});

forks("several early dialogs, two answers: the first is kept, the other acknowledged and ended", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  let dialog: InviteDialog | undefined;
  alice.invite(
    { target: to(2), from },
    outgoing(log, "alice", {
      accepted: (d) => {
        dialog = d;
        d.ack();
      },
    }),
  );
  time.advance(10);
  const invite = peer.last("INVITE");
  for (const tag of ["x", "y", "z"]) peer.respond(invite, 180, tag, peer.contact);
  time.advance(10);
  assert.is(alice.size().dialogs, 3);
  peer.respond(invite, 200, "y", peer.contact);
  time.advance(10);
  peer.respond(invite, 200, "z", [["Contact", "<sip:other@192.0.2.2>"]]);
  time.advance(10);
  assert.is(peer.kinds(), "INVITE ACK ACK BYE");
  assert.match(peer.received[2].text, /^ACK sip:other@/);
  assert.match(peer.last("BYE").headers.get("To")!, /tag=z/);
  peer.respond(peer.last("BYE"), 200, undefined);
  peer.respond(invite, 200, "z", peer.contact);
  peer.respond(invite, 200, "y", peer.contact);
  time.advance(10);
  assert.is(peer.kinds(), "INVITE ACK ACK BYE ACK ACK");
  assert.is(alice.counters()["forked-2xx"], 1);
  time.advance(32_000);
  assert.is(alice.size().dialogs, 1);
  assert.equal(log, ["alice sent", "alice 180", "alice 180", "alice 180", "alice accepted 200"]);
  dialog!.bye();
  time.advance(10);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, alice);
});

forks("a refusal ends every early dialog", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(10);
  for (const tag of ["x", "y"]) peer.respond(peer.last("INVITE"), 183, tag, peer.contact);
  time.advance(10);
  peer.respond(peer.last("INVITE"), 600, "y");
  time.advance(10);
  assert.is(alice.size().dialogs, 0);
  assert.is(log.pop(), "alice failed 600 response");
  settle(time, alice);
});

forks("more branches than anybody needs do not grow the table", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(10);
  for (let i = 0; i < 100; i++) peer.respond(peer.last("INVITE"), 180, `t${i}`, peer.contact);
  time.advance(10);
  assert.is(alice.size().dialogs, 16);
  assert.is(log.length, 101);
});

cancels.run();
forks.run();
