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
 * aes.counterXor(data, 0, data.length, Int32Array.of(iv0, iv1, iv2, iv3));
 * aes.wipe();
 */
export class Aes {
  /** Round keys, four words each (FIPS 197 section 5.2). */
  readonly #schedule: Int32Array;
  readonly #rounds: number;
  readonly #block = new Int32Array(4);

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
   * Nothing is done when `end <= start`; the caller sees to it that the range lies within `data`.
   * @param counter the first counter block as four 32-bit words, most significant first; left as it is
   */
  counterXor(data: Uint8Array, start: number, end: number, counter: Int32Array): void {
    let c0 = counter[0];
    let c1 = counter[1];
    let c2 = counter[2];
    let c3 = counter[3];
    const k = this.#schedule;
    const last = this.#rounds << 2;
    // Within 256 blocks only the counter's last byte moves. It enters one word of the first round (s0) and from there one term
    // of each word of the second: all else of the first two rounds is computed once and kept in fixed and a..d, and renewed
    // when the last byte has gone through all its values.
    let renew = true;
    let fixed = 0;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let at = start; at < end; at += 16) {
      if (renew) {
        const x0 = c0 ^ k[0];
        const x1 = c1 ^ k[1];
        const x2 = c2 ^ k[2];
        const x3 = c3 ^ k[3];
        fixed = t0[x0 >>> 24] ^ t1[(x1 >>> 16) & 255] ^ t2[(x2 >>> 8) & 255] ^ k[4];
        const s1 = t0[x1 >>> 24] ^ t1[(x2 >>> 16) & 255] ^ t2[(x3 >>> 8) & 255] ^ t3[x0 & 255] ^ k[5];
        const s2 = t0[x2 >>> 24] ^ t1[(x3 >>> 16) & 255] ^ t2[(x0 >>> 8) & 255] ^ t3[x1 & 255] ^ k[6];
        const s3 = t0[x3 >>> 24] ^ t1[(x0 >>> 16) & 255] ^ t2[(x1 >>> 8) & 255] ^ t3[x2 & 255] ^ k[7];
        a = t1[(s1 >>> 16) & 255] ^ t2[(s2 >>> 8) & 255] ^ t3[s3 & 255] ^ k[8];
        b = t0[s1 >>> 24] ^ t1[(s2 >>> 16) & 255] ^ t2[(s3 >>> 8) & 255] ^ k[9];
        c = t0[s2 >>> 24] ^ t1[(s3 >>> 16) & 255] ^ t3[s1 & 255] ^ k[10];
        d = t0[s3 >>> 24] ^ t2[(s1 >>> 8) & 255] ^ t3[s2 & 255] ^ k[11];
        renew = false;
      }
      const first = fixed ^ t3[(c3 ^ k[3]) & 255];
      let s0 = a ^ t0[first >>> 24];
      let s1 = b ^ t3[first & 255];
      let s2 = c ^ t2[(first >>> 8) & 255];
      let s3 = d ^ t1[(first >>> 16) & 255];
      // Two rounds a turn save moving the state; 7, 9 or 11 are left before the last.
      let n0 = t0[s0 >>> 24] ^ t1[(s1 >>> 16) & 255] ^ t2[(s2 >>> 8) & 255] ^ t3[s3 & 255] ^ k[12];
      let n1 = t0[s1 >>> 24] ^ t1[(s2 >>> 16) & 255] ^ t2[(s3 >>> 8) & 255] ^ t3[s0 & 255] ^ k[13];
      let n2 = t0[s2 >>> 24] ^ t1[(s3 >>> 16) & 255] ^ t2[(s0 >>> 8) & 255] ^ t3[s1 & 255] ^ k[14];
      let n3 = t0[s3 >>> 24] ^ t1[(s0 >>> 16) & 255] ^ t2[(s1 >>> 8) & 255] ^ t3[s2 & 255] ^ k[15];
      for (let r = 16; r < last; r += 8) {
        s0 = t0[n0 >>> 24] ^ t1[(n1 >>> 16) & 255] ^ t2[(n2 >>> 8) & 255] ^ t3[n3 & 255] ^ k[r];
        s1 = t0[n1 >>> 24] ^ t1[(n2 >>> 16) & 255] ^ t2[(n3 >>> 8) & 255] ^ t3[n0 & 255] ^ k[r + 1];
        s2 = t0[n2 >>> 24] ^ t1[(n3 >>> 16) & 255] ^ t2[(n0 >>> 8) & 255] ^ t3[n1 & 255] ^ k[r + 2];
        s3 = t0[n3 >>> 24] ^ t1[(n0 >>> 16) & 255] ^ t2[(n1 >>> 8) & 255] ^ t3[n2 & 255] ^ k[r + 3];
        n0 = t0[s0 >>> 24] ^ t1[(s1 >>> 16) & 255] ^ t2[(s2 >>> 8) & 255] ^ t3[s3 & 255] ^ k[r + 4];
        n1 = t0[s1 >>> 24] ^ t1[(s2 >>> 16) & 255] ^ t2[(s3 >>> 8) & 255] ^ t3[s0 & 255] ^ k[r + 5];
        n2 = t0[s2 >>> 24] ^ t1[(s3 >>> 16) & 255] ^ t2[(s0 >>> 8) & 255] ^ t3[s1 & 255] ^ k[r + 6];
        n3 = t0[s3 >>> 24] ^ t1[(s0 >>> 16) & 255] ^ t2[(s1 >>> 8) & 255] ^ t3[s2 & 255] ^ k[r + 7];
      }
      const rest = end - at;
      if (rest >= 16) {
        s0 = k[last];
        s1 = k[last + 1];
        s2 = k[last + 2];
        s3 = k[last + 3];
        data[at] ^= sbox[n0 >>> 24] ^ (s0 >>> 24);
        data[at + 1] ^= sbox[(n1 >>> 16) & 255] ^ (s0 >>> 16);
        data[at + 2] ^= sbox[(n2 >>> 8) & 255] ^ (s0 >>> 8);
        data[at + 3] ^= sbox[n3 & 255] ^ s0;
        data[at + 4] ^= sbox[n1 >>> 24] ^ (s1 >>> 24);
        data[at + 5] ^= sbox[(n2 >>> 16) & 255] ^ (s1 >>> 16);
        data[at + 6] ^= sbox[(n3 >>> 8) & 255] ^ (s1 >>> 8);
        data[at + 7] ^= sbox[n0 & 255] ^ s1;
        data[at + 8] ^= sbox[n2 >>> 24] ^ (s2 >>> 24);
        data[at + 9] ^= sbox[(n3 >>> 16) & 255] ^ (s2 >>> 16);
        data[at + 10] ^= sbox[(n0 >>> 8) & 255] ^ (s2 >>> 8);
        data[at + 11] ^= sbox[n1 & 255] ^ s2;
        data[at + 12] ^= sbox[n3 >>> 24] ^ (s3 >>> 24);
        data[at + 13] ^= sbox[(n0 >>> 16) & 255] ^ (s3 >>> 16);
        data[at + 14] ^= sbox[(n1 >>> 8) & 255] ^ (s3 >>> 8);
        data[at + 15] ^= sbox[n2 & 255] ^ s3;
      } else {
        for (let i = 0; i < rest; i++) {
          // Byte i of the state after ShiftRows comes from column (i / 4 + i mod 4) mod 4, row i mod 4.
          const shift = 24 - ((i & 3) << 3);
          const column = ((i >>> 2) + i) & 3;
          const n = column === 0 ? n0 : column === 1 ? n1 : column === 2 ? n2 : n3;
          data[at + i] ^= sbox[(n >>> shift) & 255] ^ (k[last + (i >>> 2)] >>> shift);
        }
      }
      c3 = (c3 + 1) | 0;
      if ((c3 & 0xff) === 0) {
        renew = true;
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
    const input = this.#block;
    for (let i = 0; i < 4; i++) input[i] = word(block, blockAt + 4 * i);
    out.fill(0, outAt, outAt + 16);
    this.counterXor(out, outAt, outAt + 16, input);
    input.fill(0);
  }

  /** Zeroes the round keys. What the object computes afterwards is worthless, and no longer tells anything of the key. */
  wipe(): void {
    this.#schedule.fill(0);
  }
}

/** Counter block of {@link aesCounterXor}. */
const firstBlock = new Int32Array(4);

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
  for (let i = 0; i < 4; i++) firstBlock[i] = word(iv, 4 * i);
  aes.counterXor(data, 0, data.length, firstBlock);
  aes.wipe();
}
