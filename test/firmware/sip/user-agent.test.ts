// The user agent core between two of its kind and against a scripted peer, in virtual time: set-up, refusal, CANCEL, forks, BYE rules.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import type { IncomingInvite, InviteDialog } from "../../../firmware/sip/index.js";
import { agent, listen, Network, outgoing, Peer, sdp } from "./support.js";

const calls = suite("calls");
const cancels = suite("cancel");
const forks = suite("forks");
const endings = suite("endings");
const misuse = suite("misuse");

const from = { uri: "sip:u1@192.0.2.1", displayName: "One" };
const to = (number: number): string => `sip:u${number}@192.0.2.${number}`;

function world() {
  const time = new VirtualTime();
  const network = new Network(time);
  return { time, network, log: [] as string[] };
}

/** Lets every timer run out; nothing may be left. */
function settle(time: VirtualTime, ...agents: { size(): { dialogs: number; client: number; server: number } }[]): void {
  time.advance(700_000);
  assert.is(time.active, 0, "timers left");
  for (const each of agents) assert.equal(each.size(), { dialogs: 0, client: 0, server: 0 });
}

calls("the caller's and the callee's sequence of events, and the messages between them", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      log.push("bob invited");
      listenIncoming(call, log);
      call.provisional(180);
      time.after(1000, () => listen(call.accept({ body: sdp("answer") }), log, "bob"));
    },
  };
  alice.invite(
    { target: to(2), from, body: sdp("offer") },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        assert.is(dialog.remoteUri, to(2));
        assert.is(dialog.localUri, from.uri);
        dialog.ack();
        time.after(5000, () => dialog.bye([["Reason", "Q.850;cause=16"]]));
      },
    }),
  );
  time.advance(20_000);
  assert.equal(log, [
    "alice sent",
    "bob invited",
    "alice 180",
    "alice accepted 200",
    "bob acked",
    "bob ended by peer",
    "alice ended by us",
  ]);
  assert.equal(network.ladder(), ["1>2 INVITE", "2>1 180", "2>1 200", "1>2 ACK", "1>2 BYE", "2>1 200"]);
  const [invite, ringing, ok, ack, bye] = network.sent.map((each) => each.text);
  assert.match(
    invite,
    /^INVITE sip:u2@192\.0\.2\.2 SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP 192\.0\.2\.1:5060;rport;branch=z9hG4bK[0-9a-f]{28}\r\nMax-Forwards: 70\r\nFrom: "One" <sip:u1@192\.0\.2\.1>;tag=[0-9a-f]{20}\r\nTo: <sip:u2@192\.0\.2\.2>\r\nCall-ID: [0-9a-f]{32}\r\nCSeq: \d+ INVITE\r\nContact: <sip:u1@192\.0\.2\.1:5060>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nUser-Agent: Test\/1\r\nContent-Type: application\/sdp\r\nContent-Length: 5\r\n\r\noffer$/,
  );
  assert.match(ringing, /\r\nContact: <sip:u2@192\.0\.2\.2:5060>\r\n/);
  assert.match(ringing, /rport=5060/);
  assert.match(ok, /\r\nAllow: .*\r\n(.*\r\n)*Server: Test\/2\r\n/);
  assert.match(ack, /^ACK sip:u2@192\.0\.2\.2:5060 SIP/);
  assert.match(bye, /\r\nReason: Q\.850;cause=16\r\n/);
  assert.not.match(ack, /branch=z9hG4bK[^\r]*/.exec(invite)![0]);
  settle(time, alice, bob);
});

function listenIncoming(call: IncomingInvite, log: string[], name = "bob"): void {
  call.events = { cancelled: (reason) => log.push(`${name} cancelled: ${reason}`) };
}

calls("100 Trying goes out by itself when the callee takes longer than 200 ms", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  bob.events = { invite: (call) => void time.after(400, () => call.reject(486)) };
  alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(1000);
  assert.equal(log, ["alice sent", "alice 100", "alice failed 486 response"]);
  assert.equal(network.ladder(), ["1>2 INVITE", "2>1 100", "2>1 486", "1>2 ACK"]);
  settle(time, alice, bob);
});

for (const [status, reason] of [
  [486, "Busy Here"],
  [603, "Decline"],
  [488, "Not Acceptable Here"],
  [302, "Moved Temporarily"],
] as const)
  calls(`reject(${status}) reaches the caller with its headers`, () => {
    const { time, network, log } = world();
    const alice = agent(network, 1);
    const bob = agent(network, 2);
    bob.events = { invite: (call) => call.reject(status, { headers: [["Warning", '399 host "words"']] }) };
    alice.invite(
      { target: to(2), from },
      outgoing(log, "alice", {
        failed: (failure) => {
          assert.is(failure.reason, reason);
          assert.is(failure.response?.headers.get("Warning"), '399 host "words"');
        },
      }),
    );
    time.advance(100);
    assert.equal(log, ["alice sent", `alice failed ${status} response`]);
    settle(time, alice, bob);
  });

