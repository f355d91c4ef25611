// Freshness: the clock-skew window and the replay cache (RFC 3830 section 5.4).

import * as crypto from "node:crypto";

/** Default half width of the window in ms: five minutes. */
export const DEFAULT_SKEW_MS = 300_000;

/** Remembers authenticated messages. One cache serves all sessions of a phone; it may be kept elsewhere (a file). */
export interface ReplayCache {
  /** Whether a message was seen. `untilMs`: the wall-clock time after which its timestamp is too old anyway. */
  has(key: string, untilMs: number): boolean;
  /** Remembers an authenticated message; asked and told in one step, so that two at once cannot both be new. */
  add(key: string, untilMs: number, nowMs: number): "added" | "known" | "full";
}

/** A replay cache in memory, bounded: when it is full of messages that could still be replayed, nothing new is let in. */
export class MemoryReplayCache implements ReplayCache {
  private readonly seen = new Map<string, number>();
  /** The latest deadline ever forgotten: after the clock was set back, what is older than that counts as seen. */
  private forgottenMs = Number.NEGATIVE_INFINITY;

  /**
   * @param capacity messages remembered, about 100 bytes each.
   * @param earlier what an earlier cache remembered ({@link entries}), when it was kept in a file.
   */
  constructor(
    private readonly capacity = 4096,
    earlier: Iterable<readonly [key: string, untilMs: number]> = [],
  ) {
    for (const [key, untilMs] of earlier) if (this.seen.size < capacity) this.seen.set(key, untilMs);
  }

  /** What is remembered, to be kept. */
  entries(): IterableIterator<[key: string, untilMs: number]> {
    return this.seen.entries();
  }

  /** Messages remembered. */
  get size(): number {
    return this.seen.size;
  }
  has(key: string, untilMs: number): boolean {
    return untilMs <= this.forgottenMs || this.seen.has(key);
  }
  add(key: string, untilMs: number, nowMs: number): "added" | "known" | "full" {
    if (this.has(key, untilMs)) return "known";
    if (this.seen.size >= this.capacity) this.forgetExpired(nowMs);
    if (this.seen.size >= this.capacity) return "full";
    this.seen.set(key, untilMs);
    return "added";
  }

  private forgetExpired(nowMs: number): void {
    for (const [key, untilMs] of this.seen) {
      if (untilMs >= nowMs) continue;
      this.seen.delete(key);
      if (untilMs > this.forgottenMs) this.forgottenMs = untilMs;
    }
  }
}

/** Reads a 4-byte counter. */
export function readCounter(value: Uint8Array): number {
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(0);
}

/** Writes a counter as 4 bytes. */
export function writeCounter(counter: number): Uint8Array {
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, counter);
  return value;
}

/** Name of a message in the cache: a hash of what its MAC or signature covers (its timestamp and sender are in there). */
export function replayKey(coveredBytes: Uint8Array): string {
  return hashed("sha256", coveredBytes, "base64");
}

/** Node 20.12 and later hash in one call, which is cheaper than making an object for it. */
const hashed: typeof crypto.hash =
  crypto.hash ??
  ((algorithm: string, data: Uint8Array, encoding: "base64") =>
    crypto.createHash(algorithm).update(data).digest(encoding));

/** Reads an 8-byte NTP timestamp. */
export function readNtp(value: Uint8Array): bigint {
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getBigUint64(0);
}

/** Writes an NTP timestamp as 8 bytes. */
export function writeNtp(ntp: bigint): Uint8Array {
  const value = new Uint8Array(8);
  new DataView(value.buffer).setBigUint64(0, ntp);
  return value;
}

/** Milliseconds by which `stamp` is ahead of `now`; right across the overflow of the NTP era (section 4.2.8). */
export function aheadMs(stamp: bigint, now: bigint): number {
  return (Number(BigInt.asIntN(64, stamp - now)) / 2 ** 32) * 1000;
}
