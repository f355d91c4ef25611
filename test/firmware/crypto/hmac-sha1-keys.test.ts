// HMAC-SHA1 under several keys at once against OpenSSL through node:crypto, with vectors and without.

import { createHmac, randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fillBlock, HmacSha1Keys, ONE_BLOCK_MESSAGE } from "../../../firmware/crypto/hmac-sha1-keys.js";
import { sha1Lanes } from "../../../firmware/crypto/sha1-lanes.js";
import { hex } from "../../vectors.js";

const lanes = sha1Lanes();
if (!lanes) console.log("skipped: this processor has no vectors for SHA-1 in four lanes");

/** A result of {@link HmacSha1Keys} as bytes. */
const wordBytes = (words: Int32Array) =>
  Uint8Array.from({ length: 20 }, (_, i) => words[i >>> 2] >>> (24 - ((i & 3) << 3)));

test("several keys in one: blocks and messages of every length equal OpenSSL's, the last key may be short or empty", () => {
  const data = randomBytes(77);
  const keys = new HmacSha1Keys(data, 32, 4);
  const block = new Int32Array(16);
  const out = new Int32Array(5);
  for (let k = 0; k < 4; k++) {
    const key = data.subarray(Math.min(32 * k, 77), Math.min(32 * (k + 1), 77));
    for (let length = 0; length <= 130; length++) {
      const message = randomBytes(length);
      const expected = createHmac("sha1", key).update(message).digest("hex");
      keys.computeBytes(k, message, 0, length, out);
      assert.is(hex(wordBytes(out)), expected, `${length} bytes under key ${k}`);
      if (length > ONE_BLOCK_MESSAGE) continue;
      fillBlock(block, message);
      keys.compute(k, block, out);
      assert.is(hex(wordBytes(out)), expected, `${length} bytes in a block under key ${k}`);
    }
  }
  assert.is(new HmacSha1Keys(data, 32).length, 3);
  assert.throws(
    () => fillBlock(block, new Uint8Array(ONE_BLOCK_MESSAGE + 1)),
    (e: Error) => e instanceof RangeError,
  );
  assert.throws(
    () => new HmacSha1Keys(data, 65),
    (e: Error) => e instanceof RangeError,
  );
  keys.wipe();
  keys.computeBytes(0, data, 0, 10, out);
  assert.is.not(
    hex(wordBytes(out)),
    createHmac("sha1", data.subarray(0, 32)).update(data.subarray(0, 10)).digest("hex"),
  );
});

test("a block leaves room before its message", () => {
  const key = randomBytes(32);
  const keys = new HmacSha1Keys(key, 32);
  const message = randomBytes(35);
  const block = new Int32Array(16);
  const out = new Int32Array(5);
  fillBlock(block, message, 20);
  for (let i = 0; i < 5; i++) block[i] = 0x01020304;
  keys.compute(0, block, out);
  const before = Buffer.from("01020304".repeat(5), "hex");
  assert.is(hex(wordBytes(out)), createHmac("sha1", key).update(before).update(message).digest("hex"));
});

const ways = [["one after another", null], ...(lanes ? [["in four lanes", lanes] as const] : [])] as const;
for (const [how, by] of ways)
  test(`chained ${how}: 1 to 9 keys, 1 to 4 messages that differ in their first two words, of every length that fits`, () => {
    const [first, second] = [new Int32Array(16), new Int32Array(16)];
    for (let count = 1; count <= 9; count++) {
      const data = randomBytes(32 * count - (count > 1 ? 13 : 0));
      const keys = new HmacSha1Keys(data, 32, undefined, by);
      assert.is(keys.length, count);
      for (let length = 8; length <= ONE_BLOCK_MESSAGE - 20; length++) {
        const [one, two] = [randomBytes(length), randomBytes(ONE_BLOCK_MESSAGE - 20)];
        fillBlock(first, one);
        fillBlock(second, two, 20);
        const messages = 1 + (length % 4);
        const starts = Int32Array.from({ length: 2 * messages }, () => randomBytes(4).readInt32BE());
        const before = Int32Array.from({ length: 5 * messages }, (_, i) => i);
        const sums = before.slice();
        keys.chain(first, second, starts, sums);
        for (let m = 0; m < messages; m++) {
          const own = Buffer.alloc(8);
          for (let i = 0; i < 2; i++) own.writeInt32BE(starts[2 * m + i], 4 * i);
          const expected = Buffer.alloc(20);
          for (let i = 0; i < 5; i++) expected.writeInt32BE(before[5 * m + i], 4 * i);
          for (let k = 0; k < count; k++) {
            const mac = () => createHmac("sha1", data.subarray(32 * k, 32 * (k + 1)));
            const link = mac().update(own).update(one.subarray(8)).digest();
            const hash = mac().update(link).update(own).update(two.subarray(8)).digest();
            for (let i = 0; i < 20; i++) expected[i] ^= hash[i];
          }
          const sum = wordBytes(sums.subarray(5 * m, 5 * m + 5));
          assert.is(hex(sum), expected.toString("hex"), `${count} keys, ${length} bytes, message ${m}`);
        }
      }
      // The same states serve single messages.
      const out = new Int32Array(5);
      for (let k = 0; k < count; k++) {
        keys.computeBytes(k, data, 0, data.length, out);
        const expected = createHmac("sha1", data.subarray(32 * k, 32 * (k + 1)))
          .update(data)
          .digest("hex");
        assert.is(hex(wordBytes(out)), expected);
      }
      keys.wipe();
    }
  });

if (lanes)
  test("nothing of keys and hashes stays in the lanes' memory", () => {
    const memory: Int32Array = lanes.secrets();
    const keys = new HmacSha1Keys(randomBytes(192), 32);
    assert.ok(memory.every((word) => word === 0));
    keys.chain(new Int32Array(16).fill(1), new Int32Array(16).fill(2), Int32Array.of(3, 4), new Int32Array(5));
    assert.ok(memory.every((word) => word === 0));
  });

test.run();
