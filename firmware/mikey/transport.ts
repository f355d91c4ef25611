// Protecting messages: key data encryption (RFC 3830 section 4.2.3) and MACs (4.2.4, 5.2).

import { createCipheriv, createHmac, timingSafeEqual } from "node:crypto";
import type { TransportKeys } from "./prf.js";

/** Bytes of the HMAC-SHA-1-160 field. */
export const MAC_BYTES = 20;

/** IV = (S XOR (0x0000 || CSB ID || T)) || 0x0000. */
function counterIv(salt: Uint8Array, csbId: number, timestamp: Uint8Array): Uint8Array {
  const iv = new Uint8Array(16);
  new DataView(iv.buffer).setUint32(2, csbId);
  iv.set(timestamp, 6);
  for (let i = 0; i < 14; i++) iv[i] ^= salt[i];
  return iv;
}

/** Encrypts or decrypts key data with AES-CM-128. `timestamp` is the 8-byte value of the initiator's T. */
export function cryptKeyData(keys: TransportKeys, csbId: number, timestamp: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-ctr", keys.encryption, counterIv(keys.salt, csbId, timestamp));
  const out = cipher.update(data);
  cipher.final();
  return out;
}

/** HMAC-SHA-1 over the parts. */
export function computeMac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac("sha1", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** Constant-time comparison of two MACs. */
export function macsEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What a MAC or signature at the end of a message covers: everything but its own `length` bytes (section 5.2). */
export function covered(message: Uint8Array, length: number): Uint8Array {
  return message.subarray(0, message.length - length);
}
