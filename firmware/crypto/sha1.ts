// SHA-1 (FIPS 180-4 section 6.1; RFC 3174), here for HMAC-SHA1, whose security does not rest on collision resistance.

import { sha1Block, sha1Compress } from "./sha1-compress.js";

/** Bytes of a SHA-1 digest. */
export const SHA1_BYTES = 20;
/** Bytes of a SHA-1 message block. */
export const SHA1_BLOCK_BYTES = 64;

/** Sets `state` (5 words) to the initial hash value. */
export function sha1Start(state: Int32Array): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89 | 0;
  state[2] = 0x98badcfe | 0;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0 | 0;
}

/** Loads the 64 bytes at `data[at]` into the block to compress. */
export function sha1Load(data: Uint8Array, at: number): void {
  const w = sha1Block;
  for (let i = 0; i < 16; i++, at += 4)
    w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
}

/** Last bytes of a message with their padding; shared like the block. */
const tail = new Uint8Array(128);

/**
 * Folds all of a message's remainder into `state` and ends the hash: whole blocks of `data[start, end)`, then the rest, an
 * optional big-endian 32-bit `suffix`, and the padding.
 * @param before bytes hashed into `state` already, a multiple of 64
 * @param suffix array whose first word is appended; undefined: nothing is
 */
export function sha1Finish(
  state: Int32Array,
  data: Uint8Array,
  start: number,
  end: number,
  before: number,
  suffix: Int32Array | undefined,
): void {
  let total = before + end - start;
  let at = start;
  for (; end - at >= 64; at += 64) {
    sha1Load(data, at);
    sha1Compress(state);
  }
  let n = 0;
  while (at < end) tail[n++] = data[at++];
  if (suffix !== undefined) {
    const word = suffix[0];
    tail[n++] = word >>> 24;
    tail[n++] = word >>> 16;
    tail[n++] = word >>> 8;
    tail[n++] = word;
    total += 4;
  }
  tail[n++] = 0x80;
  const padded = n <= 56 ? 56 : 120;
  while (n < padded) tail[n++] = 0;
  if (padded === 120) {
    sha1Load(tail, 0);
    sha1Compress(state);
  }
  tail[padded] = tail[padded + 1] = tail[padded + 2] = tail[padded + 3] = tail[padded + 4] = 0;
  sha1Load(tail, padded - 56);
  // The length in bits is 64 bits wide.
  sha1Block[14] = (total / 0x20000000) | 0;
  sha1Block[15] = total << 3;
  sha1Compress(state);
}

/** Zeroes what hashing left in the shared scratch arrays. */
export function sha1WipeScratch(): void {
  sha1Block.fill(0);
  tail.fill(0);
}

/** SHA-1 of `data`: 20 bytes. */
export function sha1(data: Uint8Array): Uint8Array {
  const state = new Int32Array(5);
  sha1Start(state);
  sha1Finish(state, data, 0, data.length, 0, undefined);
  const out = new Uint8Array(SHA1_BYTES);
  for (let i = 0; i < SHA1_BYTES; i++) out[i] = state[i >>> 2] >>> (24 - ((i & 3) << 3));
  return out;
}
