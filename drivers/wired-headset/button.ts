// The one button on a headset's cable: press, double press, long press, as people are used to.

import type { Clock } from "../../firmware/runtime/clock.js";
import type { Timer, Timers } from "../../firmware/runtime/timers.js";

/** What a finger did with the button. */
export type ButtonGesture = "press" | "double" | "long";

/** A second press within this time makes it a double one, ms. */
export const DOUBLE_MS = 350;
/** Held for so long it is a long press, ms. */
export const LONG_MS = 1000;

/** Tells gestures from a button's going down and coming up. */
export class GestureButton {
  private timer: Timer | undefined;
  /** Down since. */
  private isDown = false;
  private wasLong = false;
  private presses = 0;

  /**
   * @param waits whether a double press means anything now: where it does not, a press is told at once.
   * @param gesture told what it was.
   */
  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly waits: () => boolean,
    private readonly gesture: (gesture: ButtonGesture) => void,
  ) {}

  down(): void {
    if (this.isDown) return;
    this.isDown = true;
    this.wasLong = false;
    this.timer?.cancel();
    this.timer = this.timers.at(this.clock.now() + LONG_MS, () => {
      this.timer = undefined;
      this.wasLong = true;
      this.presses = 0;
      this.gesture("long");
    });
  }

  up(): void {
    if (!this.isDown) return;
    this.isDown = false;
    this.timer?.cancel();
    this.timer = undefined;
    if (this.wasLong) return;
    this.presses++;
    if (this.presses >= 2 || !this.waits()) return this.tell();
    this.timer = this.timers.at(this.clock.now() + DOUBLE_MS, () => this.tell());
  }

  /** Forgets what was begun. */
  reset(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.isDown = false;
    this.presses = 0;
  }

  private tell(): void {
    const gesture = this.presses >= 2 ? "double" : "press";
    this.presses = 0;
    this.timer = undefined;
    this.gesture(gesture);
  }
}
