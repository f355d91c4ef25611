// Options of the real keys, vibrators, lights and headsets as a board or a configuration file gives them.

import * as v from "valibot";
import { type PhoneKey, phoneKeys } from "../drivers/contract.js";
import type { OptionsSchema } from "./options.js";

const path = v.pipe(v.string("a file path"), v.minLength(1, "a file path"));
const name = v.pipe(v.string("a text"), v.minLength(1, "a text"));
const flag = v.boolean("true or false");
export const numberBetween = (low: number, high: number, unit: string) => {
  const allowed = `a number from ${low} to ${high}${unit}`;
  return v.pipe(v.number(allowed), v.minValue(low, allowed), v.maxValue(high, allowed));
};
const fraction = v.pipe(numberBetween(0, 1, ""), v.gtValue(0, "a number above 0, at most 1"));
const key = v.picklist(phoneKeys, `one of ${phoneKeys.join(" ")}`);

const line = {
  chip: name,
  line: v.pipe(v.number("a line's number"), v.integer("a line's number"), v.minValue(0, "a line's number")),
  activeLow: v.optional(flag),
};
const timing = {
  longMs: v.optional(numberBetween(100, 10_000, " ms")),
  repeatMs: v.optional(numberBetween(20, 10_000, " ms")),
  repeats: v.optional(v.array(key, "a list of keys")),
};
const input = {
  device: v.optional(path),
  name: v.optional(name),
  grab: v.optional(flag),
};

/** `gpio` keys. */
export const gpioKeysSchema = v.strictObject({
  buttons: v.pipe(
    v.array(v.strictObject({ key, ...line }), "a list of { key, chip, line, activeLow }"),
    v.minLength(1, "at least one button"),
  ),
  debounceMs: v.optional(numberBetween(0, 500, " ms")),
  root: v.optional(path),
  ...timing,
}) as unknown as OptionsSchema;

/** `evdev` keys. */
export const evdevKeysSchema = v.strictObject({
  ...input,
  map: v.optional(v.record(v.string(), key, "{ KEY_NAME: key of the phone }")),
  ...timing,
}) as unknown as OptionsSchema;

/** `gpio` vibrator. */
export const gpioOutputSchema = v.strictObject({ ...line, root: v.optional(path) }) as unknown as OptionsSchema;

/** `led` vibrator. */
export const ledVibratorSchema = v.strictObject({
  led: name,
  strength: v.optional(fraction),
  root: v.optional(path),
}) as unknown as OptionsSchema;

/** `rumble` vibrator. */
export const rumbleSchema = v.strictObject({
  device: v.optional(path),
  name: v.optional(name),
  strength: v.optional(fraction),
}) as unknown as OptionsSchema;

const signText = '"on", "off", or a list of ms on, off, on, off, …';
const sign = v.union(
  [
    v.picklist(["on", "off"], signText),
    v.pipe(v.array(numberBetween(0, 60_000, " ms"), signText), v.minLength(1, signText)),
  ],
  signText,
);
const signs = v.strictObject({
  off: v.optional(sign),
  ready: v.optional(sign),
  ringing: v.optional(sign),
  secure: v.optional(sign),
  open: v.optional(sign),
  error: v.optional(sign),
});
const lights = <E extends v.ObjectEntries>(entries: E, what: string) =>
  v.pipe(v.array(v.strictObject({ ...entries, signs: v.optional(signs) }), what), v.minLength(1, "at least one light"));

/** `led` indicator. */
export const ledIndicatorSchema = v.strictObject({
  lights: lights({ led: name, brightness: v.optional(fraction) }, "a list of { led, brightness, signs }"),
  root: v.optional(path),
}) as unknown as OptionsSchema;

/** `gpio` indicator. */
export const gpioIndicatorSchema = v.strictObject({
  lights: lights(line, "a list of { chip, line, activeLow, signs }"),
  root: v.optional(path),
}) as unknown as OptionsSchema;

/** `sysfs` backlight. */
export const backlightSchema = v.strictObject({
  name: v.optional(name),
  root: v.optional(path),
}) as unknown as OptionsSchema;

/** `bluetooth` headset. */
export const bluetoothSchema = v.strictObject({
  tty: path,
  name: v.optional(name),
  operator: v.optional(v.pipe(name, v.maxLength(16, "a text of at most 16 characters"))),
  number: v.optional(name),
  codecs: v.optional(
    v.pipe(v.array(v.picklist(["CVSD", "mSBC"], '"CVSD" or "mSBC"'), 'a list of "CVSD", "mSBC"'), v.minLength(1)),
  ),
}) as unknown as OptionsSchema;

/** `speaker` ringer. Its card's options are the sound driver's own. */
export const speakerSchema = v.strictObject({
  sound: v.looseObject({ driver: name }, '{ driver, … }, e.g. { "driver": "alsa", "device": "speaker" }'),
  ringWav: v.optional(path),
  messageWav: v.optional(path),
  callerWavs: v.optional(v.record(v.string(), path, "{ address: file }")),
  riseMs: v.optional(numberBetween(0, 60_000, " ms")),
}) as unknown as OptionsSchema;

/** `wired` headset. */
export const wiredSchema = v.strictObject({
  ...input,
  buttons: v.optional(v.array(name, "a list of the kernel's key names")),
  jack: v.optional(v.picklist(["headphone", "microphone"], '"headphone" or "microphone"')),
  label: v.optional(name),
}) as unknown as OptionsSchema;

/** Keys by the kernel's names, checked. */
export type KernelKeyMap = Readonly<Record<string, PhoneKey>>;
