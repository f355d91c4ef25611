// Timers that fire at absolute monotonic deadlines, so that repeated ones do not drift.

import { type Clock, systemClock } from "./clock.js";

/** A pending call-back. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Makes timers; state machines take one as an argument so that tests own time. */
export interface Timers {
  /** Calls `callback` once, at monotonic time `deadlineMs` or as soon after as the event loop allows, never before. */
  at(deadlineMs: number, callback: () => void): Timer;
  /** Calls `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
}

/** Longest delay setTimeout takes without wrapping to 1 ms. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Timers made in this turn of the event loop. */
let unarmed: SystemTimer[] = [];

/**
 * Node is told of timers at the end of the turn that makes them: what it does for each (a list for its duration, a place in a queue) is then no part of
 * what somebody waits for, an answer to be sent say, and is not done at all for one that is cancelled before.
 */
function armAll(): void {
  const timers = unarmed;
  unarmed = [];
  for (const timer of timers) timer.arm();
}

class SystemTimer implements Timer {
  private handle: NodeJS.Timeout | undefined;
  private isCancelled = false;
  constructor(
    private readonly deadline: number,
    private readonly callback: () => void,
  ) {
    if (unarmed.length === 0) setImmediate(armAll);
    unarmed.push(this);
  }
  arm(): void {
    if (this.isCancelled) return;
    const left = Math.min(Math.max(0, Math.ceil(this.deadline - systemClock.now())), MAX_TIMEOUT_MS);
    this.handle = setTimeout(() => {
      // setTimeout may fire up to a millisecond early, or this was only one leg of a very long wait.
      if (systemClock.now() < this.deadline) this.arm();
      else {
        this.handle = undefined;
        this.callback();
      }
    }, left);
  }
  cancel(): void {
    this.isCancelled = true;
    clearTimeout(this.handle);
    this.handle = undefined;
  }
}

/** Timers on Node's event loop. */
export const systemTimers: Timers = {
  at: (deadlineMs, callback) => new SystemTimer(deadlineMs, callback),
  after: (delayMs, callback) => new SystemTimer(systemClock.now() + delayMs, callback),
};

/**
 * Calls `tick` every `periodMs` at `start + n * periodMs` without drift. A late wake-up gets one call per missed period.
 * Returns the timer that stops it.
 */
export function every(timers: Timers, clock: Clock, periodMs: number, tick: () => void): Timer {
  if (!(periodMs > 0)) throw new RangeError(`periodMs must be positive, got ${periodMs}`);
  let next = clock.now() + periodMs;
  let stopped = false;
  let timer = timers.at(next, run);
  function run(): void {
    next += periodMs;
    timer = timers.at(next, run);
    if (!stopped) tick();
  }
  return {
    cancel: () => {
      stopped = true;
      timer.cancel();
    },
  };
}
