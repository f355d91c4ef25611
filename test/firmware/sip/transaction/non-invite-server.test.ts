// Non-INVITE server transaction: every transition of figure 8 in RFC 3261, with the instant of timer J.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { NonInviteServerTransaction } from "../../../../firmware/sip/transaction/index.js";
import { Bench, request, response } from "./support.js";

const options = request("OPTIONS");

function start(reliable = false) {
  const bench = new Bench();
  const transaction = new NonInviteServerTransaction(
    options,
    bench.around(reliable),
    () => bench.note("terminated"),
    () => bench.note("transport error"),
  );
  return { bench, transaction };
}

test("trying: copies are discarded; a user that never answers does not keep it for ever", () => {
  const { bench, transaction } = start();
  transaction.receiveRetransmission();
  bench.time.advance(63_999);
  assert.equal(bench.take(), ["3500 send 100"]);
  bench.time.advance(1);
  assert.equal(bench.take(), ["64000 terminated"]);
  assert.is(bench.time.active, 0);
});

for (const reliable of [false, true])
  test(`RFC 4320 4.1: 100 when timer E of the client has grown to T2, not before; ${reliable ? "TCP" : "UDP"}`, () => {
    const { bench, transaction } = start(reliable);
    bench.time.advance(3499);
    assert.equal(bench.take(), []);
    bench.time.advance(1);
    assert.equal(bench.take(), ["3500 send 100"]);
    assert.not(/tag=/.test(bench.messages[0].headers.get("To") ?? ""));
    transaction.respond(response(options, 200));
    assert.is(bench.take()[0], "3500 send 200");
    const quick = start(reliable);
    quick.transaction.respond(response(options, 200));
    quick.bench.time.advance(40_000);
    assert.is(quick.bench.take().filter((line) => line.includes("100")).length, 0);
  });

test("RFC 4320 4.1, 4.2: no other provisional response, no 408", () => {
  const { bench, transaction } = start();
  for (const status of [180, 183, 199, 408])
    assert.throws(() => transaction.respond(response(options, status)), /RFC 4320/);
  assert.equal(bench.take(), []);
  assert.is(transaction.state, "trying");
});

test("trying -> 1xx -> proceeding: copies bring it again, further ones are sent", () => {
  const { bench, transaction } = start();
  transaction.respond(response(options, 100));
  assert.is(transaction.state, "proceeding");
  transaction.receiveRetransmission();
  transaction.respond(response(options, 100));
  transaction.receiveRetransmission();
  assert.equal(bench.take(), ["0 send 100", "0 send 100", "0 send 100", "0 send 100"]);
});

for (const from of ["trying", "proceeding"] as const)
  for (const status of [200, 481])
    test(`${from} -> ${status} -> completed: copies bring it again for 64*T1 (timer J), other finals are discarded`, () => {
      const { bench, transaction } = start();
      if (from === "proceeding") transaction.respond(response(options, 100));
      bench.take();
      transaction.respond(response(options, status));
      assert.is(transaction.state, "completed");
      transaction.respond(response(options, 500));
      bench.time.advance(31_999);
      transaction.receiveRetransmission();
      bench.time.advance(1);
      assert.equal(bench.take(), [`0 send ${status}`, `31999 send ${status}`, "32000 terminated"]);
      assert.is(bench.time.active, 0);
    });

test("completed over a reliable transport: timer J is zero", () => {
  const { bench, transaction } = start(true);
  transaction.respond(response(options, 200));
  assert.equal(bench.take(), ["0 send 200", "0 terminated"]);
  assert.is(bench.time.active, 0);
});

for (const status of [100, 200])
  test(`a transport error on ${status} is told and ends it`, () => {
    const { bench, transaction } = start();
    bench.broken = new Error("gone");
    transaction.respond(response(options, status));
    assert.equal(bench.take(), [`0 send ${status}`, "0 transport error", "0 terminated"]);
    assert.is(bench.time.active, 0);
  });

test.run();
