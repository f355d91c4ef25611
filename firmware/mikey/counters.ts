// Counters as timestamps (RFC 3830 section 6.6, type COUNTER): a number per pair of names and direction that only grows.

/**
 * Where counters are kept. Over restarts as well, or an old message would pass for a new one: make it with what an earlier one knew
 * ({@link MemoryCounters.entries}), and write down each change before it counts. `pair` names us and a peer.
 */
export interface CounterStore {
  /** The next number for a message to a peer: larger than any before, from 1 to 4294967295. Throws RangeError after that. */
  next(pair: string): number;
  /** The largest number that came authenticated from a peer; 0 when there was none. */
  last(pair: string): number;
  /** Remembers the number of an authenticated message; false when there is no room for another peer. */
  saw(pair: string, value: number): boolean;
}

/** A counter as it is kept. */
export interface CounterEntry {
  readonly direction: "sent" | "seen";
  readonly pair: string;
  readonly value: number;
}

/** Counters in memory. Bounded: none is ever forgotten for another's sake, further peers find no room. */
export class MemoryCounters implements CounterStore {
  private readonly counters = { sent: new Map<string, number>(), seen: new Map<string, number>() };

  /**
   * @param earlier what an earlier store knew; of several numbers the largest counts.
   * @param capacity peers remembered.
   */
  constructor(
    earlier: Iterable<CounterEntry> = [],
    private readonly capacity = 1024,
  ) {
    for (const { direction, pair, value } of earlier) this.raise(direction, pair, value);
  }

  next(pair: string): number {
    const value = (this.counters.sent.get(pair) ?? 0) + 1;
    if (value > 0xffffffff) throw new RangeError("the counter is used up");
    if (!this.raise("sent", pair, value)) throw new RangeError(`counters for ${this.capacity} peers at most`);
    return value;
  }

  last(pair: string): number {
    return this.counters.seen.get(pair) ?? 0;
  }

  saw(pair: string, value: number): boolean {
    return this.raise("seen", pair, value);
  }

  /** Everything that has to be kept. */
  *entries(): Generator<CounterEntry> {
    for (const direction of ["sent", "seen"] as const)
      for (const [pair, value] of this.counters[direction]) yield { direction, pair, value };
  }

  private raise(direction: CounterEntry["direction"], pair: string, value: number): boolean {
    const counters = this.counters[direction];
    const before = counters.get(pair);
    if (before === undefined && counters.size >= this.capacity) return false;
    counters.set(pair, Math.max(value, before ?? 0));
    return true;
  }
}
