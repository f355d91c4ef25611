// AES against FIPS 197, counter mode against RFC 3711 appendix B.2, and both against OpenSSL through node:crypto.

import { createCipheriv, randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Aes, aesCounterXor } from "../../../firmware/crypto/index.js";
import { bytes, hex, vectors } from "../../vectors.js";

const fips = vectors<{ vectors: { section: string; key: string; plaintext: string; ciphertext: string }[] }>(
  "fips197-aes",
);
const rfc3711 = vectors<{
  keystream: { key: string; counter: string; bytes: number; blocks: { number: number; keystream: string }[] };
}>("rfc3711-srtp");

for (const vector of fips.vectors)
  test(`FIPS 197 ${vector.section}: a ${vector.key.length * 4}-bit key`, () => {
    const out = new Uint8Array(18);
    new Aes(bytes(vector.key)).encryptBlockInto(out, 1, bytes(vector.plaintext), 0);
    assert.is(hex(out), `00${vector.ciphertext}00`);
  });

test("encryptBlockInto may write over its input", () => {
  const vector = fips.vectors[0];
  const block = bytes(vector.plaintext);
  new Aes(bytes(vector.key)).encryptBlockInto(block, 0, block, 0);
  assert.is(hex(block), vector.ciphertext);
});

test("RFC 3711 B.2: 65282 blocks of keystream", () => {
  const { key, counter, bytes: length, blocks } = rfc3711.keystream;
  const data = new Uint8Array(length);
  aesCounterXor(bytes(key), bytes(counter), data);
  for (const { number, keystream } of blocks)
    assert.is(hex(data.subarray(16 * number, 16 * number + 16)), keystream, `block ${number}`);
});

test("counter mode equals OpenSSL's for every length to 80 bytes and all key sizes", () => {
  for (const bits of [128, 192, 256])
    for (let length = 0; length <= 80; length++) {
      const key = randomBytes(bits / 8);
      const iv = randomBytes(16);
      const data = randomBytes(length);
      const expected = createCipheriv(`aes-${bits}-ctr`, key, iv).update(data);
      const got = new Uint8Array(data);
      aesCounterXor(key, iv, got);
      assert.is(hex(got), expected.toString("hex"), `${bits} bits, ${length} bytes`);
    }
});

test("the counter carries through all 128 bits as OpenSSL's does", () => {
  for (let ones = 1; ones <= 16; ones++) {
    const key = randomBytes(16);
    const iv = randomBytes(16);
    iv.fill(0xff, 16 - ones);
    iv[15] = 0xfe;
    const expected = createCipheriv("aes-128-ctr", key, iv).update(Buffer.alloc(64));
    const got = new Uint8Array(64);
    aesCounterXor(key, iv, got);
    assert.is(hex(got), expected.toString("hex"), `${ones} bytes of ones`);
  }
});

test("counterXor touches nothing outside its range", () => {
  const aes = new Aes(randomBytes(16));
  for (let start = 0; start < 20; start++)
    for (let end = start; end < 60; end++) {
      const data = new Uint8Array(64);
      aes.counterXor(data, start, end, Int32Array.of(1, 2, 3, 4));
      assert.ok(data.subarray(0, start).every((byte) => byte === 0));
      assert.ok(data.subarray(end).every((byte) => byte === 0));
    }
});

test("a wiped key computes what a key that never was would", () => {
  const aes = new Aes(randomBytes(16));
  aes.wipe();
  const other = new Aes(randomBytes(16));
  other.wipe();
  const a = new Uint8Array(16);
  const b = new Uint8Array(16);
  aes.counterXor(a, 0, 16, Int32Array.of(1, 2, 3, 4));
  other.counterXor(b, 0, 16, Int32Array.of(1, 2, 3, 4));
  assert.equal(a, b);
});

test("misuse throws with the length seen", () => {
  for (const length of [0, 15, 17, 20, 33])
    assert.throws(() => new Aes(new Uint8Array(length)), new RegExp(`has ${length}`));
  assert.throws(() => aesCounterXor(new Uint8Array(16), new Uint8Array(12), new Uint8Array(1)), /iv must have 16/);
  const aes = new Aes(new Uint8Array(16));
  assert.throws(() => aes.encryptBlockInto(new Uint8Array(15), 0, new Uint8Array(16), 0), /out/);
  assert.throws(() => aes.encryptBlockInto(new Uint8Array(16), 0, new Uint8Array(16), 1), /block/);
  assert.throws(() => aes.encryptBlockInto(new Uint8Array(32), -1, new Uint8Array(16), 0), /out/);
});

test.run();
