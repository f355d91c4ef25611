// Random bytes from a pool: as many as asked for, none twice.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { pooledRandom } from "../../../firmware/crypto/random.js";

const test = suite("pooled random");

test("lengths, over the pool's end and beyond its size", () => {
  const random = pooledRandom();
  for (const length of [0, 1, 16, 32, 255, 256, 257, 1023, 1024, 5000]) assert.is(random(length).length, length);
  assert.throws(() => random(-1));
});

test("no portion comes twice, and portions do not share memory", () => {
  const random = pooledRandom();
  const seen = new Set<string>();
  const first = random(16);
  const kept = Buffer.from(first).toString("hex");
  for (let i = 0; i < 20_000; i++) seen.add(Buffer.from(random(16)).toString("hex"));
  assert.is(seen.size, 20_000);
  assert.is(Buffer.from(first).toString("hex"), kept);
  assert.is(first.buffer.byteLength, 16);
});

test("every bit is one about half the time", () => {
  const random = pooledRandom();
  const ones = new Array<number>(64).fill(0);
  for (let i = 0; i < 4000; i++)
    for (const [at, byte] of random(8).entries())
      for (let bit = 0; bit < 8; bit++) ones[8 * at + bit] += (byte >> bit) & 1;
  for (const count of ones) assert.ok(count > 1800 && count < 2200, String(count));
});

test.run();
