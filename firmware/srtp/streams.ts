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
  const s = highest & 0xffff;
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
  /** Slot + 1 by hash of the SSRC, 0 where there is none; twice as long as there are slots, and open addressing. */
  readonly #places: Uint16Array;
  readonly #shift: number;
  /** Roll-over counter somebody told for the next packet, or -1. */
  readonly #told: Float64Array;
  #count = 0;
  #last = 0;
  /** Packets refused in a row, per slot; for whoever wants to count them. */
  readonly refused: Uint32Array;

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
    const bits = Math.ceil(Math.log2(capacity)) + 1;
    this.#places = new Uint16Array(2 ** bits);
    this.#shift = 32 - bits;
    this.#told = new Float64Array(capacity).fill(-1);
    this.refused = new Uint32Array(capacity);
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
    const last = this.#last;
    if (last < this.#count && ssrcs[last] === ssrc) return last;
    const places = this.#places;
    for (let place = this.#home(ssrc); ; place = (place + 1) & (places.length - 1)) {
      const slot = places[place] - 1;
      if (slot < 0) return -1;
      if (ssrcs[slot] === ssrc) {
        this.#last = slot;
        return slot;
      }
    }
  }

  /** Opens a stream for an `ssrc` that has none; its slot, or -1 when the table is full. */
  open(ssrc: number): number {
    if (this.full) return -1;
    const slot = this.#count++;
    this.#ssrcs[slot] = ssrc;
    const places = this.#places;
    let place = this.#home(ssrc);
    while (places[place] !== 0) place = (place + 1) & (places.length - 1);
    places[place] = slot + 1;
    return slot;
  }

  /** Where looking for an SSRC begins: the upper bits of a product with 2^32 divided by the golden ratio. */
  #home(ssrc: number): number {
    return Math.imul(ssrc, 0x9e3779b1) >>> this.#shift;
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

  /** Index of a packet with `sequence` of the stream in `slot`: {@link estimateIndex}, or as somebody told it. */
  estimate(slot: number, sequence: number): number {
    const highest = this.#highest[slot];
    const told = this.#told[slot] * 0x10000 + sequence;
    return told > highest ? told : estimateIndex(highest, sequence);
  }

  /** The next packet's roll-over counter is `roc`, if that leads forward. */
  tell(slot: number, roc: number): void {
    this.#told[slot] = roc;
  }

  /** Remembers an `index` that {@link seen} did not know, and moves the window ahead when it is the highest yet. */
  mark(slot: number, index: number): void {
    const window = this.#window;
    const bits = this.#bits;
    const first = (slot * window) >>> 5;
    this.#told[slot] = -1;
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
