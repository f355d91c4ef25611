// Options of the ALSA sound card in a configuration file.

import * as v from "valibot";
import type { OptionsSchema } from "./options.js";

const device = "the name of an ALSA device, as `sotto doctor audio` lists them";
const name = v.pipe(v.string(device), v.minLength(1, device), v.maxLength(200, device));
const priority = "a whole number of 0 (off) to 99";
const pause = "a whole number of 20 to 60000 ms";

/** `device` for both directions, or `capture` and `playback` for each. */
export const alsaSoundSchema: OptionsSchema = v.strictObject({
  device: v.optional(name),
  capture: v.optional(name),
  playback: v.optional(name),
  captureChannel: v.optional(v.picklist(["left", "right", "both"], '"left", "right" or "both"')),
  oneClock: v.optional(v.boolean("true or false")),
  realtime: v.optional(
    v.pipe(v.number(priority), v.integer(priority), v.minValue(0, priority), v.maxValue(99, priority)),
  ),
  reopenMs: v.optional(v.pipe(v.number(pause), v.integer(pause), v.minValue(20, pause), v.maxValue(60_000, pause))),
}) as OptionsSchema;
