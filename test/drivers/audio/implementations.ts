// The sound cards the audio behaviour suites run against. A real driver joins by adding an entry here.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AlsaSoundCard } from "../../../drivers/alsa/index.js";
import type { AudioDevice, AudioEvents, AudioOptions } from "../../../drivers/contract.js";
import { SimulatedSoundCard } from "../../../drivers/simulated/sound-card.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { haveAlsa, VirtualCard } from "./virtual-card/virtual-card.js";

/** A sound card under test and what can be done to it. */
export interface AudioRig {
  readonly device: AudioDevice;
  /** Lets `ms` pass: virtual time where the card allows it, real time else. */
  pass(ms: number): Promise<void>;
  /** Pulls and pushes the plug, where that can be done. */
  readonly plug?: { out(): void; in(): void };
  /** Keeps the device's thread from being served for `ms`. */
  stall(ms: number): void;
}

/** One kind of sound card. */
export interface AudioImplementation {
  readonly name: string;
  open(options: AudioOptions): Promise<AudioRig>;
}

/** The wish every suite opens with unless it says otherwise. */
export const wish: AudioOptions = { rate: 8000, periodFrames: 160, periods: 3 };

/** Every kind of sound card that can be tested on this machine. */
export const implementations: AudioImplementation[] = [
  {
    name: "simulated",
    open: async (options) => {
      const time = new VirtualTime();
      const device = await SimulatedSoundCard.open(options, { clock: time, timers: time });
      return {
        device,
        pass: async (ms) => time.advance(ms),
        plug: { out: () => device.unplug(), in: () => device.replug() },
        stall: (ms) => device.stall(ms),
      };
    },
  },
];

if (await haveAlsa())
  implementations.push({
    // The real driver, over the real ALSA, on a card whose time the test decides.
    name: "alsa",
    open: async (options) => {
      const card = new VirtualCard();
      const device = await AlsaSoundCard.open(
        { ...options, device: card.name, reopenMs: 10 },
        { clock: card.time, timers: card.time },
      );
      return {
        device,
        pass: (ms) => card.pass(ms),
        plug: { out: () => card.set("unplugged", 1), in: () => card.set("unplugged", 0) },
        stall: (ms) => card.stall(ms),
      };
    },
  });

/** Collects what a card tells. */
export function collector(): AudioEvents & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    xrun: (direction, frames) => void told.push(`xrun ${direction} ${frames}`),
    lost: () => void told.push("lost"),
    back: () => void told.push("back"),
  };
}

/** A folder that is removed when the process ends. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "sotto-audio-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
