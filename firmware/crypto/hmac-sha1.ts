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
    const w = sha1Block;
    w.fill(0);
    for (let i = 0; i < short.length; i++) w[i >>> 2] |= short[i] << (24 - ((i & 3) << 3));
    if (isLong) short.fill(0);
    for (let i = 0; i < 16; i++) w[i] ^= 0x36363636;
    sha1Start(this.#inner);
    sha1Compress(this.#inner);
    for (let i = 0; i < 16; i++) w[i] ^= 0x36363636 ^ 0x5c5c5c5c;
    sha1Start(this.#outer);
    sha1Compress(this.#outer);
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
    this.#end();
  }

  /** The outer hash of the inner one in {@link #result}. */
  #end(): void {
    const h = this.#result;
    const outer = this.#outer;
    const w = sha1Block;
    w[0] = h[0];
    w[1] = h[1];
    w[2] = h[2];
    w[3] = h[3];
    w[4] = h[4];
    w[5] = 0x80000000 | 0;
    for (let i = 6; i < 15; i++) w[i] = 0;
    w[15] = (SHA1_BLOCK_BYTES + SHA1_BYTES) << 3;
    h[0] = outer[0];
    h[1] = outer[1];
    h[2] = outer[2];
    h[3] = outer[3];
    h[4] = outer[4];
    sha1Compress(h);
  }

  /**
   * Computes the HMAC of a message of at most 55 bytes that was made ready by {@link hmacBlock}: one block inside, one outside.
   * For chains of HMACs, whose messages differ in few words.
   */
  computeBlock(block: Int32Array): void {
    const h = this.#result;
    const w = sha1Block;
    h.set(this.#inner);
    w.set(block);
    sha1Compress(h);
    this.#end();
  }

  /** The last result as 5 words, put where a block of {@link computeBlock} begins. */
  writeWords(block: Int32Array): void {
    block.set(this.#result);
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

/**
 * A message of at most 55 bytes as the only block behind an HMAC's key: with its padding and length.
 * Throws RangeError for a longer one.
 */
export function hmacBlock(message: Uint8Array): Int32Array {
  if (message.length > 55) throw new RangeError(`a message of ${message.length} bytes does not fit one block`);
  const block = new Int32Array(16);
  for (let i = 0; i < message.length; i++) block[i >>> 2] |= message[i] << (24 - ((i & 3) << 3));
  block[message.length >>> 2] |= 0x80 << (24 - ((message.length & 3) << 3));
  block[15] = (SHA1_BLOCK_BYTES + message.length) << 3;
  return block;
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
