// What a board is: data that says which driver serves which device, and what to ask of it.

import type { AudioOptions } from "../drivers/contract.js";

/** A device of a board: the driver that serves it and the driver's options. */
export interface DeviceSpec {
  /** A name of the table in `drivers.ts`. */
  readonly driver: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What the phone may take of the board at most; a budget that is not given is not watched. */
export interface Budgets {
  /** Resident memory in a call, bytes. */
  readonly rssBytes?: number;
  /** Processor time in a call, percent of one core. */
  readonly cpuPercent?: number;
}

/** One kind of hardware Sotto runs on. */
export interface Board {
  readonly name: string;
  /** One sentence for `sotto boards` and error texts. */
  readonly description: string;
  readonly audio: DeviceSpec & { readonly wanted: AudioOptions };
  readonly keys: readonly DeviceSpec[];
  readonly vibrator?: DeviceSpec;
  readonly ringer?: DeviceSpec;
  readonly indicator?: DeviceSpec;
  /** The light behind the screen. */
  readonly backlight?: DeviceSpec;
  readonly headset?: DeviceSpec;
  /** A headset on a wire. */
  readonly jack?: DeviceSpec;
  readonly display?: DeviceSpec;
  readonly budgets?: Budgets;
}
