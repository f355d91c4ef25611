// A second path for the tests: SRTP written straight from RFC 3711, 6188 and 7714 with OpenSSL's AES and HMAC, BigInt indices and no
// thought of speed.

import { createCipheriv, createHmac } from "node:crypto";
import { type SrtpKeys, srtpSuites } from "../../../firmware/srtp/index.js";

/** RFC 3711 section 4.3.3: PRF_n(k_master, x), n in bytes. */
export function prf(key: Uint8Array, x: bigint, bytes: number): Buffer {
  const iv = Buffer.from((x << 16n).toString(16).padStart(32, "0"), "hex");
  return createCipheriv(`aes-${key.length * 8}-ctr`, key, iv).update(Buffer.alloc(bytes));
}

function big(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function ecb(key: Uint8Array, block: Uint8Array): Buffer {
  return createCipheriv(`aes-${key.length * 8}-ecb`, key, null)
    .setAutoPadding(false)
    .update(block);
}

/** Section 4.1.2. `salt`: the session salt, 14 bytes. */
function f8(key: Uint8Array, salt: Uint8Array, iv: Uint8Array, data: Uint8Array): Buffer {
  const mask = Buffer.alloc(key.length, 0x55);
  mask.set(salt);
  const start = ecb(
    key.map((byte, i) => byte ^ mask[i]),
    iv,
  );
  const out = Buffer.from(data);
  let s: Buffer = Buffer.alloc(16);
  for (let at = 0, j = 0; at < data.length; at += 16, j++) {
    const x = big(start) ^ big(s) ^ BigInt(j);
    s = ecb(key, Buffer.from(x.toString(16).padStart(32, "0"), "hex"));
    for (let i = at; i < Math.min(at + 16, data.length); i++) out[i] ^= s[i - at];
  }
  return out;
}

interface Session {
  readonly key: Buffer;
  readonly auth: Buffer;
  readonly salt: Buffer;
}

/** Section 4.3.1; `first`: the label of the encryption key, 0 or 3. A 96-bit salt has zeros behind it (RFC 7714 section 11). */
function session(keys: SrtpKeys, first: bigint, index: bigint): Session {
  const { keyBytes, saltBytes } = srtpSuites[keys.suite];
  const salt = Buffer.alloc(14);
  salt.set(keys.masterSalt);
  const r = keys.kdr ? index / BigInt(keys.kdr) : 0n;
  const one = (label: bigint, bytes: number) => prf(keys.masterKey, big(salt) ^ (label << 48n) ^ r, bytes);
  return { key: one(first, keyBytes), auth: one(first + 1n, 20), salt: one(first + 2n, saltBytes) };
}

function crypt(
  keys: SrtpKeys,
  { key, salt }: Session,
  ssrc: number,
  index: bigint,
  f8Iv: Buffer,
  data: Buffer,
): Buffer {
  const { mode } = srtpSuites[keys.suite];
  if (mode === "null") return data;
  if (mode === "f8") return f8(key, salt, f8Iv, data);
  const iv = (big(salt) << 16n) ^ (BigInt(ssrc) << 64n) ^ (index << 16n);
  const bytes = Buffer.from(iv.toString(16).padStart(32, "0"), "hex");
  return createCipheriv(`aes-${key.length * 8}-ctr`, key, bytes).update(data);
}

function gcm({ key, salt }: Session, ssrc: number, index: bigint, associated: Buffer, data: Buffer): Buffer {
  const iv = big(salt) ^ (BigInt(ssrc) << 48n) ^ index;
  const bytes = Buffer.from(iv.toString(16).padStart(24, "0"), "hex");
  const cipher = createCipheriv(`aes-${key.length * 8}-gcm` as "aes-128-gcm", key, bytes).setAAD(associated);
  return Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]);
}

/** Section 3.1; RFC 7714 section 8. `payloadAt`: where the encrypted portion begins. */
export function referenceRtp(keys: SrtpKeys, packet: Uint8Array, payloadAt: number, index: bigint): Buffer {
  const clear = Buffer.from(packet);
  const mki = keys.mki ?? Buffer.alloc(0);
  const from = keys.unencryptedRtp ? clear.length : payloadAt;
  const own = session(keys, 0n, index);
  const ssrc = clear.readUInt32BE(8);
  const head = clear.subarray(0, from);
  if (srtpSuites[keys.suite].mode === "gcm")
    return Buffer.concat([head, gcm(own, ssrc, index, head, clear.subarray(from)), mki]);
  const roc = word(Number(index >> 16n));
  const f8Iv = Buffer.concat([Buffer.of(0), clear.subarray(1, 12), roc]);
  const authenticated = Buffer.concat([head, crypt(keys, own, ssrc, index, f8Iv, clear.subarray(from))]);
  const tag = createHmac("sha1", own.auth).update(authenticated).update(roc).digest();
  const tagBytes = keys.unauthenticatedRtp ? 0 : srtpSuites[keys.suite].rtpTagBytes;
  return Buffer.concat([authenticated, mki, tag.subarray(0, tagBytes)]);
}

/** Section 3.4; RFC 7714 section 9. */
export function referenceRtcp(keys: SrtpKeys, packet: Uint8Array, index: number, encrypt: boolean): Buffer {
  const clear = Buffer.from(packet);
  const mki = keys.mki ?? Buffer.alloc(0);
  const own = session(keys, 3n, BigInt(index));
  const ssrc = clear.readUInt32BE(4);
  const flagged = word(index + (encrypt ? 0x80000000 : 0));
  const from = encrypt ? 8 : clear.length;
  const head = clear.subarray(0, from);
  if (srtpSuites[keys.suite].mode === "gcm") {
    const associated = Buffer.concat([head, flagged]);
    return Buffer.concat([head, gcm(own, ssrc, BigInt(index), associated, clear.subarray(from)), flagged, mki]);
  }
  const f8Iv = Buffer.concat([word(0), flagged, clear.subarray(0, 8)]);
  const body = crypt(keys, own, ssrc, BigInt(index), f8Iv, clear.subarray(from));
  const authenticated = Buffer.concat([head, body, flagged]);
  const tag = createHmac("sha1", own.auth).update(authenticated).digest().subarray(0, 10);
  return Buffer.concat([authenticated, mki, tag]);
}
