// Vibration by force feedback: the kernel's rumble effect (gpio-vibra, pwm-vibra, haptics chips).

import { systemTimers, type Timer, type Timers } from "../../firmware/runtime/timers.js";
import type { SwitchOutput } from "../switched.js";
import { EV_FF, FF_RUMBLE } from "./codes.js";
import { InputDevice } from "./device.js";
import { wordBits, writeEvent } from "./event.js";
import { EVIOCRMFF, eviocsff, type InputNative, loadIoctl, loadNative } from "./native.js";
import { type InputInfo, type InputRoots, inputDevices } from "./sysfs.js";

/** How a {@link RumbleOutput} is opened. */
export interface RumbleOptions extends InputRoots {
  /** Device file; default: the first that can rumble. */
  readonly device?: string;
  /** Name of the device as its driver has it. */
  readonly name?: string;
  /** Above 0 to 1. Default 1. */
  readonly strength?: number;
  readonly timers?: Timers;
  readonly native?: InputNative;
}

/** The effect ends by itself after so long, ms: the motor stops even when nobody is left to stop it. */
export const EFFECT_MS = 1500;
/** A longer vibration is played on in time. */
const REFRESH_MS = 1000;

/**
 * struct ff_effect with a rumble in it (linux/input.h): type, id, direction, trigger, replay {length, delay}, then the union, which holds a
 * pointer: 48 bytes where that has 64 bits, 44 where it has 32.
 * @param id -1: a new one; the kernel writes the id it gave.
 */
export function rumbleEffect(strength: number, lengthMs: number, id = -1, bits = wordBits()): Uint8Array {
  const bytes = new Uint8Array(bits === 64 ? 48 : 44);
  const u16 = new Uint16Array(bytes.buffer);
  u16[0] = FF_RUMBLE;
  u16[1] = id & 0xffff;
  u16[5] = lengthMs;
  u16[8] = u16[9] = Math.round(strength * 0xffff);
  return bytes;
}

/** Devices that can rumble. */
export function rumblers(roots: InputRoots = {}): InputInfo[] {
  return inputDevices(roots).filter(({ effects }) => effects.has(FF_RUMBLE));
}

/** {@link SwitchOutput} that rumbles. */
export class RumbleOutput implements SwitchOutput {
  private refresh: Timer | undefined;
  private failure: string | undefined;

  private constructor(
    private readonly device: InputDevice,
    private readonly id: number,
    private readonly timers: Timers,
  ) {}

  /** @throws Error that lists what input devices there are when none can rumble, or says why it does not. @throws RangeError for a strength that is none. */
  static async open(options: RumbleOptions = {}): Promise<RumbleOutput> {
    const { strength = 1, timers = systemTimers } = options;
    if (!(strength > 0 && strength <= 1))
      throw new RangeError(`strength must be above 0 and at most 1, got ${strength}`);
    const file = options.device ?? find(options);
    const native = options.native ?? (await loadNative());
    if (!options.native) await loadIoctl();
    let output: RumbleOutput | undefined;
    const device = new InputDevice(
      file,
      native,
      {
        event: () => {},
        lostEvents: () => {},
        gone: (reason) => output?.lost(reason),
      },
      { write: true },
    );
    try {
      const effect = rumbleEffect(strength, EFFECT_MS);
      device.ioctl(eviocsff(effect.length), effect);
      const id = new Int16Array(effect.buffer)[1];
      return (output = new RumbleOutput(device, id, timers));
    } catch (error) {
      device.close();
      throw new Error(`${file} takes no rumble effect: ${(error as Error).message}`);
    }
  }

  set(on: boolean): void {
    this.refresh?.cancel();
    this.refresh = undefined;
    if (this.failure !== undefined) {
      if (on) throw new Error(this.failure);
      return;
    }
    this.device.write(writeEvent(EV_FF, this.id, on ? 1 : 0));
    if (!on) return;
    const again = (): void => {
      this.refresh = this.timers.after(REFRESH_MS, () => {
        try {
          this.device.write(writeEvent(EV_FF, this.id, 1));
          again();
        } catch (error) {
          this.lost((error as Error).message);
        }
      });
    };
    again();
  }

  close(): void {
    this.refresh?.cancel();
    this.refresh = undefined;
    if (this.failure === undefined) {
      this.failure = "the vibrator is closed";
      try {
        this.device.write(writeEvent(EV_FF, this.id, 0));
        this.device.ioctl(EVIOCRMFF, this.id);
      } catch {
        // Closing the file takes the effect off as well.
      }
    }
    this.device.close();
  }

  private lost(reason: string): void {
    this.refresh?.cancel();
    this.refresh = undefined;
    this.failure ??= `the vibrator is gone: ${reason}`;
    this.device.close();
  }
}

function find({ name, ...roots }: RumbleOptions): string {
  const able = rumblers(roots);
  const found = name === undefined ? able[0] : able.find((one) => one.name === name);
  if (found) return found.file;
  const there = inputDevices(roots).map((one) => one.name);
  throw new Error(
    `no input device ${name === undefined ? "" : `called "${name}" `}can rumble; input devices: ${there.join(", ") || "none"}`,
  );
}
