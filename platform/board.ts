// What a board is: data that says which driver serves which device, and what to ask of it.

import type { AudioOptions } from "../drivers/contract.js";

/** A device of a board: the driver that serves it and the driver's options. */
export interface DeviceSpec {
  /** A name of the table in `drivers.ts`. */
  readonly driver: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** How long a call may take to set up, as `scripts/latency --check` measures it; medians. */
export interface LatencyBudgets {
  /** Calling and answering delay of a dh-secured call, times the open call's in the same run. */
  readonly callingRatio?: number;
  readonly answeringRatio?: number;
  /** Calling delay of the first dh call after a start, times the hundredth's. */
  readonly firstCallRatio?: number;
  /** The same delays, and from picking up to the caller's first voice packet, ms; for the board itself, not for a faster machine. */
  readonly callingMs?: number;
  readonly answeringMs?: number;
  readonly firstVoiceMs?: number;
  /** Whether the board's processor is the one that measures, or emulated: default `native`. */
  readonly measuredAs?: "native" | "armv7";
}

/** What the phone may take of the board at most; a budget that is not given is not watched. */
export interface Budgets {
  /** Resident memory in a call, bytes: its peak. */
  readonly rssBytes?: number;
  /** The same while nobody calls. */
  readonly idleRssBytes?: number;
  /** From the start of the process to being registered, compiled code being there: as a multiple of what `node -e 0` takes. */
  readonly startRatio?: number;
  /** The Debian package without Node. */
  readonly packageBytes?: number;
  /** The disk image, compressed. */
  readonly imageBytes?: number;
  readonly latency?: LatencyBudgets;
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
