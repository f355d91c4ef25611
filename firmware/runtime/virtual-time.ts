// A clock and timers that move only when told to: a 32-second SIP timer runs in a microsecond.

import type { Clock } from "./clock.js";
import type { Timer, Timers } from "./timers.js";

interface Pending {
  readonly deadline: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Manual {@link Clock} and {@link Timers} for tests and simulations. */
export class VirtualTime implements Clock, Timers {
  private time = 0;
  private order = 0;
  private readonly pending = new Set<Pending>();

  /** @param epochMs wall-clock time at monotonic zero, milliseconds since 1970. */
  constructor(private epochMs = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.time;
  }
  wallMs(): number {
    return this.epochMs + this.time;
  }
  /** Steps the wall clock only, as an operator or NTP would. */
  stepWall(deltaMs: number): void {
    this.epochMs += deltaMs;
  }
  at(deadlineMs: number, callback: () => void): Timer {
    const entry: Pending = { deadline: deadlineMs, order: this.order++, callback };
    this.pending.add(entry);
    return { cancel: () => void this.pending.delete(entry) };
  }
  after(delayMs: number, callback: () => void): Timer {
    return this.at(this.time + delayMs, callback);
  }
  /** Number of timers not yet fired: zero after a state machine has ended properly. */
  get active(): number {
    return this.pending.size;
  }
  /** Moves time on by `ms`, firing what falls due in deadline order (ties: creation order). */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      let first: Pending | undefined;
      for (const entry of this.pending) {
        if (entry.deadline > end) continue;
        if (
          !first ||
          entry.deadline < first.deadline ||
          (entry.deadline === first.deadline && entry.order < first.order)
        )
          first = entry;
      }
      if (!first) break;
      this.pending.delete(first);
      this.time = Math.max(this.time, first.deadline);
      first.callback();
    }
    this.time = end;
  }
}
