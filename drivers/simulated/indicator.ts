// An indicator light that is only looked at by its observer.

import type { Indicator, IndicatorState } from "../contract.js";
import { remember, type Surroundings, surroundings } from "./surroundings.js";

/** {@link Indicator} without a light. Its observer hears the state's name when it changes. */
export class SimulatedIndicator implements Indicator {
  state: IndicatorState = "off";
  /** The latest states, oldest first. */
  readonly states: IndicatorState[] = [];
  private readonly around: Required<Surroundings>;
  private closed = false;

  constructor(options: Surroundings = {}) {
    this.around = surroundings(options);
  }

  set(state: IndicatorState): void {
    if (this.closed || state === this.state) return;
    this.state = state;
    remember(this.states, state);
    this.around.observe(state, this.around.clock.now());
  }
  /** The light goes out. */
  close(): void {
    this.set("off");
    this.closed = true;
  }
}
