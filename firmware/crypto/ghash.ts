// GHASH (NIST SP 800-38D section 6.4) on 32-bit words, without tables: multiplications of which every fourth bit is kept, so that carries
// die in the holes. Constant time wherever Math.imul is.

import type { Aes } from "./aes.js";

/** Low 32 bits of the carry-less product. */
function multiply(x: number, y: number): number {
  const x0 = x & 0x11111111;
  const x1 = x & 0x22222222;
  const x2 = x & 0x44444444;
  const x3 = x & 0x88888888;
  const y0 = y & 0x11111111;
  const y1 = y & 0x22222222;
  const y2 = y & 0x44444444;
  const y3 = y & 0x88888888;
  return (
    ((Math.imul(x0, y0) ^ Math.imul(x1, y3) ^ Math.imul(x2, y2) ^ Math.imul(x3, y1)) & 0x11111111) |
    ((Math.imul(x0, y1) ^ Math.imul(x1, y0) ^ Math.imul(x2, y3) ^ Math.imul(x3, y2)) & 0x22222222) |
    ((Math.imul(x0, y2) ^ Math.imul(x1, y1) ^ Math.imul(x2, y0) ^ Math.imul(x3, y3)) & 0x44444444) |
    ((Math.imul(x0, y3) ^ Math.imul(x1, y2) ^ Math.imul(x2, y1) ^ Math.imul(x3, y0)) & 0x88888888)
  );
}

/** The 32 bits in reverse order. */
function reverse(x: number): number {
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1);
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2);
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8);
  return (x >>> 16) | (x << 16);
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
    const word = (i: number) => (h[12 - 4 * i] << 24) | (h[13 - 4 * i] << 16) | (h[14 - 4 * i] << 8) | h[15 - 4 * i];
    parts.forEach((from, n) => {
      this.#h[n] = from.reduce((sum, i) => sum ^ word(i), 0);
      this.#h[9 + n] = reverse(this.#h[n]);
    });
    h.fill(0);
  }

  /** Begins anew. */
  start(): void {
    this.#y.fill(0);
  }

  /** Takes `data[start, end)`, then the 32-bit `suffix` unless it is -1, padded with zeros to whole blocks. */
  absorb(data: Uint8Array, start: number, end: number, suffix: number): void {
    let at = start;
    for (; end - at >= 16; at += 16) this.#fold(data, at);
    const block = this.#block;
    let n = 0;
    while (at < end) block[n++] = data[at++];
    if (suffix >= 0)
      for (let shift = 24; shift >= 0; shift -= 8) {
        if (n === 16) {
          this.#fold(block, 0);
          n = 0;
        }
        block[n++] = suffix >>> shift;
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
    const w = (i: number) =>
      (data[at + i] << 24) | (data[at + i + 1] << 16) | (data[at + i + 2] << 8) | data[at + i + 3];
    const y0 = y[0] ^ w(12);
    const y1 = y[1] ^ w(8);
    const y2 = y[2] ^ w(4);
    const y3 = y[3] ^ w(0);
    low[0] = y0;
    low[1] = y1;
    low[2] = y0 ^ y1;
    low[3] = y2;
    low[4] = y3;
    low[5] = y2 ^ y3;
    low[6] = y0 ^ y2;
    low[7] = y1 ^ y3;
    low[8] = low[6] ^ low[7];
    for (let i = 0; i < 9; i++) {
      const x = low[i];
      high[i] = reverse(multiply(reverse(x), h[9 + i])) >>> 1;
      low[i] = multiply(x, h[i]);
    }
    // Each middle product less the outer two; then the same one level up.
    for (const n of [0, 3, 6]) {
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
