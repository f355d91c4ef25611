// Both makers of packet ciphers against OpenSSL: every mode, key size, packet length and place of the tag; keystream made before; wiping.

import { createCipheriv, createHmac, randomBytes, randomInt } from "node:crypto";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  choosePacketCipherMaker,
  createPacketCipher,
  type PacketCipherMode,
  PacketLayout,
  packetCipherMaker,
  packetCipherMakers,
  usePacketCipherMaker,
} from "../../../firmware/crypto/index.js";
import { bytes, hex, vectors } from "../../vectors.js";

const none = new Uint8Array(0);
const random = (n: number) => new Uint8Array(randomBytes(n));

function words(iv: Uint8Array): Int32Array {
  return Int32Array.from([0, 4, 8, 12], (at) => Buffer.from(iv).readInt32BE(at));
}

function ecb(key: Uint8Array, block: Uint8Array): Buffer {
  return createCipheriv(`aes-${key.length * 8}-ecb`, key, null)
    .setAutoPadding(false)
    .update(block);
}

/** RFC 3711 section 4.1.2, on OpenSSL's AES. */
function f8(key: Uint8Array, masked: Uint8Array, iv: Uint8Array, data: Uint8Array): Buffer {
  const start = ecb(masked, iv);
  const out = Buffer.from(data);
  let s: Buffer = Buffer.alloc(16);
  for (let at = 0, j = 0; at < data.length; at += 16, j++) {
    const counter = Buffer.alloc(16);
    counter.writeUInt32BE(j, 12);
    s = ecb(key, s.map((byte, i) => byte ^ start[i] ^ counter[i]) as Buffer);
    for (let i = at; i < Math.min(at + 16, data.length); i++) out[i] ^= s[i - at];
  }
  return out;
}

interface Case {
  readonly mode: PacketCipherMode;
  readonly key: Uint8Array;
  readonly authKey: Uint8Array;
  readonly maskedKey: Uint8Array;
  readonly iv: Uint8Array;
  readonly from: number;
  readonly suffix: number;
  readonly tagBytes: number;
}

/** What OpenSSL makes of a packet: the encrypted packet and its tag. */
function expected(one: Case, packet: Uint8Array): { sealed: Buffer; tag: Buffer } {
  const { mode, key, iv, from } = one;
  const head = Buffer.from(packet.subarray(0, from));
  const clear = packet.subarray(from);
  const suffix = Buffer.alloc(one.suffix < 0 ? 0 : 4);
  if (one.suffix >= 0) suffix.writeUInt32BE(one.suffix);
  if (mode === "gcm") {
    const cipher = createCipheriv(`aes-${key.length * 8}-gcm` as "aes-128-gcm", key, iv.subarray(0, 12));
    cipher.setAAD(Buffer.concat([head, suffix]));
    const body = Buffer.concat([cipher.update(clear), cipher.final()]);
    return { sealed: Buffer.concat([head, body]), tag: cipher.getAuthTag().subarray(0, one.tagBytes) };
  }
  const body =
    mode === "null"
      ? Buffer.from(clear)
      : mode === "f8"
        ? f8(key, one.maskedKey, iv, clear)
        : createCipheriv(`aes-${key.length * 8}-ctr`, key, iv).update(clear);
  const sealed = Buffer.concat([head, body]);
  const tag = createHmac("sha1", one.authKey).update(sealed).update(suffix).digest().subarray(0, one.tagBytes);
  return { sealed, tag };
}

function makeCase(mode: PacketCipherMode, keyBytes: number): Case {
  const iv = random(16);
  // SRTP's counter blocks end in 16 zero bits.
  iv[14] = iv[15] = 0;
  return {
    mode,
    key: random(keyBytes),
    authKey: random(randomInt(2) ? 20 : randomInt(65)),
    maskedKey: random(keyBytes),
    iv,
    from: 12 + 4 * randomInt(17),
    suffix: randomInt(2) ? -1 : randomInt(2) ? 0xffffffff : randomInt(2 ** 32),
    tagBytes: mode === "gcm" ? 16 : [0, 4, 10, 20][randomInt(4)],
  };
}

/** The layout of such a case's packet, `length` bytes of it, with the tag at `tagAt`. */
function layoutOf(one: Case, length: number, tagAt: number, entry = -1): PacketLayout {
  const parts = { from: one.from, to: length, signed: length, tagAt, tagBytes: one.tagBytes, entry };
  const layout = Object.assign(new PacketLayout(), parts, { suffixed: one.suffix >= 0 });
  layout.iv.set(words(one.iv));
  layout.suffix[0] = one.suffix;
  return layout;
}

const lengths = [...Array.from({ length: 200 }, (_, i) => i), 511, 512, 1400, 4000, 4096, 5000, 70_000];

