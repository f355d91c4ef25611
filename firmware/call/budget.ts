// How much expensive work (checking certificates and signatures, Diffie-Hellman) strangers may cause: a budget per source and one for all.

import type { Clock } from "../runtime/index.js";

/** Offers a source may have verified at once, and how many more each second brings. */
export interface BudgetOptions {
  /** Default 5. */
  readonly burst?: number;
  /** Default 0.5 a second. */
  readonly perSecond?: number;
  /** The same for all sources together. Default four times `burst`. */
  readonly totalBurst?: number;
  /** Default ten times `perSecond`. */
  readonly totalPerSecond?: number;
  /** Sources remembered; a new one then takes the place of the one heard of longest ago. Default 1024. */
  readonly sources?: number;
}

/** Tokens that refill with time. */
interface Bucket {
  tokens: number;
  atMs: number;
}

/** Token buckets by source address (thesis 7.3.3: no heavy computation before there is confidence in a request). */
export class WorkBudget {
  private readonly buckets = new Map<string, Bucket>();
  private readonly total: Bucket;
  private readonly options: Required<BudgetOptions>;

  constructor(
    private readonly clock: Clock,
    options: BudgetOptions = {},
  ) {
    const {
      burst = 5,
      perSecond = 0.5,
      totalBurst = 4 * burst,
      totalPerSecond = 10 * perSecond,
      sources = 1024,
    } = options;
    this.options = { burst, perSecond, totalBurst, totalPerSecond, sources };
    this.total = { tokens: this.options.totalBurst, atMs: clock.now() };
  }

  /** Sources remembered now. */
  get size(): number {
    return this.buckets.size;
  }

  /** Takes one piece of work for `source`; false: not now. A source out of budget costs the others nothing. */
  take(source: string): boolean {
    const { burst, perSecond, totalBurst, totalPerSecond, sources } = this.options;
    const now = this.clock.now();
    const bucket = this.buckets.get(source) ?? { tokens: burst, atMs: now };
    // Re-inserted, so that the map's order is the order of last use.
    this.buckets.delete(source);
    this.buckets.set(source, bucket);
    if (this.buckets.size > sources) this.buckets.delete(this.buckets.keys().next().value!);
    refill(bucket, now, burst, perSecond);
    refill(this.total, now, totalBurst, totalPerSecond);
    if (bucket.tokens < 1 || this.total.tokens < 1) return false;
    bucket.tokens--;
    this.total.tokens--;
    return true;
  }

  /** Gives a piece back: the work turned out to be for somebody who is who they say. */
  giveBack(source: string): void {
    const bucket = this.buckets.get(source);
    if (bucket) bucket.tokens = Math.min(this.options.burst, bucket.tokens + 1);
    this.total.tokens = Math.min(this.options.totalBurst, this.total.tokens + 1);
  }
}

function refill(bucket: Bucket, nowMs: number, burst: number, perSecond: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, nowMs - bucket.atMs) / 1000) * perSecond);
  bucket.atMs = nowMs;
}
