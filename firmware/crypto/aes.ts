// AES (FIPS 197), encryption direction, and counter mode as AES-CM wants it (RFC 3711 section 4.1.1). Table based: see docs/decisions.md.

/** Bytes of an AES block. */
export const AES_BLOCK_BYTES = 16;

const sbox = new Uint8Array(256);
// Column tables: the S-box followed by MixColumns, each the previous one turned by a byte. Int32Array so that what V8 loads
// from them is an int32 already. Filled once from the field arithmetic itself (FIPS 197 sections 4.2 and 5.1.1).
const t0 = new Int32Array(256);
const t1 = new Int32Array(256);
const t2 = new Int32Array(256);
const t3 = new Int32Array(256);

{
  // 3 generates the multiplicative group of GF(2^8): powers and logarithms give every inverse.
  const power = new Uint8Array(256);
  const log = new Uint8Array(256);
  for (let i = 0, x = 1; i < 255; i++) {
    power[i] = x;
    log[x] = i;
    x ^= (x << 1) ^ (x & 0x80 ? 0x11b : 0);
  }
  for (let i = 0; i < 256; i++) {
    const inverse = i === 0 ? 0 : power[(255 - log[i]) % 255];
    let s = 0x63;
    for (let turn = 0; turn < 5; turn++) s ^= (inverse << turn) | (inverse >>> (8 - turn));
    s &= 0xff;
    sbox[i] = s;
    const twice = ((s << 1) ^ (s & 0x80 ? 0x11b : 0)) & 0xff;
    const column = (twice << 24) | (s << 16) | (s << 8) | (twice ^ s);
    t0[i] = column;
    t1[i] = (column >>> 8) | (column << 24);
    t2[i] = (column >>> 16) | (column << 16);
    t3[i] = (column >>> 24) | (column << 8);
  }
}

function substituteWord(word: number): number {
  return (
    (sbox[word >>> 24] << 24) | (sbox[(word >>> 16) & 255] << 16) | (sbox[(word >>> 8) & 255] << 8) | sbox[word & 255]
  );
}

/** Reads 32 bits, big-endian, as int32. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/**
 * An AES key, expanded. Nothing in its methods allocates.
 *
 * @example
 * const aes = new Aes(key);
 * aes.counterXor(data, 0, data.length, iv0, iv1, iv2, iv3);
 * aes.wipe();
 */
export class Aes {
  /** Round keys, four words each (FIPS 197 section 5.2). */
  readonly #schedule: Int32Array;
  readonly #rounds: number;

