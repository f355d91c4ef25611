// Opens a board's devices for the main thread, and says how the voice thread opens its sound card.

import type {
  AudioOptions,
  Backlight,
  Closable,
  Display,
  Headset,
  Indicator,
  Keys,
  Ringer,
  Vibrator,
} from "../drivers/contract.js";
import { openAudio } from "./audio.js";
import { type AudioLevels, readLevels } from "./audio-levels.js";
import type { Board, DeviceSpec } from "./board.js";
import { type DeviceTypes, findDriver } from "./drivers.js";
import { checkOptions, type OptionsSchema } from "./options.js";
import type { Simulation } from "./simulated.js";

/** How a board is opened. */
export interface OpenDevicesOptions {
  /** Options by device name (`audio`, `keys`, `vibrator`, …), over the board's own; `driver` picks another driver. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The terminal becomes keys (beside the board's) and screen (instead of the board's). */
  readonly interactive?: boolean;
  /** Told what simulated devices do: `"vibrator"`, `"on"`, monotonic ms. */
  readonly observe?: (device: string, what: string, atMs: number) => void;
  /** Told what happens to real devices: plugged in, gone, broken. */
  readonly tell?: (device: string, text: string) => void;
}

/** A board's devices, open. */
export interface Devices {
  readonly keys: readonly Keys[];
  readonly vibrator?: Vibrator;
  readonly ringer?: Ringer;
  readonly indicator?: Indicator;
  readonly backlight?: Backlight;
  readonly headset?: Headset;
  /** A headset on a wire. */
  readonly jack?: Headset;
  readonly display?: Display;
  /** Driver of the sound card and its options, plain data for `openAudio` in the voice thread. */
  readonly audio: { readonly driver: string; readonly options: Readonly<Record<string, unknown>> };
  /** What the voice path asks of the sound card. */
  readonly audioOptions: AudioOptions;
  /** How loud the board is, for the voice path. */
  readonly audioLevels: AudioLevels;
  /** The sound cards of headsets that have one of their own. */
  readonly sounds: Readonly<Partial<Record<"headset" | "jack", Devices["audio"]>>>;
  /** Moves the simulated devices from outside; undefined where all are real. @throws Error with a sentence for the user. */
  readonly simulate?: (action: string, params: Readonly<Record<string, unknown>>) => void;
  /** Closes every device, the last opened first. @throws AggregateError after all were tried. */
  close(): Promise<void>;
}

/** Names of the devices a board may have. */
export const deviceNames = [
  "audio",
  "keys",
  "vibrator",
  "ringer",
  "indicator",
  "backlight",
  "headset",
  "jack",
  "display",
] as const;
let cards = 0;

/**
 * Opens every device of `board`.
 * @throws Error that names the device, field, driver or file that is wrong; what was open by then is closed.
 */
