// QEMU's "virt" machine with keys, light and vibrator on its GPIO lines, as scripts/emulate starts it.

import type { Board } from "../board.js";
import { latencyAims } from "./aims.js";
import { handheld } from "./budgets.js";

/** An emulated handset: every device is a driver of the kernel's, nothing is simulated by us. */
export const qemuVirt: Board = {
  name: "qemu-virt",
  description: "QEMU's virt machine with sound, call and hang-up keys, vibrator and light",
  // An emulated processor is slow: long periods, and enough of them. The names are in /etc/asound.conf of the image.
  audio: {
    driver: "alsa",
    options: { playback: "earpiece", capture: "microphone", oneClock: true },
    wanted: { rate: 8000, periodFrames: 160, periods: 8 },
  },
  // Two buttons on GPIO lines, and the emulator's keyboard as keypad.
  keys: [
    { driver: "evdev", options: { name: "sotto-keys" } },
    { driver: "evdev", options: { name: "QEMU Virtio Keyboard" } },
  ],
  vibrator: { driver: "rumble" },
  indicator: { driver: "led", options: { lights: [{ led: "sotto" }] } },
  display: { driver: "terminal" },
  budgets: { ...handheld, latency: latencyAims },
};
