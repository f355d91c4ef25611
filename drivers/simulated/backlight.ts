// A backlight that is only looked at by its observer.

import type { Backlight } from "../contract.js";
import { type Surroundings, surroundings } from "./surroundings.js";

/** {@link Backlight} without a screen. Its observer hears the level when it changes. */
export class SimulatedBacklight implements Backlight {
  level: number | undefined;
  private readonly around: Required<Surroundings>;
  private closed = false;

  constructor(options: Surroundings = {}) {
    this.around = surroundings(options);
  }

  set(level: number): void {
    if (!(level >= 0 && level <= 1)) throw new RangeError(`a backlight's level is from 0 to 1, got ${level}`);
    if (this.closed || level === this.level) return;
    this.level = level;
    this.around.observe(String(level), this.around.clock.now());
  }
  close(): void {
    this.closed = true;
  }
}
