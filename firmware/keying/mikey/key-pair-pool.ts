// Diffie-Hellman key pairs made ahead while nobody waits for them, off the main thread: an offer or answer takes one in no time.

import { type DhGroupName, type DhKeyPair, generateDhKeyPair, generateDhKeyPairAside } from "../../crypto/dh.js";
import type { Timer, Timers } from "../../runtime/timers.js";

/** How a pool was used, for `sotto status`. */
export interface KeyPairPoolStatus {
  /** Pairs ready, by group. */
  readonly ready: Readonly<Partial<Record<DhGroupName, number>>>;
  /** Pairs taken that were ready. */
  readonly hits: number;
  /** Pairs that had to be made while somebody waited. */
  readonly misses: number;
}

export interface KeyPairPoolOptions {
  /** Pairs kept ready of each group, 1 to 64; default 4: a call, its second fork and two callers at once. 0: none are made ahead. */
  readonly size?: number;
  readonly timers: Timers;
  /** Quiet time after a pair was taken before others are made, ms; default 150: the call that took it is set up first. */
  readonly quietMs?: number;
  /** Makes a pair without holding up this thread; default: node's. */
  readonly make?: (group: DhGroupName) => Promise<DhKeyPair>;
  /** Told when a pair could not be made ahead; the pool then tries again after {@link RETRY_MS}. */
  readonly failed?: (error: unknown) => void;
}

/** Wait after the system had no key pair for us, ms. */
export const RETRY_MS = 5000;

const DEFAULT_SIZE = 4;
const MAX_SIZE = 64;
const QUIET_MS = 150;
/** There is one for each group at most, so a peer cannot make the pool grow. */
type Shelf = DhKeyPair[];

/**
 * A bounded store of single-use key pairs, shared by all accounts of a phone. Each pair is handed out once and is then its taker's to
 * wipe. A group is kept from its first {@link fill} or {@link take} on. Nothing in it depends on time: what was made before the device
 * slept is as good afterwards.
 */
export class KeyPairPool {
  private readonly shelves = new Map<DhGroupName, Shelf>();
  private readonly size: number;
  private readonly quietMs: number;
  private readonly make: (group: DhGroupName) => Promise<DhKeyPair>;
  private hits = 0;
  private misses = 0;
  private timer: Timer | undefined;
  private filling: Promise<void> | undefined;
  private isClosed = false;

  /** @throws RangeError when the size is not 0 to 64. */
  constructor(private readonly options: KeyPairPoolOptions) {
    this.size = options.size ?? DEFAULT_SIZE;
    if (!Number.isInteger(this.size) || this.size < 0 || this.size > MAX_SIZE)
      throw new RangeError(`a pool holds 0 to ${MAX_SIZE} key pairs of a group, not ${this.size}`);
    this.quietMs = options.quietMs ?? QUIET_MS;
    this.make = options.make ?? generateDhKeyPairAside;
  }

  get status(): KeyPairPoolStatus {
    const ready = Object.fromEntries([...this.shelves].map(([group, shelf]) => [group, shelf.length]));
    return { ready, hits: this.hits, misses: this.misses };
  }

  /** A pair of the group, at once where one is ready. @throws TypeError after {@link close}. */
  take(group: DhGroupName): DhKeyPair {
    if (this.isClosed) throw new TypeError("the pool of key pairs is closed");
    const pair = this.shelf(group).pop();
    if (pair) this.hits++;
    else this.misses++;
    this.refillLater(this.quietMs);
    return pair ?? generateDhKeyPair(group);
  }

  /** Makes what is missing, one pair after the other; resolves when all shelves, `group`'s among them, are full, or the pool was closed. */
  fill(group?: DhGroupName): Promise<void> {
    if (group !== undefined && !this.isClosed) this.shelf(group);
    this.filling ??= this.fillAll().finally(() => {
      this.filling = undefined;
    });
    return this.filling;
  }

  /** Wipes every pair; those still being made are wiped when they are there. */
  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
    for (const shelf of this.shelves.values()) for (const pair of shelf.splice(0)) pair.wipe();
    this.shelves.clear();
  }

  private shelf(group: DhGroupName): Shelf {
    const known = this.shelves.get(group);
    if (known) return known;
    const shelf: Shelf = [];
    this.shelves.set(group, shelf);
    return shelf;
  }

  private async fillAll(): Promise<void> {
    for (let group = this.emptiest(); group !== undefined && !this.isClosed; group = this.emptiest()) {
      try {
        this.put(group, await this.make(group));
      } catch (error) {
        this.options.failed?.(error);
        this.refillLater(RETRY_MS);
        return;
      }
    }
  }

  private put(group: DhGroupName, pair: DhKeyPair): void {
    if (this.isClosed) pair.wipe();
    else this.shelf(group).push(pair);
  }

  /** The group that lacks most; undefined when none lacks any. */
  private emptiest(): DhGroupName | undefined {
    let found: DhGroupName | undefined;
    let least = this.size;
    for (const [group, shelf] of this.shelves)
      if (shelf.length < least) {
        least = shelf.length;
        found = group;
      }
    return found;
  }

  /** Further takings do not put it off: under steady load the pool is filled all the same. */
  private refillLater(ms: number): void {
    if (this.isClosed || this.timer) return;
    this.timer = this.options.timers.after(ms, () => {
      this.timer = undefined;
      void this.fill();
    });
  }
}
