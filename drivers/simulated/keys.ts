// Keys that are pressed by a script.

import type { Timer } from "../../firmware/runtime/timers.js";
import { LONG_PRESS_MS } from "../buttons.js";
import { type KeyAction, type Keys, type PhoneKey, phoneKeys } from "../contract.js";
import { type Surroundings, surroundings } from "./surroundings.js";

/** How long {@link SimulatedKeys.press} keeps a key down, ms. */
const TAP_MS = 100;

interface Held {
  long: Timer | undefined;
  release: Timer;
}

/** {@link Keys} with fingers of its own. A key that is down already cannot be pressed again. */
export class SimulatedKeys implements Keys {
  private readonly around: Required<Surroundings>;
  private readonly held = new Map<PhoneKey, Held>();
  private listener: ((action: KeyAction, key: PhoneKey, atMs: number) => void) | undefined;
  private closed = false;

  constructor(options: Surroundings = {}) {
    this.around = surroundings(options);
  }

  listen(listener: (action: KeyAction, key: PhoneKey, atMs: number) => void): void {
    if (!this.closed) this.listener = listener;
  }

  /** A short press. @throws RangeError for a key no phone has. */
  press(key: PhoneKey): void {
    this.hold(key, TAP_MS);
  }

  /** Presses a key for `ms`; from 800 ms on it is a long press. @throws RangeError for a key no phone has or a negative time. */
  hold(key: PhoneKey, ms: number): void {
    if (!phoneKeys.includes(key)) throw new RangeError(`no key ${String(key)}; keys: ${phoneKeys.join(" ")}`);
    if (!(ms >= 0 && Number.isFinite(ms))) throw new RangeError(`a key is held for 0 ms or more, got ${ms}`);
    if (this.closed || this.held.has(key)) return;
    const { clock, timers } = this.around;
    const now = clock.now();
    this.held.set(key, {
      long: ms >= LONG_PRESS_MS ? timers.at(now + LONG_PRESS_MS, () => this.tell("long", key)) : undefined,
      release: timers.at(now + ms, () => {
        this.held.delete(key);
        this.tell("release", key);
      }),
    });
    this.tell("press", key);
  }

  close(): void {
    this.closed = true;
    this.listener = undefined;
    for (const { long, release } of this.held.values()) {
      long?.cancel();
      release.cancel();
    }
    this.held.clear();
  }

  private tell(action: KeyAction, key: PhoneKey): void {
    const atMs = this.around.clock.now();
    this.around.observe(`${action} ${key}`, atMs);
    this.listener?.(action, key, atMs);
  }
}
