// Driver names and what they construct. A driver is loaded when a board that has it is opened, not before.

import type { Display, Headset, Indicator, Keys, Ringer, Vibrator } from "../drivers/contract.js";
import type { Observe } from "../drivers/simulated/surroundings.js";
import { noOptions, type OptionsSchema } from "./options.js";
import type { Simulation } from "./simulated.js";

/** What a constructor is given beside its own options. */
export interface DriverContext {
  /** Told what a simulated device does. */
  readonly observe: Observe;
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
  headset: Headset;
  display: Display;
}

const simulated = () => import("../drivers/simulated/index.js");
const simulations = () => import("./simulated.js");
const terminal = () => import("../drivers/terminal/index.js");

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
  },
  vibrator: {
    simulated: {
      options: noOptions,
      open: async (_options, context) => ({ device: new (await simulated()).SimulatedVibrator(context) }),
    },
  },
  ringer: {
    simulated: {
      options: noOptions,
      open: async (_options, context) => ({ device: new (await simulated()).SimulatedRinger(context) }),
    },
  },
  indicator: {
    simulated: {
      options: noOptions,
      open: async (_options, context) => ({ device: new (await simulated()).SimulatedIndicator(context) }),
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
