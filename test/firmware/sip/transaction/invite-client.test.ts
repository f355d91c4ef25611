// INVITE client transaction: every transition of figure 5 in RFC 6026, with the instants of timers A, B, D and M.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { InviteClientTransaction } from "../../../../firmware/sip/transaction/index.js";
import { Bench, request, response } from "./support.js";

const invite = request("INVITE", "z9hG4bKkjshdyff", ["Route: <sip:p1;lr>, <sip:p2;lr>"]);

function start(reliable = false, before: (bench: Bench) => void = () => {}) {
  const bench = new Bench();
  before(bench);
  const transaction = new InviteClientTransaction(invite, bench.around(reliable), {
    provisional: (r) => bench.note(`tu ${r.status}`),
    success: (r) => bench.note(`tu ${r.status}`),
    failure: (r) => bench.note(`tu ${r.status}`),
    timeout: () => bench.note("timeout"),
    transportError: () => bench.note("transport error"),
    terminated: () => bench.note("terminated"),
  });
  transaction.start();
  return { bench, transaction };
}

test("calling: timer A doubles from T1, timer B ends it at 64*T1; no ACK", () => {
  const { bench, transaction } = start();
  bench.time.advance(60_000);
  assert.equal(bench.take(), [
    "0 send INVITE",
    "500 send INVITE",
    "1500 send INVITE",
    "3500 send INVITE",
    "7500 send INVITE",
    "15500 send INVITE",
    "31500 send INVITE",
    "32000 timeout",
    "32000 terminated",
  ]);
  assert.is(transaction.state, "terminated");
  assert.is(bench.time.active, 0);
});

test("calling over a reliable transport: sent once, timer B the same", () => {
  const { bench } = start(true);
  bench.time.advance(60_000);
  assert.equal(bench.take(), ["0 send INVITE", "32000 timeout", "32000 terminated"]);
});

test("calling -> transport error -> terminated", () => {
  const { bench, transaction } = start(false, (b) => {
    b.broken = new Error("unreachable");
  });
  assert.equal(bench.take(), ["0 send INVITE", "0 transport error", "0 terminated"]);
  assert.is(transaction.state, "terminated");
  assert.is(bench.time.active, 0);
});

test("calling -> 1xx -> proceeding: no more retransmissions, no time limit, every 1xx goes up", () => {
  const { bench, transaction } = start();
  bench.time.advance(600);
  transaction.receive(response(invite, 100), 600);
  assert.is(transaction.state, "proceeding");
  bench.time.advance(200_000);
  transaction.receive(response(invite, 180), 0);
  transaction.receive(response(invite, 180), 0);
  assert.equal(bench.take(), ["0 send INVITE", "500 send INVITE", "600 tu 100", "200600 tu 180", "200600 tu 180"]);
  assert.is(bench.time.active, 0);
});

for (const from of ["calling", "proceeding"] as const) {
  test(`${from} -> 300-699 -> completed: ACK, timer D 32 s, copies are acknowledged and not passed up`, () => {
    const { bench, transaction } = start();
    if (from === "proceeding") transaction.receive(response(invite, 180), 0);
    bench.take();
    transaction.receive(response(invite, 486), 0);
    assert.is(transaction.state, "completed");
    bench.time.advance(1000);
    transaction.receive(response(invite, 486), 0);
    transaction.receive(response(invite, 200), 0); // figure 5 has no such arrow
    bench.time.advance(31_000);
    assert.equal(bench.take(), ["0 send ACK", "0 tu 486", "1000 send ACK", "32000 terminated"]);
    assert.is(bench.time.active, 0);
  });

  test(`${from} -> 2xx -> accepted: no ACK of its own, every 2xx goes up for 64*T1 (timer M)`, () => {
    const { bench, transaction } = start();
    if (from === "proceeding") transaction.receive(response(invite, 180), 0);
    bench.take();
    transaction.receive(response(invite, 200), 0);
    assert.is(transaction.state, "accepted");
    bench.time.advance(31_999);
    transaction.receive(response(invite, 200, "other"), 0);
    transaction.receive(response(invite, 180), 0);
    transaction.receive(response(invite, 486), 0);
    bench.time.advance(1);
    transaction.receive(response(invite, 200), 0);
    assert.equal(bench.take(), ["0 tu 200", "31999 tu 200", "32000 terminated"]);
    assert.is(bench.time.active, 0);
  });
}

