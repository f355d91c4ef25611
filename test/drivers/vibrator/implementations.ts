// The vibrators the suites in this folder run against. A real driver joins by adding an entry here.

import type { Vibrator } from "../../../drivers/contract.js";
import { SimulatedVibrator } from "../../../drivers/simulated/vibrator.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

/** A vibrator under test. */
export interface VibratorRig {
  readonly vibrator: Vibrator;
  pass(ms: number): Promise<void>;
  /** Changes seen at the motor since opening: "on 0", "off 400": state and ms. */
  changes(): string[];
  /** Timers still set, where that can be seen. */
  timers(): number;
}

export const implementations: readonly { readonly name: string; open(): VibratorRig }[] = [
  {
    name: "simulated",
    open: () => {
      const time = new VirtualTime();
      const vibrator = new SimulatedVibrator({ clock: time, timers: time });
      return {
        vibrator,
        pass: async (ms) => time.advance(ms),
        changes: () => vibrator.changes.map(({ on, atMs }) => `${on ? "on" : "off"} ${atMs}`),
        timers: () => time.active,
      };
    },
  },
];
