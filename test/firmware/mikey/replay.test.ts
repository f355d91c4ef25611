// Replay cache and timestamps (RFC 3830 sections 4.2.8, 5.4).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryReplayCache } from "../../../firmware/mikey/index.js";
import { aheadMs, readNtp, writeNtp } from "../../../firmware/mikey/replay.js";

const test = suite("mikey replay");

test("a message is new once, and until its time has passed", () => {
  const cache = new MemoryReplayCache(10);
  assert.not(cache.has("a", 1000));
  assert.is(cache.add("a", 1000, 0), "added");
  assert.ok(cache.has("a", 1000));
  assert.is(cache.add("a", 1000, 999), "known");
});

test("the cache is bounded and makes room only by forgetting what is too old to be replayed", () => {
  const cache = new MemoryReplayCache(3);
  for (const [i, key] of ["a", "b", "c"].entries()) assert.is(cache.add(key, 1000 + i, 0), "added");
  assert.is(cache.add("d", 1500, 1000), "full");
  assert.is(cache.size, 3);
  assert.is(cache.add("d", 1500, 1002), "added");
  assert.is(cache.size, 2);
  assert.not(cache.has("c", 1600) && cache.has("e", 1600));
});

test("after the clock was set back, what was forgotten still counts as seen", () => {
  const cache = new MemoryReplayCache(1);
  assert.is(cache.add("a", 1000, 0), "added");
  assert.is(cache.add("b", 9000, 5000), "added");
  assert.ok(cache.has("a", 1000));
  assert.is(cache.add("a", 1000, 0), "known");
});

test("a hundred thousand messages in a small cache", () => {
  const cache = new MemoryReplayCache(256);
  for (let i = 0; i < 100_000; i++) assert.is(cache.add(`m${i}`, i + 100, i), "added");
  assert.ok(cache.size <= 256);
});

test("timestamps: 32.32 fixed point, right over the end of the era", () => {
  const stamp = 0xeeaaf0638c1a261bn;
  assert.is(readNtp(writeNtp(stamp)), stamp);
  assert.is(aheadMs(1n << 32n, 0n), 1000);
  assert.is(aheadMs(0n, 1n << 32n), -1000);
  assert.is(aheadMs(0x80000000n, 0xffffffff_80000000n), 1000);
  assert.is(aheadMs(0xffffffff_80000000n, 0x80000000n), -1000);
});

test.run();
