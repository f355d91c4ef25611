// Driver names and what they construct. A driver is loaded when a board that has it is opened, not before.

import type { Backlight, Display, Headset, Indicator, Keys, Ringer, Vibrator } from "../drivers/contract.js";
import type { Observe } from "../drivers/simulated/surroundings.js";
import type { LightSigns, SwitchOutput } from "../drivers/switched.js";
import {
  backlightSchema,
  bluetoothSchema,
  evdevKeysSchema,
  gpioIndicatorSchema,
  gpioKeysSchema,
  gpioOutputSchema,
  ledIndicatorSchema,
  ledVibratorSchema,
  rumbleSchema,
  speakerSchema,
  wiredSchema,
} from "./hands.js";
import { noOptions, type OptionsSchema } from "./options.js";
import type { Simulation } from "./simulated.js";

/** What a constructor is given beside its own options. */
export interface DriverContext {
  /** Told what a simulated device does. */
  readonly observe: Observe;
  /** Told what happens to a real one: plugged in, gone, broken. For the log. */
  readonly tell: (text: string) => void;
}

/** A device that is open, and how it can be moved from outside where it is simulated. */
export interface Opened<T> {
  readonly device: T;
  readonly simulation?: Simulation;
}

/** A driver's options and constructor. */
export interface Driver<T> {
  readonly options: OptionsSchema;
  open(options: Readonly<Record<string, unknown>>, context: DriverContext): Promise<Opened<T>>;
}

/** Devices that have a driver in this thread, and the contract each keeps. */
export interface DeviceTypes {
  keys: Keys;
  vibrator: Vibrator;
  ringer: Ringer;
  indicator: Indicator;
  backlight: Backlight;
  headset: Headset;
  jack: Headset;
  display: Display;
}

const simulated = () => import("../drivers/simulated/index.js");
const simulations = () => import("./simulated.js");
const terminal = () => import("../drivers/terminal/index.js");
const gpio = () => import("../drivers/gpio/index.js");
const evdev = () => import("../drivers/evdev/index.js");
const leds = () => import("../drivers/leds/index.js");
const switched = () => import("../drivers/switched.js");

/** Opens lights one by one; when one cannot be had the others are given back. */
async function openIndicator(
  lights: readonly { readonly signs?: LightSigns }[],
  open: (light: never) => Promise<SwitchOutput>,
  { tell }: DriverContext,
): Promise<Opened<Indicator>> {
  const { singleLight, SwitchedIndicator } = await switched();
  const outputs: SwitchOutput[] = [];
  try {
    for (const light of lights) outputs.push(await open(light as never));
  } catch (error) {
    for (const output of outputs) output.close();
    throw error;
  }
  const made = outputs.map((output, i) => ({ output, signs: lights[i].signs ?? singleLight }));
  return { device: new SwitchedIndicator(made, { failed: tell }) };
}

