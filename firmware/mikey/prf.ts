// MIKEY-1 pseudo-random function and the keys made with it (RFC 3830 sections 4.1.2 to 4.1.4).

import { fillBlock, HmacSha1Keys, ONE_BLOCK_MESSAGE } from "../crypto/hmac-sha1-keys.js";

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
const oneStart = new Int32Array(2);
const oneSum = new Int32Array(WORDS);

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
    if (length > HASH || !isShort(label)) {
      this.#deriveLong(label, out);
      return out;
    }
    for (let i = 0; i < 2; i++) oneStart[i] = wordOf(label, 4 * i);
    this.deriveEach(label, oneStart, oneSum);
    writeWords(out, oneSum, 0);
    for (let i = 0; i < WORDS; i++) oneSum[i] = 0;
    return out;
  }

  /**
   * One step of P, its two messages of a block each, which is what nearly every key takes, for several labels at once.
   * @param label an {@link isShort} one, that all labels equal but for their first eight bytes
   * @param starts each label's first eight bytes, two words
   * @param sums takes 20 bytes for each label, five words; holds zeros
   */
  deriveEach(label: Uint8Array, starts: Int32Array, sums: Int32Array): void {
    fillBlock(alone, label);
    // A_1 || label
    fillBlock(chained, label, HASH);
    this.#macs.chain(alone, chained, starts, sums);
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
    link.fill(0);
    step.fill(0);
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

function wordOf(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** As many bytes as `out` has of the words from `words[at]` on. */
function writeWords(out: Uint8Array, words: Int32Array, at: number): Uint8Array {
  for (let i = 0; i < out.length; i++) out[i] = words[at + (i >>> 2)] >>> (24 - ((i & 3) << 3));
  return out;
}

/** Whether a label fits one block behind an HMAC, and has the eight bytes that labels differ in. */
const isShort = (label: Uint8Array): boolean => label.length >= 8 && HASH + label.length <= ONE_BLOCK_MESSAGE;

/** Keys of a bundle's sessions from one TGK (section 4.1.3). */
export class TgkKeys {
  readonly #ready: PrfKey;
  /** One for all keys: they differ in the constant and the session's number. */
  readonly #label: Uint8Array;
  /** The first 20 bytes of each session's TEK and salt, once they are {@link prepare}d. */
  #prepared: Int32Array | undefined;

  /** `tgk` is not kept. */
  constructor(tgk: Uint8Array, csbId: number, rand: Uint8Array, derive: Prf = mikey1) {
    this.#ready = derive(tgk);
    this.#label = makeLabel(0, 0, csbId, rand);
  }

  /** Makes the keys and salts of sessions 1 to `sessions` at once, which takes less than one after another. */
  prepare(sessions: number): void {
    const label = this.#label;
    if (!isShort(label)) return;
    const starts = new Int32Array(4 * sessions);
    for (let i = 0; i < sessions; i++) {
      label[4] = i + 1;
      starts[4 * i] = TgkConstant.tek;
      starts[4 * i + 2] = TgkConstant.salt;
      starts[4 * i + 1] = starts[4 * i + 3] = wordOf(label, 4);
    }
    this.#prepared = new Int32Array(2 * WORDS * sessions);
    this.#ready.deriveEach(label, starts, this.#prepared);
  }

  /** A key of session `csId`, counted from 1; `length` is in bytes. */
  derive(kind: keyof typeof TgkConstant, csId: number, length: number): Uint8Array {
    const at = WORDS * (2 * (csId - 1) + (kind === "salt" ? 1 : 0));
    if (this.#prepared && length <= HASH && (kind === "tek" || kind === "salt") && at < this.#prepared.length) {
      return writeWords(new Uint8Array(length), this.#prepared, at);
    }
    writeWord(this.#label, 0, TgkConstant[kind]);
    this.#label[4] = csId;
    return this.#ready.derive(this.#label, length);
  }

  wipe(): void {
    this.#prepared?.fill(0);
    this.#prepared = undefined;
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

/** The key of a message's MAC. */
export interface AuthenticationKey {
  /** HMAC-SHA-1 key, 20 bytes. */
  readonly authentication: Uint8Array;
}

/** Keys that protect a message: AES-128 key, 112-bit salt (its first 64 bits serve the key wrap), HMAC-SHA-1 key. */
export interface TransportKeys extends AuthenticationKey {
  /** 16 bytes. */
  readonly encryption: Uint8Array;
  /** 14 bytes. */
  readonly salt: Uint8Array;
}

const transportLengths = { encryption: 16, salt: 14, authentication: 20 } as const;
type TransportKeyName = keyof typeof transportLengths;

/** Derives the keys of section 4.1.4 that are named, all at once. */
function deriveTransport(
  names: readonly TransportKeyName[],
  key: Uint8Array,
  csbId: number,
  rand: Uint8Array,
  derive: Prf,
): Uint8Array[] {
  const ready = derive(key);
  const label = makeLabel(0, 0xff, csbId, rand);
  let keys: Uint8Array[];
  if (isShort(label)) {
    const starts = new Int32Array(2 * names.length);
    const sums = new Int32Array(WORDS * names.length);
    for (let i = 0; i < names.length; i++) {
      starts[2 * i] = TransportConstant[names[i]];
      starts[2 * i + 1] = wordOf(label, 4);
    }
    ready.deriveEach(label, starts, sums);
    keys = names.map((name, i) => writeWords(new Uint8Array(transportLengths[name]), sums, WORDS * i));
    sums.fill(0);
  } else
    keys = names.map((name) => {
      writeWord(label, 0, TransportConstant[name]);
      return ready.derive(label, transportLengths[name]);
    });
  ready.wipe();
  return keys;
}

/** Derives the keys of section 4.1.4 from a pre-shared or envelope key. */
export function deriveTransportKeys(
  key: Uint8Array,
  csbId: number,
  rand: Uint8Array,
  derive: Prf = mikey1,
): TransportKeys {
  const names = ["encryption", "salt", "authentication"] as const;
  const [encryption, salt, authentication] = deriveTransport(names, key, csbId, rand, derive);
  return { encryption, salt, authentication };
}

/** {@link deriveTransportKeys} for a message that carries nothing encrypted: the key of its MAC alone. */
export function deriveAuthenticationKey(
  key: Uint8Array,
  csbId: number,
  rand: Uint8Array,
  derive: Prf = mikey1,
): AuthenticationKey {
  const [authentication] = deriveTransport(["authentication"], key, csbId, rand, derive);
  return { authentication };
}

/** Zeroes transport keys. */
export function wipeTransportKeys(keys: AuthenticationKey & Partial<TransportKeys>): void {
  keys.encryption?.fill(0);
  keys.salt?.fill(0);
  keys.authentication.fill(0);
}