export async function openDevices(board: Board, how: OpenDevicesOptions = {}): Promise<Devices> {
  const given = how.options ?? {};
  for (const name of Object.keys(given))
    if (!(deviceNames as readonly string[]).includes(name))
      throw new Error(`devices.${name} is unknown; devices: ${deviceNames.join(", ")}`);
  const open: Closable[] = [];
  const simulation: Record<string, Simulation[string]> = {};
  const close = () => closeAll(open);

  const sounds: Partial<Record<"headset" | "jack", Devices["audio"]>> = {};

  async function device<D extends keyof DeviceTypes>(name: D, spec: DeviceSpec): Promise<DeviceTypes[D]> {
    const { driver, options: merged } = mergeSpec(name, spec, given[name]);
    let options = merged;
    if (merged["sound"] !== undefined && (name === "headset" || name === "jack")) {
      const { sound, ...rest } = merged;
      options = rest;
      sounds[name as "headset" | "jack"] = await prepareSound(`devices.${name}.sound`, sound);
    }
    const found = findDriver(name, driver);
    const opened = await found.open(checkOptions(`devices.${name}`, found.options, options), {
      observe: (what, atMs) => how.observe?.(name, what, atMs),
      tell: (text) => how.tell?.(name, text),
    });
    open.push(opened.device);
    Object.assign(simulation, opened.simulation);
    return opened.device;
  }
  const optional = async <D extends keyof DeviceTypes>(name: D, spec: DeviceSpec | undefined) => {
    if (spec) return device(name, spec);
    // A configuration may add what the board leaves out.
    if (given[name]?.["driver"] !== undefined) return device(name, { driver: "" });
    if (given[name])
      throw new Error(`devices.${name} is given, but the board ${board.name} has none; name a driver to add one`);
    return undefined;
  };

  try {
    const audio = await prepareAudio(board, given["audio"]);
    if (audio.control) {
      open.push(audio.control);
      Object.assign(simulation, audio.control.simulation);
    }
    const keys: Keys[] = [];
    for (const spec of board.keys) keys.push(await device("keys", spec));
    if (how.interactive)
      keys.push((await findDriver("keys", "terminal").open({}, { observe: () => {}, tell: () => {} })).device);
    if (how.interactive) open.push(keys.at(-1)!);
    return {
      keys,
      vibrator: await optional("vibrator", board.vibrator),
      ringer: await optional("ringer", board.ringer),
      indicator: await optional("indicator", board.indicator),
      backlight: await optional("backlight", board.backlight),
      headset: await optional("headset", board.headset),
      jack: await optional("jack", board.jack),
      display: await optional("display", how.interactive ? { driver: "terminal" } : board.display),
      audio: audio.spec,
      audioOptions: audio.wanted,
      audioLevels: audio.levels,
      sounds,
      simulate: Object.keys(simulation).length ? (action, params) => simulate(simulation, action, params) : undefined,
      close,
    };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

/** A device's driver and options: the board's, with what a configuration says over them. */
export function mergeSpec(name: string, spec: DeviceSpec, given: Readonly<Record<string, unknown>> = {}) {
  const { driver = spec.driver, ...options } = given;
  if (typeof driver !== "string")
    throw new Error(`devices.${name}.driver is ${JSON.stringify(driver)}, allowed is a text`);
  // The board's options belong to the board's driver.
  return { driver, options: driver === spec.driver ? { ...spec.options, ...options } : options };
}

/** Driver, options and wishes of a board's sound card without opening anything. @throws Error that names the field that is wrong. */
export async function soundCardOf(board: Board, given?: Readonly<Record<string, unknown>>) {
  const { spec, wanted, control } = await prepareAudio(board, given);
  control?.close();
  return { ...spec, wanted };
}

/** The voice thread opens the card; what can be checked before is checked here, where a mistake can still be told. */
async function prepareAudio(board: Board, given: Readonly<Record<string, unknown>> | undefined) {
  const { wanted } = board.audio;
  const { driver, options: merged } = mergeSpec("audio", board.audio, given);
  openAudio(driver, {});
  const { rate = wanted.rate, periodFrames = wanted.periodFrames, periods = wanted.periods, ...more } = merged;
  const { levels, own } = readLevels(more);
  const asked = { rate, periodFrames, periods } as AudioOptions;
  for (const [name, least, most] of [
    ["rate", 8000, 48_000],
    ["periodFrames", 1, 48_000],
    ["periods", 2, 64],
  ] as const)
    if (!(Number.isInteger(asked[name]) && asked[name] >= least && asked[name] <= most))
      throw new Error(
        `devices.audio.${name} is ${JSON.stringify(asked[name])}, allowed is a whole number of ${least} to ${most}`,
      );
  if (driver === "alsa") {
    const { alsaSoundSchema } = await import("./alsa.js");
    return { spec: { driver, options: checkOptions("devices.audio", alsaSoundSchema, own) }, wanted: asked, levels };
  }
  const { checkSimulatedSound, simulatedSoundSchema, soundSimulation } = await import("./simulated.js");
  const options = checkOptions("devices.audio", simulatedSoundSchema as OptionsSchema, own);
  await checkSimulatedSound(options);
  const control = `${board.name}-${++cards}`;
  return {
    spec: { driver, options: { ...options, control } },
    wanted: asked,
    levels,
    control: soundSimulation(control),
  };
}

/** A headset's card: `{ driver, … }` with the driver's own options. */
async function prepareSound(field: string, sound: unknown): Promise<Devices["audio"]> {
  if (typeof sound !== "object" || sound === null || !("driver" in sound) || typeof sound.driver !== "string")
    throw new Error(`${field} is ${JSON.stringify(sound)}, allowed is { driver, … }, e.g. { "driver": "alsa" }`);
  const { driver, ...own } = sound as { driver: string };
  openAudio(driver, {});
  const schema =
    driver === "alsa"
      ? (await import("./alsa.js")).alsaSoundSchema
      : (await import("./simulated.js")).simulatedSoundSchema;
  return { driver, options: checkOptions(field, schema, own) };
}

function simulate(simulation: Simulation, action: string, params: Readonly<Record<string, unknown>>): void {
  if (!Object.hasOwn(simulation, action))
    throw new Error(
      `nothing to simulate called "${action.slice(0, 40)}"; there is ${Object.keys(simulation).join(", ")}`,
    );
  simulation[action](params);
}

async function closeAll(open: Closable[]): Promise<void> {
  const errors: unknown[] = [];
  for (let device = open.pop(); device; device = open.pop()) {
    try {
      await device.close();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length) throw new AggregateError(errors, errors.map((error) => (error as Error).message).join("; "));
}
