// Any 64-bit ARM machine with EFI firmware or U-Boot: what it has is found by the kernel.

import type { Board } from "../board.js";
import { latencyAims } from "./aims.js";
import { handheld64 } from "./budgets.js";

/** Not a telephone by itself: a sound card (USB will do) and a keyboard or HID headset make it one. */
export const genericEfiArm64: Board = {
  name: "generic-efi-arm64",
  description: "any arm64 machine that boots by EFI: default sound card, keys of its input devices",
  audio: { driver: "alsa", wanted: { rate: 8000, periodFrames: 80, periods: 4 } },
  keys: [{ driver: "evdev" }],
  display: { driver: "terminal" },
  budgets: { ...handheld64, latency: latencyAims },
};
