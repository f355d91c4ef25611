// A headset whose wearer is a script.

import type { Headset, HeadsetCallState, HeadsetEvent, HeadsetListener } from "../contract.js";
import { remember, type Surroundings, surroundings } from "./surroundings.js";

/** {@link Headset} without a wearer. Its observer hears what the phone tells it. */
export class SimulatedHeadset implements Headset {
  /** The latest call states it was told, oldest first. */
  readonly states: { readonly state: HeadsetCallState; readonly from: string | undefined }[] = [];
  private readonly around: Required<Surroundings>;
  private listener: HeadsetListener | undefined;
  private closed = false;

  constructor(options: Surroundings = {}) {
    this.around = surroundings(options);
  }

  listen(listener: HeadsetListener): void {
    if (!this.closed) this.listener = listener;
  }
  callState(state: HeadsetCallState, from?: string): void {
    if (this.closed) return;
    remember(this.states, { state, from });
    this.around.observe(from === undefined ? state : `${state} ${from}`, this.around.clock.now());
  }
  /** The wearer does something. @returns false when the phone could not do it. */
  act(event: HeadsetEvent): boolean {
    return this.listener?.(event, this.around.clock.now()) !== false;
  }
  close(): void {
    this.closed = true;
    this.listener = undefined;
  }
}