/** By device, then by driver name. */
export const drivers: { readonly [D in keyof DeviceTypes]: Readonly<Record<string, Driver<DeviceTypes[D]>>> } = {
  keys: {
    simulated: {
      options: noOptions,
      open: async (_options, { observe }) => {
        const device = new (await simulated()).SimulatedKeys({ observe });
        return { device, simulation: (await simulations()).keysSimulation(device) };
      },
    },
    terminal: { options: noOptions, open: async () => ({ device: new (await terminal()).TerminalKeys() }) },
    gpio: {
      options: gpioKeysSchema,
      open: async (options) => ({ device: await (await gpio()).GpioKeys.open(options as never) }),
    },
    evdev: {
      options: evdevKeysSchema,
      open: async (options, { tell }) => ({ device: await (await evdev()).EvdevKeys.open({ ...options, tell }) }),
    },
  },
  vibrator: {
    simulated: {
      options: noOptions,
      open: async (_options, context) => ({ device: new (await simulated()).SimulatedVibrator(context) }),
    },
    gpio: {
      options: gpioOutputSchema,
      open: async (options, { tell }) => {
        const output = await (await gpio()).GpioOutput.open(options as never, { ...options, guarded: true });
        return { device: new (await switched()).SwitchedVibrator(output, { failed: tell }) };
      },
    },
    led: {
      options: ledVibratorSchema,
      open: async (options, { tell }) => {
        const { led, strength, root } = options as { led: string; strength?: number; root?: string };
        const output = new (await leds()).Led(led, { root, brightness: strength, guarded: true });
        return { device: new (await switched()).SwitchedVibrator(output, { failed: tell }) };
      },
    },
    rumble: {
      options: rumbleSchema,
      open: async (options, { tell }) => {
        const output = await (await evdev()).RumbleOutput.open(options);
        return { device: new (await switched()).SwitchedVibrator(output, { failed: tell }) };
      },
    },
  },
  ringer: {
    simulated: {
      options: noOptions,
      open: async (_options, context) => ({ device: new (await simulated()).SimulatedRinger(context) }),
    },
    speaker: {
      options: speakerSchema,
      open: async ({ sound, ...options }, { tell }) => {
        const { driver, ...own } = sound as { driver: string };
        const { openAudio } = await import("./audio.js");
        const { SpeakerRinger } = await import("../drivers/speaker/index.js");
        return { device: await SpeakerRinger.open({ ...options, openAudio: openAudio(driver, own), tell }) };
      },
    },
  },
  indicator: {
    simulated: {
      options: noOptions,
      open: async (_options, context) => ({ device: new (await simulated()).SimulatedIndicator(context) }),
    },
    gpio: {
      options: gpioIndicatorSchema,
      open: async ({ lights, root }, context) => {
        const { GpioOutput } = await gpio();
        const open = (light: never) => GpioOutput.open(light, { root: root as string | undefined });
        return openIndicator(lights as never, open, context);
      },
    },
    led: {
      options: ledIndicatorSchema,
      open: async ({ lights, root }, context) => {
        const { Led } = await leds();
        const open = async ({ led, brightness }: { led: string; brightness?: number }) =>
          new Led(led, { root: root as string | undefined, brightness });
        return openIndicator(lights as never, open as never, context);
      },
    },
  },
  backlight: {
    simulated: {
      options: noOptions,
      open: async (_options, context) => ({ device: new (await simulated()).SimulatedBacklight(context) }),
    },
    sysfs: {
      options: backlightSchema,
      open: async ({ name, root }) => ({
        device: new (await leds()).SysfsBacklight(name as string | undefined, root as string | undefined),
      }),
    },
  },
  headset: {
    simulated: {
      options: noOptions,
      open: async (_options, { observe }) => {
        const device = new (await simulated()).SimulatedHeadset({ observe });
        return { device, simulation: (await simulations()).headsetSimulation(device) };
      },
    },
    bluetooth: {
      options: bluetoothSchema,
      open: async ({ codecs = ["CVSD"], ...options }, { tell }) => {
        const { BluetoothHeadset } = await import("../drivers/headset/index.js");
        const known = (codecs as string[]).map((codec) => (codec === "mSBC" ? 2 : 1));
        return { device: new BluetoothHeadset({ ...(options as { tty: string }), codecs: known, tell }) };
      },
    },
  },
  jack: {
    wired: {
      options: wiredSchema,
      open: async (options, { tell }) => {
        const { WiredHeadset } = await import("../drivers/wired-headset/index.js");
        return { device: await WiredHeadset.open({ ...options, tell }) };
      },
    },
    simulated: {
      options: noOptions,
      open: async (_options, { observe }) => ({ device: new (await simulated()).SimulatedHeadset({ observe }) }),
    },
  },
  display: {
    simulated: {
      options: noOptions,
      open: async (_options, context) => ({ device: new (await simulated()).SimulatedDisplay(context) }),
    },
    terminal: {
      options: noOptions,
      open: async () => {
        const { TerminalDisplay, terminalKeysHelp } = await terminal();
        return { device: new TerminalDisplay({ help: terminalKeysHelp }) };
      },
    },
  },
};

/** @throws Error that lists the drivers there are for the device. */
export function findDriver<D extends keyof DeviceTypes>(device: D, name: string): Driver<DeviceTypes[D]> {
  const table = drivers[device];
  if (Object.hasOwn(table, name)) return table[name];
  throw new Error(`there is no driver "${name}" for the ${device}; drivers: ${Object.keys(table).join(", ")}`);
}
