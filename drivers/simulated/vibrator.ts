// A vibration motor that moves nothing and remembers when it would have.

import type { Vibrator } from "../contract.js";
import { PatternPlayer } from "../pattern-player.js";
import { remember, type Surroundings, surroundings } from "./surroundings.js";

/** {@link Vibrator} without a motor. Its observer hears "on" and "off". */
export class SimulatedVibrator implements Vibrator {
  /** The latest changes, oldest first, with their monotonic times in ms. */
  readonly changes: { readonly on: boolean; readonly atMs: number }[] = [];
  private readonly player: PatternPlayer;
  private closed = false;

  constructor(options: Surroundings = {}) {
    const { clock, timers, observe } = surroundings(options);
    this.player = new PatternPlayer(clock, timers, (on) => {
      const atMs = clock.now();
      remember(this.changes, { on, atMs });
      observe(on ? "on" : "off", atMs);
    });
  }

  start(pattern: readonly number[], repeat: boolean): void {
    if (!this.closed) this.player.start(pattern, repeat);
  }
  stop(): void {
    this.player.stop();
  }
  close(): void {
    this.stop();
    this.closed = true;
  }
}
