// Per-SSRC state of one direction: the highest index seen and a window of those below it (RFC 3711 sections 3.2.1, 3.3.1, 3.3.2).

/** Index space of RTP: 2^32 roll-overs of 2^16 sequence numbers. */
export const RTP_INDEX_LIMIT = 2 ** 48;
/** Index space of RTCP (RFC 3711 section 3.4). */
export const RTCP_INDEX_LIMIT = 2 ** 31;

/**
 * The packet index nearest to `highest` whose low 16 bits are `sequence` (RFC 3711 section 3.3.1, appendix A).
 * May be {@link RTP_INDEX_LIMIT} or more: then the index space is used up. Before the first roll-over nothing lies below
 * index 0, so that the estimate stays at roll-over counter 0 where the appendix would go to 2^32 - 1.
 * @param highest largest index so far, 0 to 2^48 - 1
 * @param sequence RTP sequence number, 0 to 65535
 */
export function estimateIndex(highest: number, sequence: number): number {
  const s = highest % 0x10000;
  const base = highest - s;
  if (s < 0x8000) return sequence - s > 0x8000 && base > 0 ? base - 0x10000 + sequence : base + sequence;
  return s - 0x8000 > sequence ? base + 0x10000 + sequence : base + sequence;
}

/**
 * A bounded table of streams. All memory is taken at construction; nothing allocates afterwards.
 * A stream is named by its slot, 0 to `count - 1`.
 */
export class StreamTable {
  readonly #ssrcs: Uint32Array;
  /** Highest index of each stream; -1 before the first. */
  readonly #highest: Float64Array;
  /** One bit per index, at index mod window; bits above the highest index are 0. */
  readonly #bits: Int32Array;
  readonly #window: number;
  #count = 0;
  #last = 0;

  /**
   * @param capacity number of streams, 1 to 1024
   * @param window indices remembered per stream: a power of two, 64 to 1024
   */
  constructor(capacity: number, window: number) {
    if (!(Number.isInteger(capacity) && capacity >= 1 && capacity <= 1024))
      throw new RangeError(`maxStreams must be a whole number from 1 to 1024, is ${capacity}`);
    if (!(Number.isInteger(window) && window >= 64 && window <= 1024 && (window & (window - 1)) === 0))
      throw new RangeError(`replayWindow must be 64, 128, 256, 512 or 1024, is ${window}`);
    this.#ssrcs = new Uint32Array(capacity);
    this.#highest = new Float64Array(capacity).fill(-1);
    this.#bits = new Int32Array((capacity * window) >>> 5);
    this.#window = window;
  }

  /** Number of streams held. */
  get count(): number {
    return this.#count;
  }
  /** True when no further stream can be opened. */
  get full(): boolean {
    return this.#count === this.#ssrcs.length;
  }

  /** Slot of `ssrc` (unsigned 32 bits), or -1. */
  find(ssrc: number): number {
    const ssrcs = this.#ssrcs;
    const count = this.#count;
    const last = this.#last;
    if (last < count && ssrcs[last] === ssrc) return last;
    for (let slot = 0; slot < count; slot++)
      if (ssrcs[slot] === ssrc) {
        this.#last = slot;
        return slot;
      }
    return -1;
  }

  /** Opens a stream for an `ssrc` that has none; its slot, or -1 when the table is full. */
  open(ssrc: number): number {
    if (this.full) return -1;
    const slot = this.#count++;
    this.#ssrcs[slot] = ssrc;
    return slot;
  }

  ssrc(slot: number): number {
    return this.#ssrcs[slot];
  }

  /** Highest index marked, -1 when none was. */
  highest(slot: number): number {
    return this.#highest[slot];
  }

  /** True when `index` was marked, or lies so far behind the highest that nobody knows any more. */
  seen(slot: number, index: number): boolean {
    const behind = this.#highest[slot] - index;
    if (behind < 0) return false;
    const window = this.#window;
    if (behind >= window) return true;
    // ToInt32 keeps the low bits of an index of any size.
    const bit = (index | 0) & (window - 1);
    return ((this.#bits[(slot * window + bit) >>> 5] >>> (bit & 31)) & 1) === 1;
  }

  /** Remembers an `index` that {@link seen} did not know, and moves the window ahead when it is the highest yet. */
  mark(slot: number, index: number): void {
    const window = this.#window;
    const bits = this.#bits;
    const first = (slot * window) >>> 5;
    const ahead = index - this.#highest[slot];
    if (ahead > 0) {
      if (ahead >= window) bits.fill(0, first, first + (window >>> 5));
      else
        for (let i = 1; i < ahead; i++) {
          const skipped = ((index - i) | 0) & (window - 1);
          bits[first + (skipped >>> 5)] &= ~(1 << (skipped & 31));
        }
      this.#highest[slot] = index;
    }
    const bit = (index | 0) & (window - 1);
    bits[first + (bit >>> 5)] |= 1 << (bit & 31);
  }
}
