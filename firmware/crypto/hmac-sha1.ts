// HMAC-SHA1 (RFC 2104) with the key's inner and outer states prepared once, so that a message costs its own blocks and one more.

import { finishOuter, loadKey, startInner, startOuter } from "./hmac-sha1-states.js";
import { SHA1_BLOCK_BYTES, SHA1_BYTES, sha1, sha1Finish, sha1WipeScratch } from "./sha1.js";

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
    start(key, this.#inner, this.#outer);
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

/** Both states of a key of any length. */
function start(key: Uint8Array, inner: Int32Array, outer: Int32Array): void {
  const isLong = key.length > SHA1_BLOCK_BYTES;
  const short = isLong ? sha1(key) : key;
  loadKey(short, 0, short.length);
  if (isLong) short.fill(0);
  startInner(inner);
  startOuter(outer);
}

const [inner, outer] = [new Int32Array(5), new Int32Array(5)];

/** HMAC-SHA1 of `data` under `key`: 20 bytes. For single messages; per-packet work keeps an {@link HmacSha1}. */
export function hmacSha1(key: Uint8Array, data: Uint8Array): Uint8Array {
  start(key, inner, outer);
  sha1Finish(inner, data, 0, data.length, SHA1_BLOCK_BYTES, undefined);
  finishOuter(inner, outer, 0);
  const out = new Uint8Array(HMAC_SHA1_BYTES);
  for (let i = 0; i < HMAC_SHA1_BYTES; i++) out[i] = inner[i >>> 2] >>> (24 - ((i & 3) << 3));
  inner.fill(0);
  outer.fill(0);
  sha1WipeScratch();
  return out;
}
