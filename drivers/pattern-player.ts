// Plays an on/off pattern on anything that can be switched: vibration motors, lights.

import type { Clock } from "../firmware/runtime/clock.js";
import type { Timer, Timers } from "../firmware/runtime/timers.js";

/** Switches by a pattern of milliseconds on, off, on, off, …; every switch at its own absolute time, so that patterns do not drift. */
export class PatternPlayer {
  private timer: Timer | undefined;
  private on = false;

  /** @param set switches; called only when the state changes. */
  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly set: (on: boolean) => void,
  ) {}

  /**
   * Plays `pattern` from its beginning, in place of what runs; once it is over the switch is off.
   * @param repeat over and over until {@link stop}; each round begins with "on", also after a pattern that ended with it.
   * @throws RangeError for an empty pattern, a negative or non-finite time; what ran before then runs on.
   */
  start(pattern: readonly number[], repeat: boolean): void {
    if (pattern.length === 0) throw new RangeError("a pattern needs at least one time");
    for (const ms of pattern)
      if (!(ms >= 0 && Number.isFinite(ms))) throw new RangeError(`a pattern's times must be 0 ms or more, got ${ms}`);
    const steps = [...pattern];
    const length = steps.reduce((sum, ms) => sum + ms, 0);
    this.timer?.cancel();
    this.timer = undefined;
    if (length === 0) {
      this.switch(false);
      return;
    }
    let index = 0;
    let until = this.clock.now();
    const step = (): void => {
      this.timer = undefined;
      while (index < steps.length && steps[index] === 0) index++;
      if (index === steps.length) {
        if (!repeat) {
          this.switch(false);
          return;
        }
        index = 0;
        while (steps[index] === 0) index++;
      }
      until += steps[index];
      this.timer = this.timers.at(until, step);
      // Last, so that a switch that stops the player finds its timer.
      this.switch(index++ % 2 === 0);
    };
    step();
  }

  /** Off, at once, from every state. */
  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.switch(false);
  }

  private switch(on: boolean): void {
    if (on === this.on) return;
    this.on = on;
    this.set(on);
  }
}