calls("nobody listens: 480; nobody there: 408 after 64*T1; socket refuses: 503", () => {
  const { time, network, log } = world();
  const bob = agent(network, 2);
  const transport = network.bind("192.0.2.1");
  const alice = agent(network, 1, { transport });
  alice.invite({ target: to(2), from }, outgoing(log, "a"));
  alice.invite({ target: to(9), from }, outgoing(log, "b"));
  time.advance(31_999);
  assert.equal(log, ["a sent", "b sent", "a failed 480 response"]);
  time.advance(1);
  assert.is(log.pop(), "b failed 408 timeout");
  transport.fail = new Error("network is unreachable");
  alice.invite({ target: to(2), from }, outgoing(log, "c"));
  assert.is(log.pop(), "c failed 503 transport");
  settle(time, alice, bob);
});

calls("a request goes to nextHop when it is given", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const proxy = new Peer(network, 7, 5090);
  alice.invite(
    {
      target: "sip:bob@unresolvable.invalid",
      from,
      nextHop: { host: "192.0.2.7", port: 5090, transport: "udp" },
      headers: [["Route", "<sip:192.0.2.7:5090;lr>"]],
    },
    outgoing(log, "alice"),
  );
  time.advance(10);
  assert.match(
    proxy.received[0].text,
    /^INVITE sip:bob@unresolvable\.invalid SIP[\s\S]*\r\nRoute: <sip:192\.0\.2\.7:5090;lr>\r\n/,
  );
  proxy.respond(proxy.last("INVITE"), 404, "x");
  time.advance(10);
  assert.equal(log, ["alice sent", "alice failed 404 response"]);
  assert.match(proxy.last("ACK").headers.get("Route")!, /7:5090/);
  settle(time, alice);
});

calls("targets no transport here can reach fail with 503, later than the call itself", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  for (const target of ["sips:a@192.0.2.2", "sip:a@192.0.2.2;transport=tcp"])
    alice.invite({ target, from }, outgoing(log, "alice"));
  assert.equal(log, []);
  time.advance(0);
  assert.equal(log, ["alice failed 503 transport", "alice failed 503 transport"]);
  settle(time, alice);
});

calls("a long ringing is refreshed every minute; one that nobody answers ends with 480", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      listenIncoming(call, log);
      call.provisional(180);
    },
  };
  alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(599_000);
  assert.is(log.filter((line) => line === "alice 180").length, 10);
  time.advance(2000);
  assert.equal(log.slice(-2), ["bob cancelled: nobody answered", "alice failed 480 response"]);
  settle(time, alice, bob);
});

calls("Expires in the INVITE ends the ringing with 487", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      listenIncoming(call, log);
      call.provisional(180);
    },
  };
  alice.invite({ target: to(2), from, headers: [["Expires", "30"]] }, outgoing(log, "alice"));
  time.advance(31_000);
  assert.equal(log, ["alice sent", "alice 180", "bob cancelled: the invitation expired", "alice failed 487 response"]);
  settle(time, alice, bob);
});

calls("a lost 200 is sent again at T1, 2*T1, ... up to T2 until the ACK; each copy is acknowledged again", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  let acks = 0;
  network.fate = (_n, bytes) =>
    Buffer.from(bytes).toString("latin1").startsWith("ACK") && ++acks < 4 ? { copies: 0 } : undefined;
  bob.events = { invite: (call) => listen(call.accept({ body: sdp("x") }), log, "bob") };
  alice.invite({ target: to(2), from }, outgoing(log, "alice", { accepted: (dialog) => dialog.ack(sdp("y")) }));
  time.advance(10_000);
  assert.equal(log, ["alice sent", "alice accepted 200", "bob acked"]);
  const oks = network.sent.filter((each) => each.first.includes("200"));
  assert.equal(
    oks.map((each) => each.atMs - oks[0].atMs),
    [0, 500, 1500, 3500],
  );
  const sentAcks = network.sent.filter((each) => each.first.startsWith("ACK"));
  assert.is(new Set(sentAcks.map((each) => each.text)).size, 1);
  assert.is(sentAcks.length, 4);
});

calls("a 200 that is never acknowledged: repeated for 64*T1, then BYE", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = { invite: (call) => listen(call.accept({ body: sdp("x") }), log, "bob") };
  peer.request(2, "INVITE", {}, "offer");
  time.advance(33_000);
  const oks = network.sent.filter((each) => each.first.includes("200"));
  assert.equal(
    oks.map((each) => each.atMs - 5),
    [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500],
  );
  assert.equal(log, ["bob ended by timeout"]);
  assert.is(peer.last("BYE").headers.get("CSeq")!.split(" ")[1], "BYE");
  assert.is(bob.counters()["ack-timeout"], 1);
  settle(time, bob);
});

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

