// HMAC-SHA1 (RFC 2104) with the key's inner and outer states prepared once, so that a message costs its own blocks and one more.

import { SHA1_BLOCK_BYTES, SHA1_BYTES, sha1, sha1Finish, sha1Start, sha1WipeScratch } from "./sha1.js";
import { sha1Block, sha1Compress } from "./sha1-compress.js";

/** Bytes of an untruncated HMAC-SHA1. */
export const HMAC_SHA1_BYTES = SHA1_BYTES;

/**
 * A key for HMAC-SHA1. `compute` leaves the result inside; `writeTag` and `matches` use it. None of the three allocates.
 *
 * @example
 * const mac = new HmacSha1(key);
 * mac.compute(packet, 0, length);
 * mac.writeTag(packet, length, 10); // HMAC-SHA1-80
 */
export class HmacSha1 {
  readonly #inner = new Int32Array(5);
  readonly #outer = new Int32Array(5);
  readonly #result = new Int32Array(5);

  /** @param key any length; not kept (longer than 64 bytes: its SHA-1 is the key, RFC 2104 section 2). */
  constructor(key: Uint8Array) {
    const isLong = key.length > SHA1_BLOCK_BYTES;
    const short = isLong ? sha1(key) : key;
    loadKey(short, 0, short.length);
    if (isLong) short.fill(0);
    startInner(this.#inner);
    startOuter(this.#outer);
    sha1WipeScratch();
  }

  /**
   * Computes HMAC(key, `data[start, end)` || suffix).
   * @param suffix its first word is appended big-endian (SRTP's roll-over counter); absent: nothing is
   */
  compute(data: Uint8Array, start: number, end: number, suffix?: Int32Array): void {
    const h = this.#result;
    const inner = this.#inner;
    h[0] = inner[0];
    h[1] = inner[1];
    h[2] = inner[2];
    h[3] = inner[3];
    h[4] = inner[4];
    sha1Finish(h, data, start, end, SHA1_BLOCK_BYTES, suffix);
    finishOuter(h, this.#outer, 0);
  }

  /** Writes the leftmost `length` bytes (0 to 20) of the last result to `out[at]`. */
  writeTag(out: Uint8Array, at: number, length: number): void {
    const h = this.#result;
    for (let i = 0; i < length; i++) out[at + i] = h[i >>> 2] >>> (24 - ((i & 3) << 3));
  }

  /** True when `data[at, at + length)` is the last result's leftmost bytes. Takes the same time wherever they differ. */
  matches(data: Uint8Array, at: number, length: number): boolean {
    const h = this.#result;
    let difference = 0;
    for (let i = 0; i < length; i++) difference |= data[at + i] ^ ((h[i >>> 2] >>> (24 - ((i & 3) << 3))) & 255);
    return difference === 0;
  }

  /** Zeroes the prepared states and the last result. */
  wipe(): void {
    this.#inner.fill(0);
    this.#outer.fill(0);
    this.#result.fill(0);
    sha1WipeScratch();
  }
}

/** The key in the block to compress, for {@link startInner} and then {@link startOuter}; at most 64 bytes. */
function loadKey(data: Uint8Array, start: number, end: number): void {
  const w = sha1Block;
  for (let i = 0; i < 16; i++) w[i] = 0x36363636;
  for (let i = 0, at = start; at < end; i++, at++) w[i >>> 2] ^= data[at] << (24 - ((i & 3) << 3));
}

function startInner(state: Int32Array): void {
  sha1Start(state);
  sha1Compress(state);
}

function startOuter(state: Int32Array): void {
  const w = sha1Block;
  for (let i = 0; i < 16; i++) w[i] ^= 0x36363636 ^ 0x5c5c5c5c;
  sha1Start(state);
  sha1Compress(state);
}

/** The outer hash of the inner one in `h`; `outer[at]`: the key's outer state. */
function finishOuter(h: Int32Array, outer: Int32Array, at: number): void {
  const w = sha1Block;
  w[0] = h[0];
  w[1] = h[1];
  w[2] = h[2];
  w[3] = h[3];
  w[4] = h[4];
  w[5] = 0x80000000 | 0;
  for (let i = 6; i < 15; i++) w[i] = 0;
  w[15] = (SHA1_BLOCK_BYTES + SHA1_BYTES) << 3;
  h[0] = outer[at];
  h[1] = outer[at + 1];
  h[2] = outer[at + 2];
  h[3] = outer[at + 3];
  h[4] = outer[at + 4];
  sha1Compress(h);
}

/** Longest message of {@link HmacSha1Keys}, bytes: it has to fit one block behind a key's, with its padding. */
export const ONE_BLOCK_MESSAGE = 55;

const scratch = new Int32Array(5);

/**
 * Several keys for HMAC-SHA1 of the same short messages, with all their states in one array: what functions that chain many HMACs
 * are made of (MIKEY's). Nothing but the constructor allocates.
 */
export class HmacSha1Keys {
  /** Inner and outer state of each key, ten words. */
  readonly #states: Int32Array;
  /** Keys. */
  readonly length: number;

  /**
   * @param data the keys behind each other, not kept
   * @param size bytes of a key, at most 64; the last may be shorter
   * @param length how many keys; those beyond the end of `data` are empty
   */
  constructor(data: Uint8Array, size: number, length = Math.ceil(data.length / size)) {
    if (size < 1 || size > SHA1_BLOCK_BYTES) throw new RangeError(`keys have 1 to 64 bytes, not ${size}`);
    this.length = length;
    this.#states = new Int32Array(10 * length);
    for (let k = 0, at = 0; k < length; k++, at += 10) {
      loadKey(data, Math.min(k * size, data.length), Math.min((k + 1) * size, data.length));
      startInner(scratch);
      for (let i = 0; i < 5; i++) this.#states[at + i] = scratch[i];
      startOuter(scratch);
      for (let i = 0; i < 5; i++) this.#states[at + 5 + i] = scratch[i];
    }
    scratch.fill(0);
    sha1WipeScratch();
  }

  /**
   * Computes the HMAC under one key.
   * @param block the message as {@link fillBlock} made it ready
   * @param out five words
   */
  compute(key: number, block: Int32Array, out: Int32Array): void {
    const states = this.#states;
    const at = 10 * key;
    const w = sha1Block;
    for (let i = 0; i < 16; i++) w[i] = block[i];
    out[0] = states[at];
    out[1] = states[at + 1];
    out[2] = states[at + 2];
    out[3] = states[at + 3];
    out[4] = states[at + 4];
    sha1Compress(out);
    finishOuter(out, states, at + 5);
  }

  /** {@link compute} of `data[start, end)`, whatever its length. */
  computeBytes(key: number, data: Uint8Array, start: number, end: number, out: Int32Array): void {
    const states = this.#states;
    const at = 10 * key;
    for (let i = 0; i < 5; i++) out[i] = states[at + i];
    sha1Finish(out, data, start, end, SHA1_BLOCK_BYTES, undefined);
    finishOuter(out, states, at + 5);
  }

  /** Zeroes the prepared states and what hashing left behind. */
  wipe(): void {
    this.#states.fill(0);
    sha1WipeScratch();
  }
}

/**
 * A message as the only block behind an HMAC's key: with its padding and length.
 * Throws RangeError for one of more than {@link ONE_BLOCK_MESSAGE} bytes.
 * @param before bytes left free for words to be put in
 */
export function fillBlock(block: Int32Array, message: Uint8Array, before = 0): void {
  const length = before + message.length;
  if (length > ONE_BLOCK_MESSAGE) throw new RangeError(`a message of ${length} bytes does not fit one block`);
  for (let i = 0; i < 15; i++) block[i] = 0;
  for (let i = before, k = 0; i < length; i++, k++) block[i >>> 2] |= message[k] << (24 - ((i & 3) << 3));
  block[length >>> 2] |= 0x80 << (24 - ((length & 3) << 3));
  block[15] = (SHA1_BLOCK_BYTES + length) << 3;
}

/** HMAC-SHA1 of `data` under `key`: 20 bytes. For single messages; per-packet work keeps an {@link HmacSha1}. */
export function hmacSha1(key: Uint8Array, data: Uint8Array): Uint8Array {
  const mac = new HmacSha1(key);
  mac.compute(data, 0, data.length);
  const out = new Uint8Array(HMAC_SHA1_BYTES);
  mac.writeTag(out, 0, out.length);
  mac.wipe();
  return out;
}
