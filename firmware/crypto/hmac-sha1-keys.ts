// HMAC-SHA1 of the same short messages under several keys: what functions that chain many HMACs are made of (MIKEY's).

import { finishOuter, loadKey, startInner, startOuter } from "./hmac-sha1-states.js";
import { SHA1_BLOCK_BYTES, sha1Finish, sha1WipeScratch } from "./sha1.js";
import { sha1Block, sha1Compress } from "./sha1-compress.js";
import { LANE_STATE_WORDS, LANES, type Sha1Lanes, sha1Lanes } from "./sha1-lanes.js";

/** Longest message of a block behind a key's, with its padding, bytes. */
export const ONE_BLOCK_MESSAGE = 55;

const scratch = new Int32Array(5);
const link = new Int32Array(16);
const hash = new Int32Array(5);

/** Several keys with all their states in one array, hashed four at a time where the processor can. Nothing but the constructor allocates. */
export class HmacSha1Keys {
  /** Inner and outer state of each key, ten words, as {@link Sha1Lanes} has them: a word of four keys, then their next word. */
  readonly #states: Int32Array;
  readonly #lanes: Sha1Lanes | null;
  /** Keys. */
  readonly length: number;

  /**
   * @param data the keys behind each other, not kept
   * @param size bytes of a key, at most 64; the last may be shorter
   * @param length how many keys; those beyond the end of `data` are empty
   * @param lanes to hash with; null: one key after another; default: this thread's
   */
  constructor(
    data: Uint8Array,
    size: number,
    length = Math.ceil(data.length / size),
    lanes: Sha1Lanes | null = sha1Lanes(),
  ) {
    if (size < 1 || size > SHA1_BLOCK_BYTES) throw new RangeError(`keys have 1 to 64 bytes, not ${size}`);
    this.length = length;
    this.#lanes = lanes;
    this.#states = new Int32Array(LANE_STATE_WORDS * Math.ceil(length / LANES));
    for (let k = 0; k < length; k += LANES) {
      const count = Math.min(LANES, length - k);
      for (let lane = 0; lane < count; lane++) {
        const start = Math.min((k + lane) * size, data.length);
        const end = Math.min(start + size, data.length);
        if (lanes && count > 1) lanes.setKey(lane, data, start, end);
        else this.#start(k + lane, data, start, end);
      }
      if (lanes && count > 1) lanes.keys(this.#states, this.#at(k));
    }
    lanes?.wipe();
    scratch.fill(0);
    sha1WipeScratch();
  }

  /** Where the first word of a key's states lies. */
  #at(key: number): number {
    return LANE_STATE_WORDS * Math.floor(key / LANES) + (key % LANES);
  }

  #start(key: number, data: Uint8Array, start: number, end: number): void {
    const at = this.#at(key);
    loadKey(data, start, end);
    startInner(scratch);
    for (let i = 0; i < 5; i++) this.#states[at + LANES * i] = scratch[i];
    startOuter(scratch);
    for (let i = 0; i < 5; i++) this.#states[at + LANES * (5 + i)] = scratch[i];
  }

  #finish(at: number, out: Int32Array): void {
    for (let i = 0; i < 5; i++) scratch[i] = this.#states[at + LANES * (5 + i)];
    finishOuter(out, scratch, 0);
  }

  /**
   * For each of several messages that differ in their first two words alone: XORs into its sum, over all keys, the HMAC of `second`
   * with the HMAC of `first` as its first five words and the message's own two words behind them.
   * @param first, second messages as {@link fillBlock} made them ready; the two words are put in
   * @param starts two words of each message
   * @param sums five words of each message
   */
  chain(first: Int32Array, second: Int32Array, starts: Int32Array, sums: Int32Array): void {
    const lanes = this.#lanes;
    const keys = this.length;
    const pairs = (starts.length / 2) * keys;
    lanes?.setMessages(first, second);
    for (let pair = 0; pair < pairs; pair += LANES) {
      const count = Math.min(LANES, pairs - pair);
      if (!lanes || count === 1) {
        // A single one is hashed as fast without.
        for (let i = pair; i < pair + count; i++)
          this.#chainOne(i % keys, first, second, starts, 2 * Math.floor(i / keys), sums, 5 * Math.floor(i / keys));
        continue;
      }
      for (let lane = 0; lane < count; lane++) {
        const i = pair + lane;
        lanes.setLane(lane, this.#states, this.#at(i % keys), starts, 2 * Math.floor(i / keys));
      }
      lanes.chain();
      for (let lane = 0; lane < count; lane++) lanes.addTo(sums, 5 * Math.floor((pair + lane) / keys), lane);
    }
    lanes?.wipe();
    link.fill(0);
    scratch.fill(0);
  }

  #chainOne(
    key: number,
    first: Int32Array,
    second: Int32Array,
    starts: Int32Array,
    start: number,
    sums: Int32Array,
    sum: number,
  ): void {
    for (let i = 0; i < 16; i++) link[i] = first[i];
    link[0] = starts[start];
    link[1] = starts[start + 1];
    this.compute(key, link, hash);
    for (let i = 0; i < 5; i++) link[i] = hash[i];
    link[5] = starts[start];
    link[6] = starts[start + 1];
    for (let i = 7; i < 16; i++) link[i] = second[i];
    this.compute(key, link, hash);
    for (let i = 0; i < 5; i++) sums[sum + i] ^= hash[i];
    hash.fill(0);
  }

  /**
   * Computes the HMAC under one key.
   * @param block the message as {@link fillBlock} made it ready
   * @param out five words
   */
  compute(key: number, block: Int32Array, out: Int32Array): void {
    const at = this.#at(key);
    for (let i = 0; i < 16; i++) sha1Block[i] = block[i];
    for (let i = 0; i < 5; i++) out[i] = this.#states[at + LANES * i];
    sha1Compress(out);
    this.#finish(at, out);
  }

  /** {@link compute} of `data[start, end)`, whatever its length. */
  computeBytes(key: number, data: Uint8Array, start: number, end: number, out: Int32Array): void {
    const at = this.#at(key);
    for (let i = 0; i < 5; i++) out[i] = this.#states[at + LANES * i];
    sha1Finish(out, data, start, end, SHA1_BLOCK_BYTES, undefined);
    this.#finish(at, out);
  }

  /** Zeroes the prepared states and what hashing left behind. */
  wipe(): void {
    this.#states.fill(0);
    scratch.fill(0);
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