function connected() {
  const all = world();
  const { time, network, log } = all;
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  const dialogs = {} as { alice: InviteDialog; bob: InviteDialog };
  bob.events = {
    invite(call) {
      dialogs.bob = call.accept({ body: sdp("answer") });
      listen(dialogs.bob, log, "bob");
    },
  };
  alice.invite(
    { target: to(2), from, body: sdp("offer") },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        dialogs.alice = dialog;
        dialog.ack();
      },
    }),
  );
  time.advance(100);
  log.length = 0;
  network.sent.length = 0;
  return { ...all, alice, bob, dialogs };
}

endings("the callee hangs up", () => {
  const { time, network, log, alice, bob, dialogs } = connected();
  dialogs.bob.bye();
  dialogs.bob.bye();
  time.advance(100);
  assert.equal(log, ["alice ended by peer", "bob ended by us"]);
  assert.equal(network.ladder(), ["2>1 BYE", "1>2 200"]);
  settle(time, alice, bob);
});

endings("both hang up at once: two BYEs, each side ends once", () => {
  const { time, network, log, alice, bob, dialogs } = connected();
  dialogs.alice.bye();
  dialogs.bob.bye();
  time.advance(100);
  assert.equal(log.sort(), ["alice ended by us", "bob ended by us"]);
  assert.equal(network.ladder().sort(), ["1>2 200", "1>2 BYE", "2>1 200", "2>1 BYE"]);
  settle(time, alice, bob);
});

endings("the callee's bye() before the ACK waits for it (section 15)", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      const dialog = call.accept({});
      listen(dialog, log, "bob");
      dialog.bye([["Reason", "SIP;cause=200"]]);
    },
  };
  peer.request(2, "INVITE", {}, "offer");
  time.advance(1000);
  assert.not.match(peer.kinds(), /BYE/);
  const tag = /tag=(\w+)/.exec(peer.last(200).headers.get("To")!)![1];
  peer.request(2, "ACK", { To: `<sip:u2@192.0.2.2>;tag=${tag}` });
  time.advance(20);
  assert.is(peer.last("BYE").headers.get("Reason"), "SIP;cause=200");
  peer.respond(peer.last("BYE"), 200, undefined);
  time.advance(20);
  assert.equal(log, ["bob acked", "bob ended by us"]);
  settle(time, bob);
});

endings("the callee's bye() before an ACK that never comes: sent when the 2xx is given up", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      const dialog = call.accept({});
      listen(dialog, log, "bob");
      dialog.bye();
    },
  };
  peer.request(2, "INVITE", {}, "offer");
  time.advance(32_010);
  assert.match(peer.kinds(), /BYE$/);
  assert.equal(log, ["bob ended by timeout"]);
  settle(time, bob);
});

endings("the caller's bye() before ack(): the ACK goes first", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  bob.events = { invite: (call) => listen(call.accept({}), log, "bob") };
  alice.invite({ target: to(2), from }, outgoing(log, "alice", { accepted: (dialog) => dialog.bye() }));
  time.advance(100);
  assert.equal(network.ladder(), ["1>2 INVITE", "2>1 200", "1>2 ACK", "1>2 BYE", "2>1 200"]);
  assert.equal(log, ["alice sent", "alice accepted 200", "bob acked", "bob ended by peer", "alice ended by us"]);
  settle(time, alice, bob);
});

endings("the peer's BYE before its ACK stops the 2xx", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = { invite: (call) => listen(call.accept({}), log, "bob") };
  peer.request(2, "INVITE", {}, "offer");
  time.advance(20);
  const tag = /tag=(\w+)/.exec(peer.last(200).headers.get("To")!)![1];
  peer.request(2, "BYE", { To: `<sip:u2@192.0.2.2>;tag=${tag}`, CSeq: "2 BYE" });
  time.advance(5000);
  assert.is(peer.kinds(), "200 200");
  assert.equal(log, ["bob ended by peer"]);
  settle(time, bob);
});

endings("the caller's BYE in an early dialog: 200, and 487 to the INVITE", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      listenIncoming(call, log);
      call.provisional(180);
    },
  };
  peer.request(2, "INVITE", {}, "offer");
  time.advance(20);
  const tag = /tag=(\w+)/.exec(peer.last(180).headers.get("To")!)![1];
  peer.request(2, "BYE", { To: `<sip:u2@192.0.2.2>;tag=${tag}`, CSeq: "2 BYE" });
  time.advance(20);
  assert.is(peer.kinds(), "180 200 487");
  assert.equal(log, ["bob cancelled: the caller hung up"]);
  settle(time, bob);
});

