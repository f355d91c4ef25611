// Per-SSRC state of one direction: the highest index seen and a window of those below it (RFC 3711 sections 3.2.1, 3.3.1, 3.3.2).

import { readWord } from "./packet.js";

/**
 * The index of the packet at hand, 0 to 2^48 - 1, as the only element: a number that large is an object on the heap when one function
 * hands it to another, so it stays here and functions look it up.
 */
export type PacketIndex = Float64Array;

/** Index space of RTP: 2^32 roll-overs of 2^16 sequence numbers. */
export const RTP_INDEX_LIMIT = 2 ** 48;
/** Index space of RTCP (RFC 3711 section 3.4). */
export const RTCP_INDEX_LIMIT = 2 ** 31;

/**
 * How the roll-over counter of a packet with `sequence` differs from that of the highest so far, whose sequence number is `highest`:
 * -1, 0 or 1 (RFC 3711 section 3.3.1, appendix A).
 */
function rolloverStep(highest: number, sequence: number): number {
  if (highest < 0x8000) return sequence - highest > 0x8000 ? -1 : 0;
  return highest - 0x8000 > sequence ? 1 : 0;
}

/** Where looking for an SSRC begins: the upper bits of a product with 2^32 divided by the golden ratio. */
function home(ssrc: number, shift: number): number {
  return Math.imul(ssrc, 0x9e3779b1) >>> shift;
}

/**
 * A bounded table of streams. All memory is taken at construction; nothing allocates afterwards.
 * A stream is named by its slot, 0 to `count - 1`. {@link seen} and {@link mark} are about the packet whose index lies in {@link index}.
 */
export class StreamTable {
  /** Index of the packet at hand. */
  readonly index: PacketIndex = new Float64Array(1);
  readonly #ssrcs: Int32Array;
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
    this.#ssrcs = new Int32Array(capacity);
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

  /** Slot of the SSRC that stands at `packet[at]`, or -1. */
  find(packet: Uint8Array, at: number): number {
    const ssrc = readWord(packet, at);
    const ssrcs = this.#ssrcs;
    const last = this.#last;
    if (last < this.#count && ssrcs[last] === ssrc) return last;
    const places = this.#places;
    for (let place = home(ssrc, this.#shift); ; place = (place + 1) & (places.length - 1)) {
      const slot = places[place] - 1;
      if (slot < 0) return -1;
      if (ssrcs[slot] === ssrc) {
        this.#last = slot;
        return slot;
      }
    }
  }

  /** Slot of an SSRC, given as a number; or -1. */
  slotOf(ssrc: number): number {
    return this.find(Uint8Array.of(ssrc >>> 24, ssrc >>> 16, ssrc >>> 8, ssrc), 0);
  }

  /** Opens a stream for the SSRC at `packet[at]`, which has none; its slot, or -1 when the table is full. */
  open(packet: Uint8Array, at: number): number {
    if (this.full) return -1;
    const slot = this.#count++;
    const ssrc = readWord(packet, at);
    this.#ssrcs[slot] = ssrc;
    const places = this.#places;
    let place = home(ssrc, this.#shift);
    while (places[place] !== 0) place = (place + 1) & (places.length - 1);
    places[place] = slot + 1;
    return slot;
  }

  /** Writes the SSRC of a stream to `packet[at]`. */
  writeSsrc(slot: number, packet: Uint8Array, at: number): void {
    const ssrc = this.#ssrcs[slot];
    for (let i = 0; i < 4; i++) packet[at + i] = ssrc >>> (24 - 8 * i);
  }

  /** SSRC of a stream, unsigned. */
  ssrc(slot: number): number {
    return this.#ssrcs[slot] >>> 0;
  }

  /** Highest index marked, -1 when none was. */
  highest(slot: number): number {
    return this.#highest[slot];
  }

  /** True when the index at hand was marked, or lies so far behind the highest that nobody knows any more. */
  seen(slot: number): boolean {
    const index = this.index[0];
    const behind = this.#highest[slot] - index;
    if (behind < 0) return false;
    const window = this.#window;
    if (behind >= window) return true;
    // ToInt32 keeps the low bits of an index of any size.
    const bit = (index | 0) & (window - 1);
    return ((this.#bits[(slot * window + bit) >>> 5] >>> (bit & 31)) & 1) === 1;
  }

  /**
   * Puts at hand the index of a packet with `sequence` (0 to 65535) of a stream that has begun: the one nearest to the highest (RFC 3711
   * appendix A), or as somebody told it. Before the first roll-over nothing lies below index 0, so that the estimate stays at roll-over
   * counter 0 where the appendix would go to 2^32 - 1.
   * @returns false when it is {@link RTP_INDEX_LIMIT} or more: the index space is used up
   */
  estimate(slot: number, sequence: number): boolean {
    const highest = this.#highest[slot];
    let index = this.#told[slot] * 0x10000 + sequence;
    if (index <= highest) {
      const s = highest & 0xffff;
      const base = highest - s;
      const step = rolloverStep(s, sequence);
      index = step < 0 && base === 0 ? sequence : base + step * 0x10000 + sequence;
    }
    this.index[0] = index;
    return index < RTP_INDEX_LIMIT;
  }

  /** Puts the index `steps` ahead of the stream's highest at hand; false: the index space of `limit` is used up. */
  next(slot: number, steps: number, limit: number): boolean {
    const index = this.#highest[slot] + steps;
    this.index[0] = index;
    return index < limit;
  }

  /** True when the index at hand lies ahead of the stream's highest. */
  leads(slot: number): boolean {
    return this.index[0] > this.#highest[slot];
  }

  /** The next packet's roll-over counter is `roc`, if that leads forward. */
  tell(slot: number, roc: number): void {
    this.#told[slot] = roc;
  }

  /** Remembers the index at hand, which {@link seen} did not know, and moves the window ahead when it is the highest yet. */
  mark(slot: number): void {
    const index = this.index[0];
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
