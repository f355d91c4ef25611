// Nokia N900 (RX-51, Cortex-A8): names as the mainline device tree omap3-n900 has them.

import type { Board } from "../board.js";
import { latencyAims } from "./aims.js";
import { handheld } from "./budgets.js";

/** The keypad's letters are no digits; the telephone is worked by the slide's arrow keys and the side keys. */
export const nokiaN900: Board = {
  name: "nokia-n900",
  description: "Nokia N900: RX-51 sound, slide-out keypad, vibrator and notification light",
  audio: {
    driver: "alsa",
    options: { device: "plughw:CARD=RX51" },
    wanted: { rate: 8000, periodFrames: 160, periods: 4 },
  },
  keys: [
    {
      driver: "evdev",
      options: {
        map: {
          KEY_ENTER: "call",
          KEY_POWER: "hangup",
          KEY_UP: "up",
          KEY_DOWN: "down",
          KEY_F7: "volumeUp",
          KEY_F8: "volumeDown",
        },
      },
    },
  ],
  vibrator: { driver: "rumble", options: { name: "twl4030:vibrator" } },
  indicator: { driver: "led", options: { lights: [{ led: "lp5523:g" }] } },
  backlight: { driver: "sysfs" },
  display: { driver: "terminal" },
  budgets: { ...handheld, latency: { ...latencyAims, measuredAs: "armv7" } },
};