  /**
   * @param key 16, 24 or 32 bytes; not kept.
   * @throws RangeError when the length is another.
   */
  constructor(key: Uint8Array) {
    const n = key.length >>> 2;
    if (key.length !== 16 && key.length !== 24 && key.length !== 32)
      throw new RangeError(`key must have 16, 24 or 32 bytes, has ${key.length}`);
    this.#rounds = n + 6;
    const w = new Int32Array(4 * (this.#rounds + 1));
    for (let i = 0; i < n; i++) w[i] = word(key, 4 * i);
    for (let i = n, rcon = 1; i < w.length; i++) {
      let temp = w[i - 1];
      if (i % n === 0) {
        temp = substituteWord((temp << 8) | (temp >>> 24)) ^ (rcon << 24);
        rcon = (rcon << 1) ^ (rcon & 0x80 ? 0x11b : 0);
      } else if (n > 6 && i % n === 4) temp = substituteWord(temp);
      w[i] = w[i - n] ^ temp;
    }
    this.#schedule = w;
  }

  /**
   * XORs the keystream E(k, c) || E(k, c + 1) || ... (c counts modulo 2^128) onto `data[start, end)`, in place.
   * c0..c3 are the first counter block as four 32-bit words, most significant first (signed or unsigned).
   * Nothing is done when `end <= start`; the caller sees to it that the range lies within `data`.
   */
  counterXor(data: Uint8Array, start: number, end: number, c0: number, c1: number, c2: number, c3: number): void {
    const k = this.#schedule;
    const last = this.#rounds << 2;
    // Within 2^16 blocks only the low 16 bits of the counter move. What the other 14 bytes contribute to the first round is
    // computed once; each block then adds two table words. fixed0..fixed3 are renewed should the low half ever carry.
    let carried = true;
    let fixed0 = 0;
    let fixed1 = 0;
    let fixed2 = 0;
    let fixed3 = 0;
    const low = k[3];
    for (let at = start; at < end; at += 16) {
      if (carried) {
        const x0 = c0 ^ k[0];
        const x1 = c1 ^ k[1];
        const x2 = c2 ^ k[2];
        const x3 = c3 ^ low;
        fixed0 = t0[x0 >>> 24] ^ t1[(x1 >>> 16) & 255] ^ t2[(x2 >>> 8) & 255] ^ k[4];
        fixed1 = t0[x1 >>> 24] ^ t1[(x2 >>> 16) & 255] ^ t3[x0 & 255] ^ k[5];
        fixed2 = t0[x2 >>> 24] ^ t1[(x3 >>> 16) & 255] ^ t2[(x0 >>> 8) & 255] ^ t3[x1 & 255] ^ k[6];
        fixed3 = t0[x3 >>> 24] ^ t1[(x0 >>> 16) & 255] ^ t2[(x1 >>> 8) & 255] ^ t3[x2 & 255] ^ k[7];
        carried = false;
      }
      const moving = c3 ^ low;
      let s0 = fixed0 ^ t3[moving & 255];
      let s1 = fixed1 ^ t2[(moving >>> 8) & 255];
      let s2 = fixed2;
      let s3 = fixed3;
      for (let r = 8; r < last; r += 4) {
        const n0 = t0[s0 >>> 24] ^ t1[(s1 >>> 16) & 255] ^ t2[(s2 >>> 8) & 255] ^ t3[s3 & 255] ^ k[r];
        const n1 = t0[s1 >>> 24] ^ t1[(s2 >>> 16) & 255] ^ t2[(s3 >>> 8) & 255] ^ t3[s0 & 255] ^ k[r + 1];
        const n2 = t0[s2 >>> 24] ^ t1[(s3 >>> 16) & 255] ^ t2[(s0 >>> 8) & 255] ^ t3[s1 & 255] ^ k[r + 2];
        s3 = t0[s3 >>> 24] ^ t1[(s0 >>> 16) & 255] ^ t2[(s1 >>> 8) & 255] ^ t3[s2 & 255] ^ k[r + 3];
        s0 = n0;
        s1 = n1;
        s2 = n2;
      }
      const rest = end - at;
      if (rest >= 16) {
        const a = k[last];
        const b = k[last + 1];
        const c = k[last + 2];
        const d = k[last + 3];
        data[at] ^= sbox[s0 >>> 24] ^ (a >>> 24);
        data[at + 1] ^= sbox[(s1 >>> 16) & 255] ^ (a >>> 16);
        data[at + 2] ^= sbox[(s2 >>> 8) & 255] ^ (a >>> 8);
        data[at + 3] ^= sbox[s3 & 255] ^ a;
        data[at + 4] ^= sbox[s1 >>> 24] ^ (b >>> 24);
        data[at + 5] ^= sbox[(s2 >>> 16) & 255] ^ (b >>> 16);
        data[at + 6] ^= sbox[(s3 >>> 8) & 255] ^ (b >>> 8);
        data[at + 7] ^= sbox[s0 & 255] ^ b;
        data[at + 8] ^= sbox[s2 >>> 24] ^ (c >>> 24);
        data[at + 9] ^= sbox[(s3 >>> 16) & 255] ^ (c >>> 16);
        data[at + 10] ^= sbox[(s0 >>> 8) & 255] ^ (c >>> 8);
        data[at + 11] ^= sbox[s1 & 255] ^ c;
        data[at + 12] ^= sbox[s3 >>> 24] ^ (d >>> 24);
        data[at + 13] ^= sbox[(s0 >>> 16) & 255] ^ (d >>> 16);
        data[at + 14] ^= sbox[(s1 >>> 8) & 255] ^ (d >>> 8);
        data[at + 15] ^= sbox[s2 & 255] ^ d;
      } else {
        for (let i = 0; i < rest; i++) {
          // Byte i of the state after ShiftRows comes from column (i / 4 + i mod 4) mod 4, row i mod 4.
          const shift = 24 - ((i & 3) << 3);
          const column = ((i >>> 2) + i) & 3;
          const s = column === 0 ? s0 : column === 1 ? s1 : column === 2 ? s2 : s3;
          data[at + i] ^= sbox[(s >>> shift) & 255] ^ (k[last + (i >>> 2)] >>> shift);
        }
      }
      c3 = (c3 + 1) | 0;
      if ((c3 & 0xffff) === 0) {
        carried = true;
        if (c3 === 0) {
          c2 = (c2 + 1) | 0;
          if (c2 === 0) {
            c1 = (c1 + 1) | 0;
            if (c1 === 0) c0 = (c0 + 1) | 0;
          }
        }
      }
    }
  }

  /**
   * Encrypts one block: `out[outAt, outAt + 16)` = E(k, `block[blockAt, blockAt + 16)`). The two may be the same array.
   * @throws RangeError when either range does not lie within its array.
   */
  encryptBlockInto(out: Uint8Array, outAt: number, block: Uint8Array, blockAt: number): void {
    if (!(outAt >= 0 && outAt + 16 <= out.length)) throw new RangeError(`out has no 16 bytes at ${outAt}`);
    if (!(blockAt >= 0 && blockAt + 16 <= block.length)) throw new RangeError(`block has no 16 bytes at ${blockAt}`);
    const c0 = word(block, blockAt);
    const c1 = word(block, blockAt + 4);
    const c2 = word(block, blockAt + 8);
    const c3 = word(block, blockAt + 12);
    out.fill(0, outAt, outAt + 16);
    this.counterXor(out, outAt, outAt + 16, c0, c1, c2, c3);
  }

  /** Zeroes the round keys. What the object computes afterwards is worthless, and no longer tells anything of the key. */
  wipe(): void {
    this.#schedule.fill(0);
  }
}

/**
 * One-shot AES in counter mode: XORs the keystream that starts with counter block `iv` onto `data`, in place.
 * For messages (MIKEY); SRTP keeps an {@link Aes} per stream of keys.
 * @param key 16, 24 or 32 bytes
 * @param iv 16 bytes
 * @throws RangeError when `key` or `iv` has another length.
 */
export function aesCounterXor(key: Uint8Array, iv: Uint8Array, data: Uint8Array): void {
  if (iv.length !== 16) throw new RangeError(`iv must have 16 bytes, has ${iv.length}`);
  const aes = new Aes(key);
  aes.counterXor(data, 0, data.length, word(iv, 0), word(iv, 4), word(iv, 8), word(iv, 12));
  aes.wipe();
}
