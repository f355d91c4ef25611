// A vibrator and an indicator light on anything that is on or off: a GPIO line, an LED of the kernel.

import { type Clock, systemClock } from "../firmware/runtime/clock.js";
import { systemTimers, type Timers } from "../firmware/runtime/timers.js";
import type { Closable, Indicator, IndicatorState, Vibrator } from "./contract.js";
import { PatternPlayer } from "./pattern-player.js";

/** Something that is on or off. */
export interface SwitchOutput extends Closable {
  /** @throws Error when the device does not obey. */
  set(on: boolean): void;
  /** Leaves it off. */
  close(): void;
}

/** Whose time it is. */
export interface SwitchedOptions {
  readonly clock?: Clock;
  readonly timers?: Timers;
  /** Told when the device does not obey any more (unplugged, taken away). Said once. */
  readonly failed?: (text: string) => void;
}

/** A device that fails while a pattern runs has nobody to throw at. */
function forgiving(output: SwitchOutput, failed: ((text: string) => void) | undefined): (on: boolean) => void {
  let told = false;
  return (on) => {
    try {
      output.set(on);
    } catch (error) {
      if (!told) failed?.((error as Error).message);
      told = true;
    }
  };
}

/** {@link Vibrator} on a switch. What stops it when this process dies belongs to the output. */
export class SwitchedVibrator implements Vibrator {
  private readonly player: PatternPlayer;
  private closed = false;

  constructor(
    private readonly output: SwitchOutput,
    { clock = systemClock, timers = systemTimers, failed }: SwitchedOptions = {},
  ) {
    this.player = new PatternPlayer(clock, timers, forgiving(output, failed));
  }

  start(pattern: readonly number[], repeat: boolean): void {
    if (!this.closed) this.player.start(pattern, repeat);
  }
  stop(): void {
    if (!this.closed) this.player.stop();
  }
  close(): void {
    if (this.closed) return;
    this.player.stop();
    this.closed = true;
    this.output.close();
  }
}

/** How a light shows a state: dark, lit, or ms on, off, on, off, … over and over. */
export type LightSign = "off" | "on" | readonly number[];

/** What one light shows for each state; states left out are dark. */
export type LightSigns = Readonly<Partial<Record<IndicatorState, LightSign>>>;

/** One light alone tells the states apart by rhythm: secure is calm, an open line is not. */
export const singleLight: LightSigns = {
  off: "off",
  ready: [50, 4950],
  ringing: [250, 250],
  secure: "on",
  open: [100, 100, 100, 700],
  error: [1000, 1000],
};

/** One light of an indicator. */
export interface IndicatorLight {
  readonly output: SwitchOutput;
  readonly signs: LightSigns;
}

/** {@link Indicator} of one or several switched lights. */
export class SwitchedIndicator implements Indicator {
  private readonly players: { readonly player: PatternPlayer; readonly set: (on: boolean) => void }[];
  private state: IndicatorState = "off";
  private closed = false;

  /** @throws RangeError for a sign that is an empty pattern or has times that are none. */
  constructor(
    private readonly lights: readonly IndicatorLight[],
    { clock = systemClock, timers = systemTimers, failed }: SwitchedOptions = {},
  ) {
    for (const { signs } of lights)
      for (const sign of Object.values(signs))
        if (typeof sign !== "string" && (sign.length === 0 || sign.some((ms) => !(ms >= 0 && Number.isFinite(ms)))))
          throw new RangeError("a light's pattern is a list of times of 0 ms or more");
    this.players = lights.map(({ output }) => {
      const set = forgiving(output, failed);
      return { player: new PatternPlayer(clock, timers, set), set };
    });
  }

  set(state: IndicatorState): void {
    if (this.closed || state === this.state) return;
    this.state = state;
    this.lights.forEach(({ signs }, i) => {
      const { player, set } = this.players[i];
      const sign = signs[state] ?? "off";
      player.stop();
      if (sign === "on") set(true);
      else if (sign === "off") set(false);
      else player.start(sign, true);
    });
  }

  /** The lights go out. */
  close(): void {
    if (this.closed) return;
    this.set("off");
    this.closed = true;
    for (const { player } of this.players) player.stop();
    for (const { output } of this.lights) output.close();
  }
}
