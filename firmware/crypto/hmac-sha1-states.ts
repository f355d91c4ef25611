// The two states that a key of HMAC-SHA1 (RFC 2104) comes down to, and the outer hash.

import { SHA1_BLOCK_BYTES, SHA1_BYTES, sha1Start } from "./sha1.js";
import { sha1Block, sha1Compress } from "./sha1-compress.js";

/** The key in the block to compress, for {@link startInner} and then {@link startOuter}; at most 64 bytes. */
export function loadKey(data: Uint8Array, start: number, end: number): void {
  const w = sha1Block;
  for (let i = 0; i < 16; i++) w[i] = 0x36363636;
  for (let i = 0, at = start; at < end; i++, at++) w[i >>> 2] ^= data[at] << (24 - ((i & 3) << 3));
}

/** The state that hashing an inner message starts from, of the key that was loaded. */
export function startInner(state: Int32Array): void {
  sha1Start(state);
  sha1Compress(state);
}

/** The state that hashing the inner hash starts from; after {@link startInner}. */
export function startOuter(state: Int32Array): void {
  const w = sha1Block;
  for (let i = 0; i < 16; i++) w[i] ^= 0x36363636 ^ 0x5c5c5c5c;
  sha1Start(state);
  sha1Compress(state);
}

/** The outer hash of the inner one in `h`; `outer[at]`: the key's outer state. */
export function finishOuter(h: Int32Array, outer: Int32Array, at: number): void {
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
