// The simulated devices as the host platform offers them: their options, and the hand that moves them from outside.

import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import { type HeadsetEvent, type PhoneKey, phoneKeys } from "../drivers/contract.js";
import {
  loadRecording,
  remoteSoundControl,
  type SimulatedHeadset,
  type SimulatedKeys,
  type SimulatedSoundOptions,
} from "../drivers/simulated/index.js";
import { makeFolder } from "../firmware/runtime/index.js";
import type { OptionsSchema } from "./options.js";

/** Things that can be done to a device from outside, by name. @throws Error with a sentence for the user. */
export type Simulation = Readonly<Record<string, (params: Readonly<Record<string, unknown>>) => void>>;

const flag = "true or false";
const file = "a file path";
const whole = (least: number, most: number, unit: string) => {
  const allowed = `a whole number of ${least} to ${most} ${unit}`;
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(least, allowed), v.maxValue(most, allowed));
};

/** Options of the simulated sound card in a configuration file; `control` is the platform's own. */
export const simulatedSoundSchema: OptionsSchema = v.strictObject({
  captureWav: v.optional(v.pipe(v.string(file), v.minLength(1, file))),
  captureLoop: v.optional(v.boolean(flag)),
  captureStart: v.optional(v.picklist(["open", "trigger"], '"open" or "trigger"')),
  playbackWav: v.optional(v.pipe(v.string(file), v.minLength(1, file))),
  driftPpm: v.optional(whole(-10_000, 10_000, "ppm")),
  cardRate: v.optional(whole(1000, 384_000, "Hz")),
  cardPeriodFrames: v.optional(whole(1, 384_000, "frames")),
}) as OptionsSchema;

/**
 * Looks at the files of a simulated sound card before the voice path needs them.
 * @throws Error that names the path and what is wrong.
 */
export async function checkSimulatedSound(options: Partial<SimulatedSoundOptions>): Promise<void> {
  if (options.captureWav !== undefined) await loadRecording(options.captureWav);
  if (options.playbackWav === undefined) return;
  const folder = dirname(options.playbackWav);
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new Error(`the recording ${options.playbackWav} cannot be written: ${(error as Error).message}`);
  }
}

function number(params: Readonly<Record<string, unknown>>, name: string, least: number): number {
  const value = params[name];
  if (typeof value !== "number" || !Number.isFinite(value) || value < least)
    throw new Error(`${name} must be a number of ${least} or more`);
  return value;
}

function phoneKey(params: Readonly<Record<string, unknown>>): PhoneKey {
  const { key } = params;
  if (typeof key === "string" && (phoneKeys as readonly string[]).includes(key)) return key as PhoneKey;
  throw new Error(`key must be one of ${phoneKeys.join(" ")}`);
}

/** speak; unplug {reason}; replug; xrun {direction, frames}; stall {ms}. */
export function soundSimulation(control: string): { readonly simulation: Simulation; close(): void } {
  const card = remoteSoundControl(control);
  const simulation: Simulation = {
    speak: () => card.speak(),
    unplug: ({ reason }) => card.unplug(typeof reason === "string" ? reason.slice(0, 200) : undefined),
    replug: () => card.replug(),
    xrun: (params) => {
      const { direction } = params;
      if (direction !== "capture" && direction !== "playback")
        throw new Error('direction must be "capture" or "playback"');
      card.xrun(direction, Math.round(number(params, "frames", 1)));
    },
    stall: (params) => card.stall(number(params, "ms", 0)),
  };
  return { simulation, close: () => card.close() };
}

/** press {key}; hold {key, ms}. */
export function keysSimulation(keys: SimulatedKeys): Simulation {
  return {
    press: (params) => keys.press(phoneKey(params)),
    hold: (params) => keys.hold(phoneKey(params), number(params, "ms", 0)),
  };
}

const headsetEvent = v.variant("type", [
  v.object({ type: v.literal("connected"), name: v.string() }),
  v.object({ type: v.literal("disconnected"), reason: v.string() }),
  ...(["answer", "hangup", "hold", "resume"] as const).map((type) =>
    v.object({ type: v.literal(type), call: v.optional(v.number()) }),
  ),
  v.object({ type: v.literal("dial"), number: v.string() }),
  v.object({ type: v.literal("redial") }),
  v.object({ type: v.literal("memory"), location: v.number() }),
  v.object({ type: v.literal("digit"), digit: v.pipe(v.string(), v.regex(/^[0-9A-D*#]$/)) }),
  v.object({ type: v.literal("volume"), speaker: v.number() }),
  v.object({ type: v.literal("gain"), microphone: v.number() }),
  v.object({ type: v.literal("battery"), percent: v.number() }),
  v.object({ type: v.literal("mute"), on: v.boolean() }),
]);

/** headset {event}: an event as drivers/contract.ts describes them. */
export function headsetSimulation(headset: SimulatedHeadset): Simulation {
  return {
    headset: ({ event }) => {
      const checked = v.safeParse(headsetEvent, event);
      if (!checked.success) throw new Error(`event is not a headset event: ${checked.issues[0].message}`);
      headset.act(checked.output as HeadsetEvent);
    },
  };
}
