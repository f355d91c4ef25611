// Protecting messages: key data encryption (RFC 3830 section 4.2.3) and MACs (4.2.4, 5.2).

import { createCipheriv, createDecipheriv } from "node:crypto";
import { aesCounterXor } from "../crypto/aes.js";
import { equal } from "../crypto/constant-time.js";
import { hmacSha1 } from "../crypto/hmac-sha1.js";
import { ok } from "../runtime/result.js";
import { copy } from "./bytes.js";
import { type MikeyResult, refuse } from "./errors.js";
import { EncryptionAlgorithm } from "./numbers.js";
import type { TransportKeys } from "./prf.js";

/** Bytes of the HMAC-SHA-1-160 field. */
export const MAC_BYTES = 20;

/** IV = (S XOR (0x0000 || CSB ID || T)) || 0x0000; a counter as timestamp is padded to 64 bits with leading zeros (6.6). */
function counterIv(salt: Uint8Array, csbId: number, timestamp: Uint8Array): Uint8Array {
  const iv = new Uint8Array(16);
  for (let i = 0; i < 4; i++) iv[2 + i] = csbId >>> (24 - 8 * i);
  iv.set(timestamp, 14 - timestamp.length);
  for (let i = 0; i < 14; i++) iv[i] ^= salt[i];
  return iv;
}

/**
 * Encrypts or decrypts key data with AES-CM-128; a cipher of node's would take most of its time to be made.
 * @param timestamp value of the initiator's T, 8 or 4 bytes.
 */
export function cryptKeyData(keys: TransportKeys, csbId: number, timestamp: Uint8Array, data: Uint8Array): Uint8Array {
  const out = copy(data);
  aesCounterXor(keys.encryption, counterIv(keys.salt, csbId, timestamp), out);
  return out;
}

const WRAP = "id-aes128-wrap";
/** The wrap's initial value is the 64-bit salt. */
const wrapIv = (keys: TransportKeys): Uint8Array => keys.salt.subarray(0, 8);

/**
 * Encrypts key data with an algorithm of table 6.2.a. The AES key wrap (RFC 3394) takes multiples of 8 bytes, at least 16: what is
 * missing is filled up with zeros behind the last payload.
 */
export function sealKeyData(
  encryption: number,
  keys: TransportKeys,
  csbId: number,
  timestamp: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  if (encryption === EncryptionAlgorithm.null || plain.length === 0) return copy(plain);
  if (encryption === EncryptionAlgorithm.aesCm128) return cryptKeyData(keys, csbId, timestamp, plain);
  const filled = new Uint8Array(Math.max(16, Math.ceil(plain.length / 8) * 8));
  filled.set(plain);
  const cipher = createCipheriv(WRAP, keys.encryption, wrapIv(keys));
  const wrapped = new Uint8Array(Buffer.concat([cipher.update(filled), cipher.final()]));
  filled.fill(0);
  return wrapped;
}

/** Decrypts key data. `wrong-key-wrap`: the AES key wrap's check does not fit. */
export function openKeyData(
  encryption: number,
  keys: TransportKeys,
  csbId: number,
  timestamp: Uint8Array,
  data: Uint8Array,
): MikeyResult<Uint8Array> {
  if (encryption === EncryptionAlgorithm.null || data.length === 0) return ok(copy(data));
  if (encryption === EncryptionAlgorithm.aesCm128) return ok(cryptKeyData(keys, csbId, timestamp, data));
  if (encryption !== EncryptionAlgorithm.aesKeyWrap128)
    return refuse("unsupported-encryption", `key data encryption ${encryption} is not known`);
  if (data.length % 8 !== 0 || data.length < 24)
    return refuse("wrong-key-wrap", `wrapped keys of ${data.length} bytes cannot be`);
  try {
    const cipher = createDecipheriv(WRAP, keys.encryption, wrapIv(keys));
    return ok(new Uint8Array(Buffer.concat([cipher.update(data), cipher.final()])));
  } catch {
    return refuse("wrong-key-wrap", "the wrapped keys do not fit the key they came under");
  }
}

/** HMAC-SHA-1 over the parts. Messages are short: a native HMAC would take most of its time to be made. */
export function computeMac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return hmacSha1(key, joined(parts));
}

/** Byte strings behind each other; a single one as it is. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Constant-time comparison of two MACs. */
export function macsEqual(a: Uint8Array, b: Uint8Array): boolean {
  return equal(a, b);
}

/** What a MAC or signature at the end of a message covers: everything but its own `length` bytes (section 5.2). */
export function covered(message: Uint8Array, length: number): Uint8Array {
  return message.subarray(0, message.length - length);
}
