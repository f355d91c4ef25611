// SHA-1 of four messages at once (toolchain/kernel/sha1-lanes.mjs), for what hashes the same under several keys.

import { sha1LanesCode } from "./sha1-lanes-code.js";
import { instantiate } from "./web-assembly.js";

/** Messages hashed at once. */
export const LANES = 4;
/** Words of the states of {@link LANES} HMAC keys: five inside and five outside, each for all lanes. */
export const LANE_STATE_WORDS = 10 * LANES;

// Addresses, as in toolchain/kernel/sha1-lanes.mjs, in words.
const FIRST = 40;
const SECOND = 56;
const RESULT = 72;
const OWN = 92;
const BLOCK = 100;
const BLOCK_END = 164;
const START = 184;
/** Behind the last word that a secret may be in. */
const SECRETS_END = 184;
const START_WORDS = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

interface LanesExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  keys(): void;
  chain(): void;
}

/** One instance of the module with its memory. */
export class Sha1Lanes {
  readonly #words: Int32Array;
  readonly #keys: () => void;
  readonly #chain: () => void;

  private constructor(run: LanesExports) {
    this.#words = new Int32Array(run.memory.buffer);
    this.#keys = run.keys;
    this.#chain = run.chain;
    for (const [i, word] of START_WORDS.entries()) this.#words.fill(word, START + LANES * i, START + LANES * (i + 1));
  }

  /** The module; undefined where this processor or program has no WebAssembly with vectors. */
  static load(): Sha1Lanes | undefined {
    const run = instantiate(sha1LanesCode);
    return run && new Sha1Lanes(run as LanesExports);
  }

  /** Puts a lane's key, `data[start, end)` of at most 64 bytes, where {@link keys} takes it from. */
  setKey(lane: number, data: Uint8Array, start: number, end: number): void {
    const words = this.#words;
    let at = BLOCK + lane;
    let i = start;
    for (; i + 4 <= end; i += 4, at += LANES)
      words[at] = 0x36363636 ^ ((data[i] << 24) | (data[i + 1] << 16) | (data[i + 2] << 8) | data[i + 3]);
    const rest = at;
    for (; at < BLOCK_END; at += LANES) words[at] = 0x36363636;
    for (let shift = 24; i < end; i++, shift -= 8) words[rest] ^= data[i] << shift;
  }

  /** Makes HMAC's states of the keys that were set; `out[at]` on takes {@link LANE_STATE_WORDS}. */
  keys(out: Int32Array, at: number): void {
    this.#keys();
    const words = this.#words;
    for (let i = 0; i < LANE_STATE_WORDS; i++) out[at + i] = words[i];
  }

  /** Gives the two messages of {@link chain}, of one block each, with their padding. What each lane has of its own is left out. */
  setMessages(first: Int32Array, second: Int32Array): void {
    const words = this.#words;
    for (let i = 0; i < 16; i++) {
      words[FIRST + i] = first[i];
      words[SECOND + i] = second[i];
    }
  }

  /**
   * Gives a lane its key and what its messages have of their own.
   * @param states where a key's ten words lie from `states[at]` on, each {@link LANES} behind the one before
   * @param starts the first two words of the lane's first message, from `starts[start]` on
   */
  setLane(lane: number, states: Int32Array, at: number, starts: Int32Array, start: number): void {
    const words = this.#words;
    for (let i = lane; i < LANE_STATE_WORDS; i += LANES, at += LANES) words[i] = states[at];
    words[OWN + lane] = starts[start];
    words[OWN + LANES + lane] = starts[start + 1];
  }

  /**
   * Computes in each lane the HMAC of the second message, which begins with the HMAC of the first (five words) and what the lane
   * has of its own (two words).
   */
  chain(): void {
    this.#chain();
  }

  /** XORs a lane's result into the five words from `sums[at]` on. */
  addTo(sums: Int32Array, at: number, lane: number): void {
    const words = this.#words;
    for (let i = RESULT + lane; i < OWN; i += LANES) sums[at++] ^= words[i];
  }

  /** The memory that keys and hashes pass through. */
  secrets(): Int32Array {
    return this.#words.subarray(0, SECRETS_END);
  }

  /** Zeroes it. */
  wipe(): void {
    this.#words.fill(0, 0, SECRETS_END);
  }
}

let lanes: Sha1Lanes | null | undefined;

/** This thread's {@link Sha1Lanes}, loaded when first asked for; null where there are no vectors. */
export function sha1Lanes(): Sha1Lanes | null {
  if (lanes === undefined) lanes = Sha1Lanes.load() ?? null;
  return lanes;
}
