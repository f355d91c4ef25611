// The user agent core between two of its kind and against a scripted peer, in virtual time: calls out and in, refusals, misuse.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { IncomingInvite, InviteDialog } from "../../../firmware/sip/index.js";
import { agent, listen, outgoing, Peer, sdp } from "./support.js";
import { from, listenIncoming, settle, to, world } from "./world.js";

const calls = suite("calls");
const misuse = suite("misuse");

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
    /^INVITE sip:u2@192\.0\.2\.2 SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP 192\.0\.2\.1:5060;rport;branch=z9hG4bK[0-9a-f]{28}\r\nMax-Forwards: 70\r\nFrom: "One" <sip:u1@192\.0\.2\.1>;tag=[0-9a-f]{20}\r\nTo: <sip:u2@192\.0\.2\.2>\r\nCall-ID: [0-9a-f]{32}\r\nCSeq: \d+ INVITE\r\nContact: <sip:u1@192\.0\.2\.1:5060>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, MESSAGE\r\nSupported: 100rel, timer\r\nSession-Expires: 1800\r\nUser-Agent: Test\/1\r\nContent-Type: application\/sdp\r\nContent-Length: 5\r\n\r\noffer$/,
  );
  assert.match(ringing, /\r\nContact: <sip:u2@192\.0\.2\.2:5060>\r\n/);
  assert.match(ringing, /rport=5060/);
  assert.match(ok, /\r\nAllow: .*\r\n(.*\r\n)*Server: Test\/2\r\n/);
  assert.match(ack, /^ACK sip:u2@192\.0\.2\.2:5060 SIP/);
  assert.match(bye, /\r\nReason: Q\.850;cause=16\r\n/);
  assert.not.match(ack, /branch=z9hG4bK[^\r]*/.exec(invite)![0]);
  settle(time, alice, bob);
});

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
misuse.run();
