// INVITE server transaction: every transition of figure 7 in RFC 6026, with the instants of 100 Trying and timers G, H, I, L.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { InviteServerTransaction } from "../../../../firmware/sip/transaction/index.js";
import { Bench, request, response } from "./support.js";

const invite = request("INVITE", "z9hG4bK1", ["Timestamp: 54"]);

function start(reliable = false) {
  const bench = new Bench();
  const transaction = new InviteServerTransaction(invite, bench.around(reliable), () => bench.note("terminated"));
  transaction.user = {
    timeout: () => bench.note("timeout"),
    transportError: () => bench.note("transport error"),
  };
  return { bench, transaction };
}

test("proceeding: 100 after 200 ms when the user says nothing; without a tag, with the Timestamp", () => {
  const { bench } = start();
  bench.time.advance(10_000);
  assert.equal(bench.take(), ["200 send 100"]);
  const trying = bench.messages[0];
  assert.is(trying.headers.get("To"), "Bob <sip:bob@biloxi.com>");
  assert.is(trying.headers.get("Timestamp"), "54");
});

test("proceeding: no 100 when the user was quicker", () => {
  const { bench, transaction } = start();
  bench.time.advance(199);
  transaction.respond(response(invite, 180));
  bench.time.advance(10_000);
  assert.equal(bench.take(), ["199 send 180"]);
});

test("proceeding: a copy of the INVITE brings the newest provisional response, or nothing", () => {
  const { bench, transaction } = start();
  transaction.receiveRetransmission();
  transaction.respond(response(invite, 180));
  transaction.receiveRetransmission();
  transaction.respond(response(invite, 183));
  transaction.receiveRetransmission();
  assert.not(transaction.receiveAck());
  assert.equal(bench.take(), ["0 send 180", "0 send 180", "0 send 183", "0 send 183"]);
});

test("proceeding -> 300-699 -> completed: timer G doubles up to T2, timer H gives up at 64*T1", () => {
  const { bench, transaction } = start();
  transaction.respond(response(invite, 486));
  assert.is(transaction.state, "completed");
  bench.time.advance(60_000);
  const sent = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500].map((at) => `${at} send 486`);
  assert.equal(bench.take(), [...sent, "32000 timeout", "32000 terminated"]);
  assert.is(bench.time.active, 0);
});

test("completed over a reliable transport: no timer G", () => {
  const { bench, transaction } = start(true);
  transaction.respond(response(invite, 486));
  bench.time.advance(60_000);
  assert.equal(bench.take(), ["0 send 486", "32000 timeout", "32000 terminated"]);
});

test("completed: a copy of the INVITE brings the response; further responses of the user are ignored", () => {
  const { bench, transaction } = start();
  transaction.respond(response(invite, 486));
  transaction.receiveRetransmission();
  transaction.respond(response(invite, 200));
  transaction.respond(response(invite, 180));
  assert.equal(bench.take(), ["0 send 486", "0 send 486"]);
});

test("completed -> ACK -> confirmed: silence, copies of ACK and INVITE absorbed for T4 (timer I)", () => {
  const { bench, transaction } = start();
  transaction.respond(response(invite, 486));
  bench.time.advance(600);
  assert.not(transaction.receiveAck());
  assert.is(transaction.state, "confirmed");
  transaction.receiveAck();
  transaction.receiveRetransmission();
  bench.time.advance(5000);
  assert.equal(bench.take(), ["0 send 486", "500 send 486", "5600 terminated"]);
  assert.is(bench.time.active, 0);
});

test("confirmed over a reliable transport: timer I is zero", () => {
  const { bench, transaction } = start(true);
  transaction.respond(response(invite, 486));
  transaction.receiveAck();
  assert.equal(bench.take(), ["0 send 486", "0 terminated"]);
});

test("proceeding -> 2xx -> accepted: not repeated by the machine, INVITE absorbed, ACK to the user, gone after 64*T1 (timer L)", () => {
  const { bench, transaction } = start();
  transaction.respond(response(invite, 200));
  assert.is(transaction.state, "accepted");
  transaction.receiveRetransmission();
  bench.time.advance(10_000);
  assert.equal(bench.take(), ["0 send 200"]);
  transaction.respond(response(invite, 200)); // the user repeats it
  transaction.respond(response(invite, 486));
  assert.ok(transaction.receiveAck());
  assert.ok(transaction.receiveAck());
  bench.time.advance(22_000);
  assert.equal(bench.take(), ["10000 send 200", "32000 terminated"]);
  assert.is(bench.time.active, 0);
});

for (const [state, status] of [
  ["proceeding", 180],
  ["completed", 486],
  ["accepted", 200],
] as const)
  test(`${state}: a transport error is told and changes nothing (RFC 6026 section 7.1)`, () => {
    const { bench, transaction } = start();
    bench.broken = new Error("gone");
    transaction.respond(response(invite, status));
    assert.is(transaction.state, state);
    assert.equal(bench.take(), [`0 send ${status}`, "0 transport error"]);
  });

test.run();
