// From "down" and "up" of wired buttons to what a finger meant: press, long, repeat, release.

import { type Clock, systemClock } from "../firmware/runtime/clock.js";
import { systemTimers, type Timer, type Timers } from "../firmware/runtime/timers.js";
import type { KeyAction, Keys, PhoneKey } from "./contract.js";

/** How long is long. */
export interface ButtonTiming {
  /** A key held for so long is a long press, ms. Default 800. */
  readonly longMs?: number;
  /** From then on a key of `repeats` says `repeat` every so often, ms. Default 150. */
  readonly repeatMs?: number;
  /** Keys that repeat. Default: volume and arrows. */
  readonly repeats?: readonly PhoneKey[];
}

/** Options common to drivers of keys. */
export interface ButtonOptions extends ButtonTiming {
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly timers?: Timers;
}

/** A key held so long is a long press unless told otherwise, ms. */
export const LONG_PRESS_MS = 800;
const REPEAT_MS = 150;
const REPEATS: readonly PhoneKey[] = ["volumeUp", "volumeDown", "up", "down", "left", "right"];

interface Held {
  timer: Timer | undefined;
}

/** {@link Keys} fed by {@link down} and {@link up}. A key that is down cannot go down again, one that is up cannot come up. */
export class Buttons implements Keys {
  protected readonly clock: Clock;
  protected readonly timers: Timers;
  protected closed = false;
  private readonly longMs: number;
  private readonly repeatMs: number;
  private readonly repeats: readonly PhoneKey[];
  private readonly held = new Map<PhoneKey, Held>();
  private listener: ((action: KeyAction, key: PhoneKey, atMs: number) => void) | undefined;

  constructor(options: ButtonOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.timers = options.timers ?? systemTimers;
    this.longMs = options.longMs ?? LONG_PRESS_MS;
    this.repeatMs = options.repeatMs ?? REPEAT_MS;
    this.repeats = options.repeats ?? REPEATS;
    if (!(this.longMs > 0 && this.repeatMs > 0)) throw new RangeError("longMs and repeatMs must be above 0");
  }

  listen(listener: (action: KeyAction, key: PhoneKey, atMs: number) => void): void {
    if (!this.closed) this.listener = listener;
  }

  /** The button went down. */
  down(key: PhoneKey): void {
    if (this.closed || this.held.has(key)) return;
    const held: Held = { timer: undefined };
    this.held.set(key, held);
    const pressed = this.clock.now();
    let next = pressed + this.longMs;
    const repeat = (): void => {
      next += this.repeatMs;
      held.timer = this.timers.at(next, repeat);
      this.tell("repeat", key);
    };
    held.timer = this.timers.at(next, () => {
      held.timer = undefined;
      if (this.repeats.includes(key)) {
        next += this.repeatMs;
        held.timer = this.timers.at(next, repeat);
      }
      this.tell("long", key);
    });
    this.tell("press", key);
  }

  /** The button came up. */
  up(key: PhoneKey): void {
    const held = this.held.get(key);
    if (!held) return;
    held.timer?.cancel();
    this.held.delete(key);
    this.tell("release", key);
  }

  /** Whoever held them is gone: every key that is down comes up. */
  upAll(): void {
    for (const key of [...this.held.keys()]) this.up(key);
  }

  /** Lets go of what is held, without a word. */
  close(): void | Promise<void> {
    this.closed = true;
    this.listener = undefined;
    for (const { timer } of this.held.values()) timer?.cancel();
    this.held.clear();
  }

  private tell(action: KeyAction, key: PhoneKey): void {
    this.listener?.(action, key, this.clock.now());
  }
}
