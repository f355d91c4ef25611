// MIKEY-1 pseudo-random function and the keys made with it (RFC 3830 sections 4.1.2 to 4.1.4).

import { fillBlock, HmacSha1Keys, ONE_BLOCK_MESSAGE } from "../crypto/hmac-sha1.js";

/** Bytes of a block of an input key. */
export const PRF_BLOCK = 32;
const HASH = 20;
/** Words of a hash. */
const WORDS = HASH / 4;

/** What every key is made in, zeroed behind it. */
const alone = new Int32Array(16);
const chained = new Int32Array(16);
const link = new Int32Array(WORDS);
const step = new Int32Array(WORDS);
const sum = new Int32Array(WORDS);

/**
 * An input key made ready: P's HMAC for each of its 256-bit blocks (section 4.1.2), so that several keys can be made from it without
 * hashing it anew. On typed arrays: the inputs are so short that a native HMAC spends most of its time on being made.
 */
export class PrfKey {
  readonly #macs: HmacSha1Keys;

  /**
   * @param inkey not kept.
   * @param terms of the XOR, each keyed by a block of the input key; default: as many as it has, the last may be shorter.
   */
  constructor(inkey: Uint8Array, terms?: number) {
    this.#macs = new HmacSha1Keys(inkey, PRF_BLOCK, terms);
  }

  /** PRF(inkey, label): the blocks' P(s, label, m), XORed; `length` bytes. */
  derive(label: Uint8Array, length: number): Uint8Array {
    const out = new Uint8Array(length);
    const isShort = HASH + label.length <= ONE_BLOCK_MESSAGE && length <= HASH;
    if (isShort) this.#deriveShort(label, out);
    else this.#deriveLong(label, out);
    link.fill(0);
    step.fill(0);
    return out;
  }

  /** One step of P, its two messages of a block each: what nearly every key takes. */
  #deriveShort(label: Uint8Array, out: Uint8Array): void {
    const macs = this.#macs;
    fillBlock(alone, label);
    // A_1 || label; the words of A_1 are put in as they come.
    fillBlock(chained, label, HASH);
    for (let k = 0; k < macs.length; k++) {
      macs.compute(k, alone, link);
      for (let i = 0; i < WORDS; i++) chained[i] = link[i];
      macs.compute(k, chained, step);
      for (let i = 0; i < WORDS; i++) sum[i] ^= step[i];
    }
    for (let i = 0; i < out.length; i++) out[i] = sum[i >>> 2] >>> (24 - ((i & 3) << 3));
    sum.fill(0);
    chained.fill(0);
  }

  #deriveLong(label: Uint8Array, out: Uint8Array): void {
    const macs = this.#macs;
    // A_i || label
    const input = new Uint8Array(HASH + label.length);
    input.set(label, HASH);
    for (let k = 0; k < macs.length; k++)
      for (let at = 0; at < out.length; at += HASH) {
        macs.computeBytes(k, input, at === 0 ? HASH : 0, at === 0 ? input.length : HASH, link);
        for (let i = 0; i < HASH; i++) input[i] = link[i >>> 2] >>> (24 - ((i & 3) << 3));
        macs.computeBytes(k, input, 0, input.length, step);
        for (let i = 0; i < HASH && at + i < out.length; i++) out[at + i] ^= step[i >>> 2] >>> (24 - ((i & 3) << 3));
      }
    input.fill(0);
  }

  /** Zeroes what was made ready. */
  wipe(): void {
    this.#macs.wipe();
  }
}

/** A pseudo-random function of MIKEY, to be given its input key: {@link mikey1}, or another dialect's. Wipe what it gives. */
export type Prf = (inkey: Uint8Array) => PrfKey;

/** RFC 3830's, MIKEY-1. */
export const mikey1: Prf = (inkey) => new PrfKey(inkey);

/**
 * PRF(inkey, label) of section 4.1.2: P over each 256-bit block of the key (the last may be shorter), XORed.
 * @param length bytes wanted.
 */
export function prf(inkey: Uint8Array, label: Uint8Array, length: number): Uint8Array {
  const ready = mikey1(inkey);
  const out = ready.derive(label, length);
  ready.wipe();
  return out;
}

/** Constants of table 4.1.3: keys from a TGK. */
export const TgkConstant = { tek: 0x2ad01c64, authentication: 0x1b5c7973, encryption: 0x15798cef, salt: 0x39a2c14b };
/** Constants of table 4.1.4: keys that protect MIKEY messages, from a pre-shared or envelope key. */
export const TransportConstant = { encryption: 0x150533e1, authentication: 0x2d22ac75, salt: 0x29b88916 };

/** `constant || cs_id || csb_id || RAND`. */
function makeLabel(constant: number, csId: number, csbId: number, rand: Uint8Array): Uint8Array {
  const label = new Uint8Array(9 + rand.length);
  writeWord(label, 0, constant);
  label[4] = csId;
  writeWord(label, 5, csbId);
  label.set(rand, 9);
  return label;
}

function writeWord(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

/** Keys of a bundle's sessions from one TGK (section 4.1.3). */
export class TgkKeys {
  readonly #ready: PrfKey;
  /** One for all keys: they differ in the constant and the session's number. */
  readonly #label: Uint8Array;

  /** `tgk` is not kept. */
  constructor(tgk: Uint8Array, csbId: number, rand: Uint8Array, derive: Prf = mikey1) {
    this.#ready = derive(tgk);
    this.#label = makeLabel(0, 0, csbId, rand);
  }

  /** A key of session `csId`, counted from 1; `length` is in bytes. */
  derive(kind: keyof typeof TgkConstant, csId: number, length: number): Uint8Array {
    writeWord(this.#label, 0, TgkConstant[kind]);
    this.#label[4] = csId;
    return this.#ready.derive(this.#label, length);
  }

  wipe(): void {
    this.#ready.wipe();
  }
}

/** Derives one key of a crypto session from the TGK (section 4.1.3). `csId` counts from 1; `length` is in bytes. */
export function deriveFromTgk(
  tgk: Uint8Array,
  kind: keyof typeof TgkConstant,
  csId: number,
  csbId: number,
  rand: Uint8Array,
  length: number,
  derive: Prf = mikey1,
): Uint8Array {
  const keys = new TgkKeys(tgk, csbId, rand, derive);
  const key = keys.derive(kind, csId, length);
  keys.wipe();
  return key;
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
  derive: Prf = mikey1,
): TransportKeys {
  const ready = derive(key);
  const label = makeLabel(0, 0xff, csbId, rand);
  const make = (constant: number, length: number) => {
    writeWord(label, 0, constant);
    return ready.derive(label, length);
  };
  const keys = {
    encryption: make(TransportConstant.encryption, 16),
    salt: make(TransportConstant.salt, 14),
    authentication: make(TransportConstant.authentication, 20),
  };
  ready.wipe();
  return keys;
}

/** Zeroes transport keys. */
export function wipeTransportKeys(keys: TransportKeys): void {
  for (const key of [keys.encryption, keys.salt, keys.authentication]) key.fill(0);
}
