// A second path for the tests: SRTP written straight from RFC 3711 with OpenSSL's AES and HMAC, BigInt indices and no thought of speed.

import { createCipheriv, createHmac } from "node:crypto";
import type { SrtpKeys } from "../../../firmware/srtp/index.js";

/** Section 4.3.3: PRF_n(k_master, x), n in bytes. */
export function prf(key: Uint8Array, x: bigint, bytes: number): Buffer {
  const iv = Buffer.from((x << 16n).toString(16).padStart(32, "0"), "hex");
  return createCipheriv(`aes-${key.length * 8}-ctr`, key, iv).update(Buffer.alloc(bytes));
}

function big(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

function counterMode(key: Uint8Array, salt: Uint8Array, ssrc: number, index: bigint, data: Uint8Array): Buffer {
  const iv = (big(salt) << 16n) ^ (BigInt(ssrc) << 64n) ^ (index << 16n);
  const bytes = Buffer.from(iv.toString(16).padStart(32, "0"), "hex");
  return createCipheriv(`aes-${key.length * 8}-ctr`, key, bytes).update(data);
}

function sessionKey(keys: SrtpKeys, label: bigint, bytes: number): Buffer {
  return prf(keys.masterKey, big(keys.masterSalt) ^ (label << 48n), bytes);
}

/** Section 3.1. `payloadAt`: where the encrypted portion begins. */
export function referenceRtp(keys: SrtpKeys, packet: Uint8Array, payloadAt: number, index: bigint): Buffer {
  const clear = Buffer.from(packet);
  const encrypted = counterMode(
    sessionKey(keys, 0n, 16),
    sessionKey(keys, 2n, 14),
    clear.readUInt32BE(8),
    index,
    clear.subarray(payloadAt),
  );
  const authenticated = Buffer.concat([clear.subarray(0, payloadAt), encrypted]);
  const roc = Buffer.alloc(4);
  roc.writeUInt32BE(Number(index >> 16n));
  const tag = createHmac("sha1", sessionKey(keys, 1n, 20))
    .update(authenticated)
    .update(roc)
    .digest()
    .subarray(0, 10);
  return Buffer.concat([authenticated, keys.mki ?? Buffer.alloc(0), tag]);
}

/** Section 3.4. */
export function referenceRtcp(keys: SrtpKeys, packet: Uint8Array, index: number, encrypt: boolean): Buffer {
  const clear = Buffer.from(packet);
  const rest = clear.subarray(8);
  const body = encrypt
    ? counterMode(sessionKey(keys, 3n, 16), sessionKey(keys, 5n, 14), clear.readUInt32BE(4), BigInt(index), rest)
    : rest;
  const word = Buffer.alloc(4);
  word.writeUInt32BE(index + (encrypt ? 0x80000000 : 0));
  const authenticated = Buffer.concat([clear.subarray(0, 8), body, word]);
  const tag = createHmac("sha1", sessionKey(keys, 4n, 20))
    .update(authenticated)
    .digest()
    .subarray(0, 10);
  return Buffer.concat([authenticated, keys.mki ?? Buffer.alloc(0), tag]);
}
