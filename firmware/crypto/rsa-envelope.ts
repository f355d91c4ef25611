// A short secret in an RSA envelope: PKCS#1 v1.5 (RFC 8017 section 7.2) and OAEP with SHA-1 (7.1).

import { constants, type KeyObject, privateDecrypt, publicEncrypt, randomBytes } from "node:crypto";
import { HMAC_SHA1_BYTES, HmacSha1 } from "./hmac-sha1.js";

/** How the secret is padded. */
export type EnvelopePadding = "pkcs1" | "oaep";

/** Makes the stand-in secrets, under a key of this process alone. */
const rejection = new HmacSha1(randomBytes(32));

/** 32 bytes that depend on the envelope and tell nothing: its HMAC, and the HMAC of that. */
function standInFor(envelope: Uint8Array): Uint8Array {
  const out = new Uint8Array(2 * HMAC_SHA1_BYTES);
  rejection.compute(envelope, 0, envelope.length);
  rejection.writeTag(out, 0, HMAC_SHA1_BYTES);
  rejection.compute(out, 0, HMAC_SHA1_BYTES);
  rejection.writeTag(out, HMAC_SHA1_BYTES, HMAC_SHA1_BYTES);
  return out.subarray(0, 32);
}

/** Bytes of an envelope made with a key. */
export function envelopeLength(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}

/** Random bytes asked for beyond those needed. */
const SPARE = 8;

/** Bytes that are not zero. Throws RangeError when the source gives nothing but zeros. */
function padBytes(length: number, random: (length: number) => Uint8Array): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  for (let tries = 0; filled < length; tries++) {
    if (tries === 16) throw new RangeError("the source of random bytes gives zeros");
    // A few more than needed: one in 256 is zero.
    for (const byte of random(length - filled + SPARE)) if (byte !== 0 && filled < length) bytes[filled++] = byte;
  }
  return bytes;
}

/**
 * Encrypts a secret. Throws RangeError when the key is no RSA key or too short for it.
 * @param random gives the bytes of PKCS#1 v1.5 padding; OAEP's come from OpenSSL.
 */
export function sealEnvelope(
  publicKey: KeyObject,
  secret: Uint8Array,
  padding: EnvelopePadding,
  random: (length: number) => Uint8Array = randomBytes,
): Uint8Array {
  const room = envelopeLength(publicKey) - (padding === "pkcs1" ? 11 : 42);
  if (publicKey.asymmetricKeyType !== "rsa" || secret.length > room)
    throw new RangeError(`an RSA key with room for ${secret.length} bytes is needed`);
  if (padding === "oaep") {
    const how = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" };
    return new Uint8Array(publicEncrypt(how, secret));
  }
  const block = new Uint8Array(envelopeLength(publicKey));
  const pad = block.length - 3 - secret.length;
  block[1] = 2;
  block.set(padBytes(pad, random), 2);
  block.set(secret, 3 + pad);
  const sealed = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
  block.fill(0);
  return new Uint8Array(sealed);
}

/** 0xff when x is zero (x from 0 to 2^24), else 0. */
function isZero(x: number): number {
  return ((x - 1) >> 31) & 0xff;
}

/**
 * Takes PKCS#1 v1.5 padding off without a branch that depends on it. A wrong padding gives a stand-in secret (implicit
 * rejection): whoever asks learns nothing but that the message's MAC does not fit.
 * @param block changed where the stand-in goes
 */
function unpad(block: Uint8Array, standIn: Uint8Array): Uint8Array {
  const k = block.length;
  let good = isZero(block[0]) & isZero(block[1] ^ 2);
  let separator = 0;
  let found = 0;
  for (let i = 2; i < k; i++) {
    const hit = isZero(block[i]) & ~found;
    separator |= i & ((hit << 24) >> 31);
    found |= hit;
  }
  // At least eight bytes of padding, and at least one byte of secret.
  good &= found & (((9 - separator) >> 31) & 0xff) & (((separator + 1 - k) >> 31) & 0xff);
  const mask = (good << 24) >> 31;
  const offset = k - standIn.length;
  for (let i = offset; i < k; i++) block[i] = (block[i] & mask) | (standIn[i - offset] & ~mask);
  const start = ((separator + 1) & mask) | (offset & ~mask);
  return new Uint8Array(block.subarray(start));
}

/**
 * Opens an envelope. With `pkcs1` it always gives a secret, a worthless one for a damaged envelope: check what it protects.
 * Undefined: the envelope cannot belong to the key (length, or OAEP that does not decode).
 */
export function openEnvelope(
  privateKey: KeyObject,
  envelope: Uint8Array,
  padding: EnvelopePadding,
): Uint8Array | undefined {
  if (privateKey.asymmetricKeyType !== "rsa" || envelope.length !== envelopeLength(privateKey)) return undefined;
  try {
    if (padding === "oaep") {
      const how = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" };
      return new Uint8Array(privateDecrypt(how, envelope));
    }
    // Node no longer decrypts with PKCS#1 v1.5 padding itself (CVE-2023-46809): the raw block, then our own unpadding.
    const block = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, envelope);
    const standIn = standInFor(envelope);
    const secret = unpad(block, standIn);
    block.fill(0);
    return secret;
  } catch {
    // A number not below the modulus, or a wrong OAEP padding.
    return undefined;
  }
}
