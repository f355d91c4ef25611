// Raspberry Pi Zero 2 W, 3 and 4 with a USB sound card (they have no microphone) and buttons between GPIO lines and ground.

import type { Board } from "../board.js";
import { latencyAims } from "./aims.js";
import { handheld } from "./budgets.js";

/** Lines as BCM numbers. Wiring: call 5, hang-up 6, up 13, down 19 (each to ground); vibrator's transistor 18; light 23. */
export const raspberryPi: Board = {
  name: "raspberry-pi",
  description: "Raspberry Pi Zero 2 W, 3 or 4 with USB sound, four buttons, vibrator and light on its GPIO lines",
  audio: {
    driver: "alsa",
    options: { device: "plughw:CARD=Device" },
    wanted: { rate: 8000, periodFrames: 80, periods: 4 },
  },
  keys: [
    {
      driver: "gpio",
      options: {
        buttons: [
          { key: "call", chip: "pinctrl-bcm2835", line: 5, activeLow: true },
          { key: "hangup", chip: "pinctrl-bcm2835", line: 6, activeLow: true },
          { key: "up", chip: "pinctrl-bcm2835", line: 13, activeLow: true },
          { key: "down", chip: "pinctrl-bcm2835", line: 19, activeLow: true },
        ],
      },
    },
  ],
  vibrator: { driver: "gpio", options: { chip: "pinctrl-bcm2835", line: 18 } },
  indicator: { driver: "gpio", options: { lights: [{ chip: "pinctrl-bcm2835", line: 23 }] } },
  display: { driver: "terminal" },
  budgets: { ...handheld, latency: latencyAims },
};
