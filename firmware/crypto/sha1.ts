// SHA-1 (FIPS 180-4 section 6.1; RFC 3174), here for HMAC-SHA1, whose security does not rest on collision resistance.

/** Bytes of a SHA-1 digest. */
export const SHA1_BYTES = 20;
/** Bytes of a SHA-1 message block. */
export const SHA1_BLOCK_BYTES = 64;

/**
 * Message schedule shared by everything in this thread that hashes: 16 words of message, then their expansion.
 * A caller of {@link sha1Compress} writes the first 16 words; nothing survives in it from one call to the next that matters.
 */
export const sha1Schedule = new Int32Array(80);

/** Sets `state` (5 words) to the initial hash value. */
export function sha1Start(state: Int32Array): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89 | 0;
  state[2] = 0x98badcfe | 0;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0 | 0;
}

/** Loads the 64 bytes at `data[at]` into the schedule. */
export function sha1Load(data: Uint8Array, at: number): void {
  const w = sha1Schedule;
  for (let i = 0; i < 16; i++, at += 4)
    w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
}

/** Folds the block in the schedule into `state` (5 words). */
export function sha1Compress(state: Int32Array): void {
  const w = sha1Schedule;
  for (let t = 16; t < 80; t++) {
    const x = w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16];
    w[t] = (x << 1) | (x >>> 31);
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let t = 0;
  // Five rounds a turn: after five the variables stand in their places again, so nothing is moved between them.
  for (; t < 20; t += 5) {
    e = (e + ((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + w[t] + 0x5a827999) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + ((e << 5) | (e >>> 27)) + (c ^ (a & (b ^ c))) + w[t + 1] + 0x5a827999) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + ((d << 5) | (d >>> 27)) + (b ^ (e & (a ^ b))) + w[t + 2] + 0x5a827999) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + ((c << 5) | (c >>> 27)) + (a ^ (d & (e ^ a))) + w[t + 3] + 0x5a827999) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + ((b << 5) | (b >>> 27)) + (e ^ (c & (d ^ e))) + w[t + 4] + 0x5a827999) | 0;
    c = (c << 30) | (c >>> 2);
  }
  for (; t < 40; t += 5) {
    e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w[t] + 0x6ed9eba1) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w[t + 1] + 0x6ed9eba1) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w[t + 2] + 0x6ed9eba1) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w[t + 3] + 0x6ed9eba1) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w[t + 4] + 0x6ed9eba1) | 0;
    c = (c << 30) | (c >>> 2);
  }
  for (; t < 60; t += 5) {
    e = (e + ((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + w[t] - 0x70e44324) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + ((e << 5) | (e >>> 27)) + ((a & b) | (c & (a | b))) + w[t + 1] - 0x70e44324) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + ((d << 5) | (d >>> 27)) + ((e & a) | (b & (e | a))) + w[t + 2] - 0x70e44324) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + ((c << 5) | (c >>> 27)) + ((d & e) | (a & (d | e))) + w[t + 3] - 0x70e44324) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + ((b << 5) | (b >>> 27)) + ((c & d) | (e & (c | d))) + w[t + 4] - 0x70e44324) | 0;
    c = (c << 30) | (c >>> 2);
  }
  for (; t < 80; t += 5) {
    e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w[t] - 0x359d3e2a) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w[t + 1] - 0x359d3e2a) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w[t + 2] - 0x359d3e2a) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w[t + 3] - 0x359d3e2a) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w[t + 4] - 0x359d3e2a) | 0;
    c = (c << 30) | (c >>> 2);
  }
  state[0] = (state[0] + a) | 0;
  state[1] = (state[1] + b) | 0;
  state[2] = (state[2] + c) | 0;
  state[3] = (state[3] + d) | 0;
  state[4] = (state[4] + e) | 0;
}

/** Last bytes of a message with their padding; shared like the schedule. */
const tail = new Uint8Array(128);

/**
 * Folds all of a message's remainder into `state` and ends the hash: whole blocks of `data[start, end)`, then the rest, an
 * optional big-endian 32-bit `suffix`, and the padding.
 * @param before bytes hashed into `state` already, a multiple of 64
 * @param suffix 32-bit word to append, or -1 for none (words are given unsigned, 0 to 2^32 - 1)
 */
export function sha1Finish(
  state: Int32Array,
  data: Uint8Array,
  start: number,
  end: number,
  before: number,
  suffix: number,
): void {
  let total = before + end - start;
  let at = start;
  for (; end - at >= 64; at += 64) {
    sha1Load(data, at);
    sha1Compress(state);
  }
  let n = 0;
  while (at < end) tail[n++] = data[at++];
  if (suffix >= 0) {
    tail[n++] = suffix >>> 24;
    tail[n++] = suffix >>> 16;
    tail[n++] = suffix >>> 8;
    tail[n++] = suffix;
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
  sha1Schedule[14] = (total / 0x20000000) | 0;
  sha1Schedule[15] = total << 3;
  sha1Compress(state);
}

/** Zeroes what hashing left in the shared scratch arrays. */
export function sha1WipeScratch(): void {
  sha1Schedule.fill(0);
  tail.fill(0);
}

/** SHA-1 of `data`: 20 bytes. */
export function sha1(data: Uint8Array): Uint8Array {
  const state = new Int32Array(5);
  sha1Start(state);
  sha1Finish(state, data, 0, data.length, 0, -1);
  const out = new Uint8Array(SHA1_BYTES);
  for (let i = 0; i < SHA1_BYTES; i++) out[i] = state[i >>> 2] >>> (24 - ((i & 3) << 3));
  return out;
}
