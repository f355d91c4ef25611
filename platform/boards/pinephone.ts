// PINE64 PinePhone: names as its mainline device tree and ALSA's use-case files have them.

import type { Board } from "../board.js";
import { latencyAims } from "./aims.js";
import { handheld64 } from "./budgets.js";

/** Power answers, volume keys are volume keys; the touch screen is not used. */
export const pinephone: Board = {
  name: "pinephone",
  description: "PINE64 PinePhone: its earpiece and microphone, side keys, vibrator, notification light and backlight",
  audio: {
    driver: "alsa",
    options: { device: "default:CARD=PinePhone" },
    wanted: { rate: 8000, periodFrames: 80, periods: 4 },
  },
  keys: [
    {
      driver: "evdev",
      options: { map: { KEY_POWER: "call", KEY_VOLUMEUP: "volumeUp", KEY_VOLUMEDOWN: "volumeDown" } },
    },
  ],
  vibrator: { driver: "rumble", options: { name: "vibrator" } },
  indicator: { driver: "led", options: { lights: [{ led: "green:indicator" }] } },
  backlight: { driver: "sysfs" },
  display: { driver: "terminal" },
  budgets: { ...handheld64, latency: latencyAims },
};
