// Calls that are likely to be placed: while somebody still dials, the offer is made and the way to the other phone opened. Pressing the key then only sends.

import type { Clock, Timer, Timers } from "../runtime/index.js";

/** Who is likely to be called, by which account, how. */
export interface Wish {
  readonly uri: string;
  readonly account: string;
  readonly anonymous: boolean;
}

/** A call that can be made ready. */
export interface Speculative {
  /** Makes its offer. Resolves with whether there is one. */
  prepare(): Promise<boolean>;
  /** Opens the way to the other phone. Resolves when that is done or came to nothing. */
  reach(): Promise<void>;
  /** It is not wanted: wipes what it holds. */
  discard(): void;
}

/** What speculation needs. */
export interface SpeculationOptions<Ready extends Speculative> {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Makes the call, without placing it; undefined: it cannot be now. */
  readonly make: (wish: Wish) => Ready | undefined;
  /** Who scrolls through contacts or types means nobody yet: a wish counts when it has stood for so long, ms; default 120. */
  readonly settleMs?: number;
  /** An offer is made anew when it is so old, ms: the other phone's clock may be off, and only so much is forgiven. Default 30 s. */
  readonly freshMs?: number;
  /** A wish that nobody renews is forgotten, ms; default five minutes. */
  readonly forgetMs?: number;
}

const SETTLE_MS = 120;
const FRESH_MS = 30_000;
const FORGET_MS = 300_000;
/** Who has not pressed the call key after this time is thinking of something else, ms. */
const RECENT_MS = 10_000;
/** An offer so many times older than it should have become (the device slept: timers stood still) is not used. */
const STALE = 2;

/** How speculation has done. */
export interface SpeculationStatus {
  /** Calls that found their offer made. */
  readonly hits: number;
  /** Calls that found none, or one under way. */
  readonly misses: number;
  /** Offers that were made and never sent. */
  readonly unused: number;
}

/** The call that is likely to be placed next; at most one. */
export class Speculation<Ready extends Speculative> {
  private wish: Wish | undefined;
  private call: Ready | undefined;
  private isReady = false;
  private madeAtMs = 0;
  private since = 0;
  private timer: Timer | undefined;
  private waiting: (() => void)[] = [];
  private hits = 0;
  private misses = 0;
  private unused = 0;

  constructor(private readonly options: SpeculationOptions<Ready>) {}

  get status(): SpeculationStatus {
    const { hits, misses, unused } = this;
    return { hits, misses, unused };
  }

  /** Somebody has just been chosen to be called. */
  get isRecent(): boolean {
    return this.wish !== undefined && this.options.clock.now() - this.since < RECENT_MS;
  }

  /** Who is likely to be called now; undefined: nobody. Saying it again keeps it alive. */
  expect(wish: Wish | undefined): void {
    const { clock, timers, settleMs = SETTLE_MS } = this.options;
    this.since = clock.now();
    if (wish && this.wish && same(wish, this.wish)) return;
    this.drop();
    this.wish = wish;
    if (wish) this.timer = timers.after(settleMs, () => this.begin(wish));
  }

  /** Resolves when the call expected last is ready, or it is known that there will be none. */
  settled(): Promise<void> {
    if (!this.wish || this.isReady) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }

  /** The call for this wish, to be placed: ready, or being made ready. Undefined: there is none, and one has to be made. */
  take(wish: Wish): Ready | undefined {
    const { call } = this;
    const { clock, freshMs = FRESH_MS } = this.options;
    const isFresh = Math.abs(clock.wallMs() - this.madeAtMs) <= STALE * freshMs;
    if (!call || !this.wish || !same(wish, this.wish) || !isFresh) {
      this.misses++;
      this.drop();
      return undefined;
    }
    if (this.isReady) this.hits++;
    else this.misses++;
    this.call = undefined;
    this.drop();
    return call;
  }

  /** What was made is of no use any more (the device has another address): it is made anew. */
  renew(): void {
    const { wish } = this;
    this.drop();
    this.expect(wish);
  }

  /** Forgets everything. */
  drop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.wish = undefined;
    if (this.isReady && this.call) this.unused++;
    this.call?.discard();
    this.call = undefined;
    this.isReady = false;
    this.tell();
  }

  private begin(wish: Wish): void {
    const made = this.options.make(wish);
    this.madeAtMs = this.options.clock.wallMs();
    this.call = made;
    if (!made) return this.tell();
    void made.prepare().then(async (isPossible) => {
      if (this.call !== made) return;
      // Why not is said when somebody tries.
      if (!isPossible) return this.drop();
      await made.reach();
      if (this.call !== made) return;
      this.isReady = true;
      this.tell();
      this.watch(wish);
    });
  }

  /** The offer ages: another takes its place, until nobody seems to want it. */
  private watch(wish: Wish): void {
    const { clock, timers, freshMs = FRESH_MS, forgetMs = FORGET_MS } = this.options;
    this.timer = timers.after(freshMs, () => {
      if (clock.now() - this.since >= forgetMs) return this.drop();
      this.unused++;
      this.call?.discard();
      this.isReady = false;
      this.begin(wish);
    });
  }

  private tell(): void {
    for (const one of this.waiting.splice(0)) one();
  }
}

function same(one: Wish, other: Wish): boolean {
  return one.uri === other.uri && one.account === other.account && one.anonymous === other.anonymous;
}
