// Takes the chatter out of a contact: the first edge counts at once, what follows within the settling time does not.

import type { Clock } from "../firmware/runtime/clock.js";
import type { Timer, Timers } from "../firmware/runtime/timers.js";

/** One contact. A change is told when it begins, so that a press costs no settling time; after it the level is read once more. */
export class Debounce {
  private timer: Timer | undefined;

  /**
   * @param level how the contact is now.
   * @param settleMs how long it may chatter; 0: it does not.
   * @param read looks at the contact.
   * @param changed told every change.
   */
  constructor(
    private level: boolean,
    private readonly settleMs: number,
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly read: () => boolean,
    private readonly changed: (level: boolean) => void,
  ) {}

  /** An edge was seen, after which the contact was at `level`. */
  edge(level: boolean): void {
    if (this.timer || level === this.level) return;
    this.level = level;
    if (this.settleMs > 0)
      this.timer = this.timers.at(this.clock.now() + this.settleMs, () => {
        this.timer = undefined;
        this.edge(this.read());
      });
    this.changed(level);
  }

  /** No more is told. */
  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