test("completed over a reliable transport: timer D is zero", () => {
  const { bench } = start(true);
  bench.take();
  const { bench: b, transaction } = start(true);
  transaction.receive(response(invite, 404), 0);
  assert.equal(b.take().slice(1), ["0 send ACK", "0 tu 404", "0 terminated"]);
  assert.is(bench.log.length, 0);
});

test("completed -> transport error of the ACK -> terminated", () => {
  const { bench, transaction } = start();
  bench.broken = new Error("gone");
  bench.take();
  transaction.receive(response(invite, 404), 0);
  assert.equal(
    bench.take().filter((line) => line !== "0 tu 404"),
    ["0 send ACK", "0 transport error", "0 terminated"],
  );
});

test("abandoned in proceeding: 64*T1 more for a final response, which is still acknowledged", () => {
  const { bench, transaction } = start();
  transaction.receive(response(invite, 180), 0);
  bench.take();
  transaction.abandon();
  bench.time.advance(32_000);
  assert.equal(bench.take(), ["32000 terminated"]);
  const other = start();
  other.transaction.receive(response(invite, 180), 0);
  other.bench.take();
  other.transaction.abandon();
  other.bench.time.advance(10_000);
  other.transaction.receive(response(invite, 487), 0);
  other.bench.time.advance(32_000);
  assert.equal(other.bench.take(), ["10000 send ACK", "10000 tu 487", "42000 terminated"]);
  assert.is(other.bench.time.active, 0);
});

test("the ACK of a failure is made as section 17.1.1.3 says", () => {
  const { bench, transaction } = start();
  transaction.receive(response(invite, 486), 0);
  const ack = bench.messages[1];
  assert.ok(ack.kind === "request");
  if (ack.kind !== "request") return;
  assert.is(ack.method, "ACK");
  assert.is(ack.uri, "sip:bob@biloxi.com");
  assert.equal(ack.headers.all("Via"), ["SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKkjshdyff"]);
  assert.is(ack.headers.get("To"), "Bob <sip:bob@biloxi.com>;tag=99sa0xk");
  assert.is(ack.headers.get("From"), "Alice <sip:alice@atlanta.com>;tag=88sja8x");
  assert.is(ack.headers.get("Call-ID"), "987asjd97y7atg");
  assert.is(ack.headers.get("CSeq"), "986759 ACK");
  assert.is(ack.headers.get("Max-Forwards"), "70");
  assert.equal(ack.headers.all("Route"), ["<sip:p1;lr>", "<sip:p2;lr>"]);
});

test("connection lost while calling: failed at once", () => {
  const { bench, transaction } = start(true);
  bench.time.advance(100);
  transaction.connectionLost(new Error("reset"));
  assert.equal(bench.take(), ["0 send INVITE", "100 transport error", "100 terminated"]);
  assert.is(bench.time.active, 0);
});

test("connection lost in proceeding: 32 s for the server to come back over another one", () => {
  const { bench, transaction } = start(true);
  bench.time.advance(100);
  transaction.receive(response(invite, 180), 100);
  transaction.connectionLost(new Error("reset"));
  bench.time.advance(31_999);
  assert.equal(bench.take(), ["0 send INVITE", "100 tu 180"]);
  bench.time.advance(1);
  assert.equal(bench.take(), ["32100 transport error", "32100 terminated"]);
  assert.is(bench.time.active, 0);
});

test("connection lost in proceeding: any response that comes over another one ends the wait", () => {
  const again = start(true);
  again.transaction.receive(response(invite, 180), 0);
  again.transaction.connectionLost(new Error("reset"));
  again.bench.time.advance(20_000);
  again.transaction.receive(response(invite, 183), 20_000);
  again.bench.time.advance(100_000);
  assert.is(again.transaction.state, "proceeding", "it rings as long as it likes");
  again.transaction.receive(response(invite, 200), 120_000);
  again.bench.time.advance(100_000);
  assert.equal(again.bench.take(), ["0 send INVITE", "0 tu 180", "20000 tu 183", "120000 tu 200", "152000 terminated"]);
  const refused = start(true);
  refused.transaction.receive(response(invite, 100), 0);
  refused.transaction.connectionLost(new Error("reset"));
  refused.transaction.receive(response(invite, 486), 0);
  assert.is(refused.transaction.state, "terminated");
  assert.is(refused.bench.time.active, 0);
});

test.run();
