// OAKLEY group 5 against plain modular arithmetic on BigInt, and the values that must never be used.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type DhGroupName,
  dhGroupBytes,
  generateDhKeyPair,
  generateDhKeyPairAside,
  generateOakley5KeyPair,
  isOakley5PublicValue,
  OAKLEY5_BYTES,
} from "../../../firmware/crypto/dh.js";
import { bad, good } from "../../results.js";
import { bytes, hex } from "../../vectors.js";

const test = suite("diffie-hellman");

/** RFC 3526 section 2, equal to OAKLEY group 5. */
const prime = BigInt(
  `0x${[
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD",
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED",
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F",
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF",
  ].join("")}`,
);
const wide = (value: bigint) => bytes(value.toString(16).padStart(2 * OAKLEY5_BYTES, "0"));
const number = (value: Uint8Array) => BigInt(`0x${hex(value)}`);

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, e = exponent; e > 0n; e >>= 1n, square = (square * square) % prime)
    if (e & 1n) result = (result * square) % prime;
  return result;
}

test("both ends get the same secret, 192 bytes long", () => {
  for (let i = 0; i < 20; i++) {
    const a = generateOakley5KeyPair();
    const b = generateOakley5KeyPair();
    assert.is(a.publicValue.length, OAKLEY5_BYTES);
    const secret = good(a.secret(b.publicValue));
    assert.is(secret.length, OAKLEY5_BYTES);
    assert.is(hex(secret), hex(good(b.secret(a.publicValue))));
  }
});

test("with a known exponent at the other end the secret is what arithmetic says, leading zeros included", () => {
  const pair = generateOakley5KeyPair();
  for (let exponent = 2n; exponent < 300n; exponent++)
    assert.is(number(good(pair.secret(wide(power(2n, exponent))))), power(number(pair.publicValue), exponent));
  const short = generateShortSecret();
  assert.is(hex(short.secret), hex(wide(short.expected)));
});

/** Looks for an exchange whose secret begins with a zero byte: one in 256 does. */
function generateShortSecret(): { secret: Uint8Array; expected: bigint } {
  for (;;) {
    const pair = generateOakley5KeyPair();
    const y = number(pair.publicValue);
    let expected = y;
    for (let exponent = 2n; exponent < 3000n; exponent++) {
      expected = (expected * y) % prime;
      if (expected >> 1528n === 0n) return { secret: good(pair.secret(wide(power(2n, exponent)))), expected };
    }
  }
}

test("a public value that begins with a zero byte keeps its place", () => {
  const other = generateOakley5KeyPair();
  for (let found = 0; found < 2; ) {
    const pair = generateOakley5KeyPair();
    if (pair.publicValue[0] !== 0) continue;
    found++;
    assert.is(hex(good(other.secret(pair.publicValue))), hex(good(pair.secret(other.publicValue))));
  }
});

test("values outside 1 < y < p - 1, or of another length, are refused", () => {
  const pair = generateOakley5KeyPair();
  for (const value of [0n, 1n, prime - 1n, prime, prime + 1n, (1n << 1536n) - 1n]) {
    assert.not(isOakley5PublicValue(wide(value)));
    bad(pair.secret(wide(value)), "bad-dh-value");
  }
  for (const value of [2n, 3n, prime - 2n]) assert.ok(isOakley5PublicValue(wide(value)));
  bad(pair.secret(new Uint8Array(191).fill(1)), "bad-dh-value");
  bad(pair.secret(new Uint8Array(193).fill(1)), "bad-dh-value");
});

test("a wiped pair is of no more use", () => {
  const pair = generateOakley5KeyPair();
  pair.wipe();
  assert.throws(() => pair.secret(pair.publicValue), TypeError);
});

test("a pair made aside agrees with one made here, in every group; its public value is g to its private one", async () => {
  for (const group of Object.keys(dhGroupBytes) as DhGroupName[]) {
    const aside = await generateDhKeyPairAside(group);
    const here = generateDhKeyPair(group);
    assert.is(aside.publicValue.length, dhGroupBytes[group]);
    assert.is(hex(good(aside.secret(here.publicValue))), hex(good(here.secret(aside.publicValue))));
    aside.wipe();
    assert.throws(() => aside.secret(here.publicValue), TypeError);
  }
});

test.run();
