// Clocks: NTP timestamps and one monotonic time for a whole machine.

import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromNtp, systemClock, toNtp } from "../../../firmware/runtime/clock.js";

test("NTP timestamps (RFC 5905 section 6: 1970-01-01 is 2208988800 s)", () => {
  assert.is(toNtp(0), 2_208_988_800n << 32n);
  assert.is(toNtp(500), (2_208_988_800n << 32n) | 0x8000_0000n);
  // RFC 3339's 1985-04-12T23:20:50.52Z
  assert.ok(Math.abs(fromNtp(toNtp(482196050520)) - 482196050520) < 0.001);
  // Era 1 begins 2036-02-07T06:28:16Z
  assert.is(toNtp(Date.UTC(2036, 1, 7, 6, 28, 16)) >> 32n, 0n);
});

test("the monotonic clock is the same in every thread", async () => {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     import(${JSON.stringify(new URL("../../../firmware/runtime/clock.js", import.meta.url).href)}).then(({ systemClock }) => parentPort.postMessage(systemClock.now()));`,
    { eval: true },
  );
  const before = systemClock.now();
  const there = await new Promise<number>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  const after = systemClock.now();
  assert.ok(there >= before - 1 && there <= after + 1, `${before} <= ${there} <= ${after}`);
  await worker.terminate();
});

test("the wall clock agrees with Date", () => {
  const before = Date.now();
  const wall = systemClock.wallMs();
  const after = Date.now();
  assert.ok(wall > before - 50 && wall < after + 50, `${before} <= ${wall} <= ${after}`);
});

test.run();
