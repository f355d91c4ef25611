// What every simulated device is given: time, and somebody who watches it.

import { type Clock, systemClock } from "../../firmware/runtime/clock.js";
import { systemTimers, type Timers } from "../../firmware/runtime/timers.js";

/** Told what a simulated device does, in words, and when (monotonic ms). */
export type Observe = (what: string, atMs: number) => void;

/** Options common to the simulated devices. */
export interface Surroundings {
  readonly observe?: Observe;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly timers?: Timers;
}

/** How many events, views or changes a device remembers for tests. */
export const REMEMBERED = 256;

/** {@link Surroundings} with the machine's time where none was given. */
export function surroundings(options: Surroundings): Required<Surroundings> {
  return { observe: () => {}, clock: systemClock, timers: systemTimers, ...options };
}

/** Adds to a list that keeps the latest {@link REMEMBERED}. */
export function remember<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > REMEMBERED) list.shift();
}
