// SHA-1 and HMAC-SHA1 against FIPS 180, RFC 2202 and OpenSSL through node:crypto.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HmacSha1, hmacSha1, sha1 } from "../../../firmware/crypto/index.js";
import { bytes, hex, vectors } from "../../vectors.js";

const rfc2202 = vectors<{ vectors: { case: number; key: string; data: string; digest: string }[] }>(
  "rfc2202-hmac-sha1",
);

test("SHA-1 of FIPS 180-2 appendix A", () => {
  const text = new TextEncoder();
  assert.is(hex(sha1(text.encode("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert.is(
    hex(sha1(text.encode("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
    "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
  );
  assert.is(hex(sha1(new Uint8Array(1_000_000).fill(0x61))), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
});

for (const vector of rfc2202.vectors)
  test(`RFC 2202 section 3, case ${vector.case}`, () => {
    assert.is(hex(hmacSha1(bytes(vector.key), bytes(vector.data))), vector.digest);
  });

test("SHA-1 equals OpenSSL's for every length to 300 bytes", () => {
  for (let length = 0; length <= 300; length++) {
    const data = randomBytes(length);
    assert.is(hex(sha1(data)), createHash("sha1").update(data).digest("hex"), `${length} bytes`);
  }
});

test("one key object serves messages of every length, at any offset, with and without the 32-bit suffix", () => {
  const key = randomBytes(20);
  const mac = new HmacSha1(key);
  for (let length = 0; length <= 200; length++) {
    const start = length % 13;
    const data = randomBytes(start + length + 25);
    const suffix = length % 3 === 0 ? -1 : randomBytes(4).readUInt32BE();
    const word = Buffer.alloc(suffix < 0 ? 0 : 4);
    if (suffix >= 0) word.writeUInt32BE(suffix);
    const message = Buffer.concat([data.subarray(start, start + length), word]);
    const expected = createHmac("sha1", key).update(message).digest();
    mac.compute(data, start, start + length, suffix < 0 ? undefined : Int32Array.of(suffix));
    const out = new Uint8Array(24);
    mac.writeTag(out, 2, 20);
    assert.is(hex(out), `0000${expected.toString("hex")}0000`, `${length} bytes`);
    assert.ok(mac.matches(expected, 0, 20));
    assert.ok(mac.matches(expected, 0, 10));
  }
});

test("keys of every length to 130 bytes", () => {
  for (let length = 0; length <= 130; length++) {
    const key = randomBytes(length);
    const data = randomBytes(33);
    assert.is(hex(hmacSha1(key, data)), createHmac("sha1", key).update(data).digest("hex"), `${length} bytes`);
  }
});

test("matches sees every single flipped bit within its length, and none beyond", () => {
  const mac = new HmacSha1(randomBytes(20));
  const data = randomBytes(50);
  mac.compute(data, 0, 50);
  const tag = new Uint8Array(20);
  mac.writeTag(tag, 0, 20);
  for (let bit = 0; bit < 160; bit++) {
    tag[bit >>> 3] ^= 1 << (bit & 7);
    assert.is(mac.matches(tag, 0, 10), bit >= 80, `bit ${bit}`);
    tag[bit >>> 3] ^= 1 << (bit & 7);
  }
  assert.ok(mac.matches(tag, 0, 20));
});

test("two keys do not disturb each other", () => {
  const one = randomBytes(20);
  const two = randomBytes(20);
  const a = new HmacSha1(one);
  const b = new HmacSha1(two);
  const data = randomBytes(100);
  a.compute(data, 0, 100);
  b.compute(data, 0, 100);
  assert.ok(a.matches(createHmac("sha1", one).update(data).digest(), 0, 20));
  assert.ok(b.matches(createHmac("sha1", two).update(data).digest(), 0, 20));
});

test("a wiped key is gone", () => {
  const key = randomBytes(20);
  const mac = new HmacSha1(key);
  mac.compute(key, 0, 20);
  mac.wipe();
  assert.ok(mac.matches(new Uint8Array(20), 0, 20));
  mac.compute(key, 0, 20);
  assert.not(mac.matches(createHmac("sha1", key).update(key).digest(), 0, 20));
});

test.run();
