// The host platform: any machine with Node, every device simulated. For development, tests and the demo.

import type { Board } from "../board.js";
import { latencyAims } from "./aims.js";

/** Everything simulated; `--interactive` adds the terminal as keys and screen. */
export const host: Board = {
  name: "host",
  description: "a computer, with every device simulated",
  // 10 ms periods keep the delay small; eight of them outlast the wake-ups of a busy machine, whose clock this card lives on.
  audio: { driver: "simulated", wanted: { rate: 8000, periodFrames: 80, periods: 8 } },
  keys: [{ driver: "simulated" }],
  vibrator: { driver: "simulated" },
  ringer: { driver: "simulated" },
  indicator: { driver: "simulated" },
  backlight: { driver: "simulated" },
  headset: { driver: "simulated" },
  display: { driver: "simulated" },
  budgets: { latency: latencyAims },
};
