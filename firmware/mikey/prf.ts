// MIKEY-1 pseudo-random function and the keys made with it (RFC 3830 sections 4.1.2 to 4.1.4).

import { HmacSha1 } from "../crypto/hmac-sha1.js";

const BLOCK = 32;
const HASH = 20;

/**
 * XORs P(s, label, m) into `out`, as far as `out` reaches. On typed arrays: the inputs are so short that a native HMAC spends most of its
 * time on being made.
 */
export function xorP(s: Uint8Array, label: Uint8Array, out: Uint8Array): void {
  const hmac = new HmacSha1(s);
  // A_i || label
  const input = new Uint8Array(HASH + label.length);
  input.set(label, HASH);
  const block = new Uint8Array(HASH);
  for (let at = 0; at < out.length; at += HASH) {
    hmac.compute(input, at === 0 ? HASH : 0, at === 0 ? input.length : HASH);
    hmac.writeTag(input, 0, HASH);
    hmac.compute(input, 0, input.length);
    hmac.writeTag(block, 0, HASH);
    for (let i = 0; i < HASH && at + i < out.length; i++) out[at + i] ^= block[i];
  }
  hmac.wipe();
  input.fill(0);
  block.fill(0);
}

/**
 * PRF(inkey, label) of section 4.1.2: P over each 256-bit block of the key (the last may be shorter), XORed.
 * @param length bytes wanted.
 */
export function prf(inkey: Uint8Array, label: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0; at < inkey.length; at += BLOCK) xorP(inkey.subarray(at, at + BLOCK), label, out);
  return out;
}

/** A pseudo-random function of MIKEY: {@link prf}, or another dialect's. */
export type Prf = (inkey: Uint8Array, label: Uint8Array, length: number) => Uint8Array;

/** Constants of table 4.1.3: keys from a TGK. */
export const TgkConstant = { tek: 0x2ad01c64, authentication: 0x1b5c7973, encryption: 0x15798cef, salt: 0x39a2c14b };
/** Constants of table 4.1.4: keys that protect MIKEY messages, from a pre-shared or envelope key. */
export const TransportConstant = { encryption: 0x150533e1, authentication: 0x2d22ac75, salt: 0x29b88916 };

/** `constant || cs_id || csb_id || RAND`. */
function makeLabel(constant: number, csId: number, csbId: number, rand: Uint8Array): Uint8Array {
  const label = new Uint8Array(9 + rand.length);
  const view = new DataView(label.buffer);
  view.setUint32(0, constant);
  label[4] = csId;
  view.setUint32(5, csbId);
  label.set(rand, 9);
  return label;
}

/** Derives a key of a crypto session from the TGK (section 4.1.3). `csId` counts from 1; `length` is in bytes. */
export function deriveFromTgk(
  tgk: Uint8Array,
  kind: keyof typeof TgkConstant,
  csId: number,
  csbId: number,
  rand: Uint8Array,
  length: number,
  derive: Prf = prf,
): Uint8Array {
  return derive(tgk, makeLabel(TgkConstant[kind], csId, csbId, rand), length);
}

/** Keys that protect a message: AES-128 key, 112-bit salt (its first 64 bits serve the key wrap), HMAC-SHA-1 key. */
export interface TransportKeys {
  /** 16 bytes. */
  readonly encryption: Uint8Array;
  /** 14 bytes. */
  readonly salt: Uint8Array;
  /** 20 bytes. */
  readonly authentication: Uint8Array;
}

/** Derives the keys of section 4.1.4 from a pre-shared or envelope key. */
export function deriveTransportKeys(
  key: Uint8Array,
  csbId: number,
  rand: Uint8Array,
  derive: Prf = prf,
): TransportKeys {
  const make = (constant: number, length: number) => derive(key, makeLabel(constant, 0xff, csbId, rand), length);
  return {
    encryption: make(TransportConstant.encryption, 16),
    salt: make(TransportConstant.salt, 14),
    authentication: make(TransportConstant.authentication, 20),
  };
}

/** Zeroes transport keys. */
export function wipeTransportKeys(keys: TransportKeys): void {
  for (const key of [keys.encryption, keys.salt, keys.authentication]) key.fill(0);
}