for (const [status, text] of [
  [481, "481"],
  [undefined, "no answer"],
] as const)
  endings(`our BYE gets ${text}: the dialog is over all the same`, () => {
    const { time, network, log } = world();
    const alice = agent(network, 1);
    const peer = new Peer(network, 2);
    alice.invite(
      { target: to(2), from },
      outgoing(log, "alice", {
        accepted: (dialog) => {
          dialog.ack();
          dialog.bye();
        },
      }),
    );
    time.advance(10);
    peer.respond(peer.last("INVITE"), 200, "t", peer.contact);
    time.advance(10);
    if (status) peer.respond(peer.last("BYE"), status, undefined);
    time.advance(33_000);
    assert.is(log.pop(), "alice ended by us");
    settle(time, alice);
  });

endings("close() hangs up, cancels and declines, and waits for the answers", async () => {
  const { time, network, log, alice, bob, dialogs } = connected();
  assert.ok(dialogs.alice);
  const carol = agent(network, 3);
  const dave = agent(network, 4);
  dave.events = {
    invite(call) {
      listenIncoming(call, log, "dave");
      call.provisional(180);
    },
  };
  alice.events = {
    invite: (call) => {
      listenIncoming(call, log, "alice");
      call.provisional(180);
    },
  };
  alice.invite({ target: to(4), from }, outgoing(log, "alice to dave"));
  carol.invite({ target: to(1), from }, outgoing(log, "carol"));
  time.advance(100);
  log.length = 0;
  const closed = alice.close();
  assert.is(alice.close(), closed);
  for (let i = 0; i < 100; i++) {
    time.advance(10);
    await Promise.resolve();
  }
  await closed;
  assert.equal(log.sort(), [
    "alice ended by us",
    "alice to dave failed 487 response",
    "bob ended by peer",
    "carol failed 480 response",
    "dave cancelled: the caller hung up",
  ]);
  assert.throws(() => alice.invite({ target: to(2), from }, outgoing(log, "x")), /closed/);
  assert.equal(alice.size(), { dialogs: 0, client: 0, server: 0 });
  settle(time, bob, carol, dave);
});

endings("close() does not wait longer than its limit for a peer that is gone", async () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  alice.invite({ target: to(2), from }, outgoing(log, "alice", { accepted: (dialog) => dialog.ack() }));
  time.advance(10);
  peer.respond(peer.last("INVITE"), 200, "t", peer.contact);
  time.advance(10);
  const closed = alice.close();
  let done = false;
  void closed.then(() => {
    done = true;
  });
  for (let i = 0; i < 199; i++) {
    time.advance(10);
    await Promise.resolve();
  }
  assert.not(done);
  for (let i = 0; i < 5; i++) {
    time.advance(10);
    await Promise.resolve();
  }
  await closed;
  assert.is(log.pop(), "alice ended by us");
  assert.is(time.active, 0);
});

misuse("what the caller of the contract may not do, in words", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  const events = outgoing(log, "x");
  assert.throws(() => alice.invite({ target: "bob", from }, events), /target is not a SIP URI/);
  assert.throws(() => alice.invite({ target: to(2), from: { uri: "no uri" } }, events), /from is not a URI/);
  assert.throws(
    () => alice.invite({ target: to(2), from, headers: [["Call-ID", "x"]] }, events),
    /Call-ID is set by the user agent/,
  );
  assert.throws(() => alice.invite({ target: to(2), from, headers: [["X", "a\r\nb: c"]] }, events), /line break/);
  assert.throws(() => alice.request("INVITE", { target: to(2), from }, () => {}), /not sent on its own/);
  let incoming: IncomingInvite | undefined;
  bob.events = {
    invite: (call) => {
      incoming = call;
    },
  };
  let dialog: InviteDialog | undefined;
  alice.invite(
    { target: to(2), from },
    outgoing(log, "alice", {
      accepted: (d) => {
        dialog = d;
      },
    }),
  );
  time.advance(10);
  assert.throws(() => incoming!.provisional(200), /101 to 199/);
  assert.throws(() => incoming!.reject(200), /300 to 699/);
  const bobs = incoming!.accept({});
  assert.throws(() => incoming!.accept({}), /already answered/);
  assert.throws(() => incoming!.reject(486), /already answered/);
  assert.throws(() => bobs.ack(), /no 2xx/);
  time.advance(10);
  dialog!.ack();
  assert.throws(() => dialog!.ack(), /no 2xx/);
  assert.throws(() => dialog!.bye([["X\r\n", "y"]]), /not a token/);
});

calls.run();
cancels.run();
forks.run();
endings.run();
misuse.run();
