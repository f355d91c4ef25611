// GHASH (NIST SP 800-38D section 6.4) on 32-bit words, without tables: multiplications of which every fourth bit is kept, so that carries
// die in the holes. Constant time wherever Math.imul is.

import type { Aes } from "./aes.js";

/** `x[i]` = low 32 bits of the carry-less product of `x[i]` and `h[from + i]`. */
function multiplyEach(x: Int32Array, h: Int32Array, from: number): void {
  for (let i = 0; i < x.length; i++) {
    const a = x[i];
    const b = h[from + i];
    const x0 = a & 0x11111111;
    const x1 = a & 0x22222222;
    const x2 = a & 0x44444444;
    const x3 = a & 0x88888888;
    const y0 = b & 0x11111111;
    const y1 = b & 0x22222222;
    const y2 = b & 0x44444444;
    const y3 = b & 0x88888888;
    x[i] =
      ((Math.imul(x0, y0) ^ Math.imul(x1, y3) ^ Math.imul(x2, y2) ^ Math.imul(x3, y1)) & 0x11111111) |
      ((Math.imul(x0, y1) ^ Math.imul(x1, y0) ^ Math.imul(x2, y3) ^ Math.imul(x3, y2)) & 0x22222222) |
      ((Math.imul(x0, y2) ^ Math.imul(x1, y1) ^ Math.imul(x2, y0) ^ Math.imul(x3, y3)) & 0x44444444) |
      ((Math.imul(x0, y3) ^ Math.imul(x1, y2) ^ Math.imul(x2, y1) ^ Math.imul(x3, y0)) & 0x88888888);
  }
}

/** Turns round the bits of each word. */
function reverseEach(words: Int32Array): void {
  for (let i = 0; i < words.length; i++) {
    let x = words[i];
    x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1);
    x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2);
    x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
    x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8);
    words[i] = (x >>> 16) | (x << 16);
  }
}

/** 32 bits, big-endian, at `data[at]`. */
function word(data: Uint8Array, at: number): number {
  return (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
}

/** Nine products of 32-bit words make one of 128 (Karatsuba twice): which words are added up for each. */
const parts = [[0], [1], [0, 1], [2], [3], [2, 3], [0, 2], [1, 3], [0, 1, 2, 3]];

/** A hash key and the running value. */
export class Ghash {
  /** The nine factors of H and the same with their bits reversed; words least significant first. */
  readonly #h = new Int32Array(18);
  readonly #y = new Int32Array(4);
  readonly #low = new Int32Array(9);
  readonly #high = new Int32Array(9);
  readonly #product = new Int32Array(8);
  readonly #block = new Uint8Array(16);

  /** @param aes the cipher; H is E(k, 0) */
  constructor(aes: Aes) {
    const h = new Uint8Array(16);
    aes.encryptBlockInto(h, 0, h, 0);
    parts.forEach((from, n) => {
      this.#h[n] = from.reduce((sum, i) => sum ^ word(h, 12 - 4 * i), 0);
    });
    const reversed = this.#h.slice(0, 9);
    reverseEach(reversed);
    this.#h.set(reversed, 9);
    reversed.fill(0);
    h.fill(0);
  }

  /** Begins anew. */
  start(): void {
    this.#y.fill(0);
  }

  /** Takes `data[start, end)`, then the first word of `suffix` where there is one, padded with zeros to whole blocks. */
  absorb(data: Uint8Array, start: number, end: number, suffix?: Int32Array): void {
    let at = start;
    for (; end - at >= 16; at += 16) this.#fold(data, at);
    const block = this.#block;
    let n = 0;
    while (at < end) block[n++] = data[at++];
    if (suffix !== undefined)
      for (let shift = 24; shift >= 0; shift -= 8) {
        if (n === 16) {
          this.#fold(block, 0);
          n = 0;
        }
        block[n++] = suffix[0] >>> shift;
      }
    if (n === 0) return;
    block.fill(0, n);
    this.#fold(block, 0);
  }

  /** Takes the lengths (bytes) of associated data and ciphertext, and writes the 16-byte result. */
  finishInto(out: Uint8Array, associated: number, encrypted: number): void {
    const block = this.#block;
    block.fill(0);
    for (let i = 0; i < 4; i++) {
      block[4 + i] = (associated << 3) >>> (24 - 8 * i);
      block[12 + i] = (encrypted << 3) >>> (24 - 8 * i);
    }
    this.#fold(block, 0);
    for (let i = 0; i < 16; i++) out[i] = this.#y[3 - (i >>> 2)] >>> (24 - ((i & 3) << 3));
  }

  wipe(): void {
    for (const array of [this.#h, this.#y, this.#low, this.#high, this.#product, this.#block]) array.fill(0);
  }

  /** y = (y ^ block) * H. */
  #fold(data: Uint8Array, at: number): void {
    const y = this.#y;
    const h = this.#h;
    const low = this.#low;
    const high = this.#high;
    const z = this.#product;
    const y0 = y[0] ^ word(data, at + 12);
    const y1 = y[1] ^ word(data, at + 8);
    const y2 = y[2] ^ word(data, at + 4);
    const y3 = y[3] ^ word(data, at);
    low[0] = y0;
    low[1] = y1;
    low[2] = y0 ^ y1;
    low[3] = y2;
    low[4] = y3;
    low[5] = y2 ^ y3;
    low[6] = y0 ^ y2;
    low[7] = y1 ^ y3;
    low[8] = low[6] ^ low[7];
    high.set(low);
    reverseEach(high);
    multiplyEach(high, h, 9);
    reverseEach(high);
    for (let i = 0; i < 9; i++) high[i] >>>= 1;
    multiplyEach(low, h, 0);
    // Each middle product less the outer two; then the same one level up.
    for (let n = 0; n < 9; n += 3) {
      low[n + 2] ^= low[n] ^ low[n + 1];
      high[n + 2] ^= high[n] ^ high[n + 1];
    }
    z[0] = low[0];
    z[1] = high[0] ^ low[2];
    z[2] = low[1] ^ high[2];
    z[3] = high[1];
    z[4] = low[3];
    z[5] = high[3] ^ low[5];
    z[6] = low[4] ^ high[5];
    z[7] = high[4];
    const m0 = low[6] ^ z[0] ^ z[4];
    const m1 = high[6] ^ low[8] ^ z[1] ^ z[5];
    const m2 = low[7] ^ high[8] ^ z[2] ^ z[6];
    const m3 = high[7] ^ z[3] ^ z[7];
    z[2] ^= m0;
    z[3] ^= m1;
    z[4] ^= m2;
    z[5] ^= m3;
    // GCM's bit order is the reverse: the product lies one bit too low.
    for (let i = 7; i > 0; i--) z[i] = (z[i] << 1) | (z[i - 1] >>> 31);
    z[0] <<= 1;
    // Reduction by x^128 + x^7 + x^2 + x + 1.
    for (let i = 0; i < 4; i++) {
      const x = z[i];
      z[i + 4] ^= x ^ (x >>> 1) ^ (x >>> 2) ^ (x >>> 7);
      z[i + 3] ^= (x << 31) ^ (x << 30) ^ (x << 25);
    }
    y[0] = z[4];
    y[1] = z[5];
    y[2] = z[6];
    y[3] = z[7];
  }
}