for (const maker of packetCipherMakers())
  for (const [mode, sizes] of [
    ["null", [16]],
    ["counter", [16, 24, 32]],
    ["f8", [16, 24, 32]],
    ["gcm", [16, 24, 32]],
  ] as const)
    for (const size of sizes)
      test(`${maker}: ${mode} with ${size * 8} bits equals OpenSSL for every length, and opens what it sealed`, () => {
        for (const length of lengths) {
          const one = makeCase(mode, size);
          const cipher = createPacketCipher(one, maker);
          const packet = random(one.from + length);
          const end = packet.length;
          const { sealed, tag } = expected(one, packet);
          // The tag right behind the packet, or further on (behind an MKI); bytes around both stay.
          const gap = randomInt(3) * 4;
          const buffer = new Uint8Array(end + gap + one.tagBytes + randomInt(2) * 100).fill(0xee);
          buffer.set(packet);
          const layout = layoutOf(one, end, end + gap);
          cipher.seal(buffer, layout);
          assert.is(hex(buffer.subarray(0, end)), sealed.toString("hex"), `${length} bytes`);
          assert.is(hex(buffer.subarray(end + gap, end + gap + one.tagBytes)), tag.toString("hex"), `tag, ${length}`);
          assert.ok(buffer.subarray(end, end + gap).every((byte) => byte === 0xee));
          assert.ok(buffer.subarray(end + gap + one.tagBytes).every((byte) => byte === 0xee));
          if (one.tagBytes > 0) {
            const wrong = buffer.slice();
            wrong[randomInt(2) ? randomInt(end) : end + gap + randomInt(one.tagBytes)] ^= 1 << randomInt(8);
            const before = wrong.slice();
            assert.not(cipher.open(wrong, layout));
            assert.ok(Buffer.from(wrong).equals(before), "a refused packet changed");
          }
          assert.ok(cipher.open(buffer, layout));
          assert.ok(Buffer.from(packet).equals(buffer.subarray(0, end)));
          cipher.wipe();
        }
      });

for (const maker of packetCipherMakers())
  for (const mode of ["counter", "gcm"] as const)
    test(`${maker}: ${mode} with keystream made before is the same, for shorter and longer packets`, () => {
      const one = { ...makeCase(mode, 16), from: 12, suffix: -1, tagBytes: mode === "gcm" ? 16 : 10 };
      const cipher = createPacketCipher(one, maker);
      cipher.reserve(4, 160);
      for (let length = 0; length < 400; length += 7) {
        const entry = length % 4;
        const iv = words(one.iv);
        cipher.precompute(entry, iv);
        const packet = random(12 + length);
        const { sealed, tag } = expected(one, packet);
        const buffer = new Uint8Array(packet.length + 16);
        buffer.set(packet);
        const end = packet.length;
        const layout = layoutOf(one, end, end, entry);
        cipher.seal(buffer, layout);
        assert.is(hex(buffer.subarray(0, end + one.tagBytes)), Buffer.concat([sealed, tag]).toString("hex"));
        cipher.precompute(entry, iv);
        assert.ok(cipher.open(buffer, layout));
        assert.is(hex(buffer.subarray(0, end)), hex(packet));
      }
      cipher.wipe();
    });

interface Keystream {
  readonly keystream: {
    key: string;
    counter: string;
    bytes: number;
    blocks: { number: number; keystream: string }[];
  };
}

for (const maker of packetCipherMakers())
  for (const name of ["rfc3711-srtp"])
    test(`${maker}: ${name}, the whole keystream`, () => {
      const { keystream } = vectors<Keystream>(name);
      const cipher = createPacketCipher({ mode: "counter", key: bytes(keystream.key) }, maker);
      const out = new Uint8Array(keystream.bytes);
      cipher.keystreamInto(out, words(bytes(keystream.counter)));
      for (const { number, keystream: block } of keystream.blocks)
        assert.is(hex(out.subarray(16 * number, 16 * number + 16)), block, `block ${number}`);
      cipher.wipe();
    });

for (const maker of packetCipherMakers())
  test(`${maker}: ciphers do not disturb each other, and memory of wiped ones is taken again`, () => {
    const cases = Array.from({ length: 300 }, (_, i) => makeCase(i % 2 ? "counter" : "gcm", 16));
    const ciphers = cases.map((one) => createPacketCipher(one, maker));
    for (let i = 0; i < 300; i += 3) {
      ciphers[i].wipe();
      ciphers[i] = createPacketCipher(cases[i], maker);
    }
    cases.forEach((one, i) => {
      const packet = random(one.from + 60);
      const end = packet.length;
      const buffer = new Uint8Array(end + 20);
      buffer.set(packet);
      ciphers[i].seal(buffer, layoutOf(one, end, end));
      const { sealed, tag } = expected(one, packet);
      assert.is(hex(buffer.subarray(0, end + one.tagBytes)), Buffer.concat([sealed, tag]).toString("hex"));
    });
    for (const cipher of ciphers) cipher.wipe();
  });

for (const maker of packetCipherMakers())
  test(`${maker}: a wiped cipher refuses to work; a printed one shows nothing`, () => {
    const cipher = createPacketCipher({ mode: "counter", key: random(16), authKey: random(20) }, maker);
    const shown = inspect(cipher, { depth: 20, showHidden: true });
    assert.ok(shown.length < 100, shown);
    cipher.wipe();
    cipher.wipe();
    const layout = Object.assign(new PacketLayout(), { from: 12, to: 20, signed: 20, tagAt: 20 });
    for (const tagBytes of [0, 10]) {
      layout.tagBytes = tagBytes;
      assert.throws(() => cipher.seal(new Uint8Array(40), layout), /wiped/);
      assert.throws(() => cipher.open(new Uint8Array(40), layout), /wiped/);
    }
    assert.throws(() => cipher.keystreamInto(new Uint8Array(4), new Int32Array(4)), /wiped/);
  });

test("keys of impossible length are refused", () => {
  for (const maker of packetCipherMakers())
    for (const length of [0, 15, 17, 33])
      assert.throws(() => createPacketCipher({ mode: "counter", key: random(length), authKey: none }, maker), /bytes/);
});

test("the maker is chosen by measurement, and can be set", () => {
  const before = packetCipherMaker();
  assert.ok(packetCipherMakers().includes(choosePacketCipherMaker(() => performance.now(), 3)));
  usePacketCipherMaker("arrays");
  assert.is(packetCipherMaker(), "arrays");
  assert.throws(() => usePacketCipherMaker("abacus" as "arrays"), /abacus/);
  usePacketCipherMaker(before);
});

test.run();
