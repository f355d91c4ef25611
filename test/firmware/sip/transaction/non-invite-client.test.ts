// Non-INVITE client transaction: every transition of figure 6 in RFC 3261, with the instants of timers E, F and K.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { NonInviteClientTransaction } from "../../../../firmware/sip/transaction/index.js";
import { Bench, request, response } from "./support.js";

const options = request("OPTIONS");

function start(reliable = false, before: (bench: Bench) => void = () => {}) {
  const bench = new Bench();
  before(bench);
  const transaction = new NonInviteClientTransaction(
    options,
    bench.around(reliable),
    {
      provisional: (r) => bench.note(`tu ${r.status}`),
      final: (r) => bench.note(`tu ${r.status}`),
      timeout: () => bench.note("timeout"),
      transportError: () => bench.note("transport error"),
    },
    () => bench.note("terminated"),
  );
  transaction.start();
  return { bench, transaction };
}

test("trying: timer E doubles from T1 up to T2, timer F ends it at 64*T1", () => {
  const { bench } = start();
  bench.time.advance(60_000);
  const sent = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500].map((at) => `${at} send OPTIONS`);
  assert.equal(bench.take(), [...sent, "32000 timeout", "32000 terminated"]);
  assert.is(bench.time.active, 0);
});

test("trying over a reliable transport: sent once", () => {
  const { bench } = start(true);
  bench.time.advance(60_000);
  assert.equal(bench.take(), ["0 send OPTIONS", "32000 timeout", "32000 terminated"]);
});

test("trying -> transport error -> terminated", () => {
  const { bench } = start(false, (b) => {
    b.broken = new Error("unreachable");
  });
  assert.equal(bench.take(), ["0 send OPTIONS", "0 transport error", "0 terminated"]);
  assert.is(bench.time.active, 0);
});

test("trying -> 1xx -> proceeding: timer E goes on at T2, timer F still ends it", () => {
  const { bench, transaction } = start();
  bench.time.advance(600);
  transaction.receive(response(options, 100), 600);
  assert.is(transaction.state, "proceeding");
  transaction.receive(response(options, 100), 600);
  bench.time.advance(60_000);
  assert.equal(bench.take(), [
    "0 send OPTIONS",
    "500 send OPTIONS",
    "600 tu 100",
    "600 tu 100",
    ...[1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500].map((at) => `${at} send OPTIONS`),
    "32000 timeout",
    "32000 terminated",
  ]);
});

test("proceeding -> transport error -> terminated", () => {
  const { bench, transaction } = start();
  transaction.receive(response(options, 100), 0);
  bench.broken = new Error("gone");
  bench.take();
  bench.time.advance(500);
  assert.equal(bench.take(), ["500 send OPTIONS", "500 transport error", "500 terminated"]);
  assert.is(bench.time.active, 0);
});

for (const from of ["trying", "proceeding"] as const)
  for (const status of [200, 404])
    test(`${from} -> ${status} -> completed: passed up once, copies absorbed for T4 (timer K)`, () => {
      const { bench, transaction } = start();
      if (from === "proceeding") transaction.receive(response(options, 100), 0);
      bench.take();
      transaction.receive(response(options, status), 0);
      assert.is(transaction.state, "completed");
      bench.time.advance(4999);
      transaction.receive(response(options, status), 0);
      assert.is(transaction.state, "completed");
      bench.time.advance(1);
      assert.equal(bench.take(), [`0 tu ${status}`, "5000 terminated"]);
      assert.is(bench.time.active, 0);
    });

test("completed over a reliable transport: timer K is zero", () => {
  const { bench, transaction } = start(true);
  transaction.receive(response(options, 200), 0);
  assert.equal(bench.take(), ["0 send OPTIONS", "0 tu 200", "0 terminated"]);
});

test.run();
