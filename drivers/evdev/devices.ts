// All input devices that fit, now and whenever they are plugged in.

import { type FSWatcher, realpathSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemTimers, type Timer, type Timers } from "../../firmware/runtime/timers.js";
import { InputDevice } from "./device.js";
import { type InputNative, loadIoctl, loadNative } from "./native.js";
import { eventIds, INPUT_DEV_ROOT, type InputInfo, type InputRoots, inputDevice } from "./sysfs.js";

/** Which devices are taken, and how. */
export interface InputDevicesOptions extends InputRoots {
  /** Only this file, e.g. `/dev/input/by-path/…`. */
  readonly device?: string;
  /** Only devices whose driver calls them so. */
  readonly name?: string;
  /** Nobody else sees their events. Default false. */
  readonly grab?: boolean;
  readonly timers?: Timers;
  /** Default: the real ones. */
  readonly native?: InputNative;
  /** Told of devices that come, go or cannot be opened. */
  readonly tell?: (text: string) => void;
}

/** A user of input devices. */
export interface InputUser {
  /** Whether a device is wanted at all. */
  fits(info: InputInfo): boolean;
  opened?(device: InputDevice, info: InputInfo): void;
  event(device: InputDevice, info: InputInfo, type: number, code: number, value: number): void;
  /** The device is gone, or has lost events: what it held is let go of. */
  reset(device: InputDevice, info: InputInfo, gone: boolean): void;
}

/** Pauses after a change in the folder: udev gives a new file its permissions a moment after it appears, ms. */
const LOOK_AGAIN_MS = [50, 250, 1000, 4000];

/** Input devices that come and go. */
export class InputDevices {
  private readonly open = new Map<string, InputDevice>();
  private readonly refused = new Map<string, string>();
  private readonly devRoot: string;
  private readonly timers: Timers;
  private watcher: FSWatcher | undefined;
  private timer: Timer | undefined;
  private closed = false;

  private constructor(
    private readonly options: InputDevicesOptions,
    private readonly native: InputNative,
    private readonly user: InputUser,
  ) {
    this.devRoot = options.device === undefined ? (options.devRoot ?? INPUT_DEV_ROOT) : dirname(options.device);
    this.timers = options.timers ?? systemTimers;
  }

  /** Opens what fits now and watches for more. @throws Error when a native part is missing. */
  static async open(options: InputDevicesOptions, user: InputUser, needsIoctl = false): Promise<InputDevices> {
    const native = options.native ?? (await loadNative());
    if (!options.native && (needsIoctl || options.grab)) await loadIoctl();
    const devices = new InputDevices(options, native, user);
    devices.follow();
    devices.look();
    return devices;
  }

  /** Devices open now. */
  get count(): number {
    return this.open.size;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.timer?.cancel();
    this.watcher?.close();
    for (const device of this.open.values()) device.close();
    this.open.clear();
  }

  /** The folder may not be there before the first device is. */
  private follow(): void {
    for (let folder = this.devRoot; ; folder = dirname(folder)) {
      try {
        this.watcher = watch(folder, (_change, name) => {
          const child = folder === this.devRoot ? undefined : basename(this.devRoot);
          if (child !== undefined && name !== child) return;
          if (child !== undefined) {
            this.watcher?.close();
            this.follow();
          }
          this.lookSoon();
        });
        this.watcher.on("error", () => {});
        return;
      } catch {
        if (folder === dirname(folder)) return;
      }
    }
  }

  private lookSoon(step = 0): void {
    if (this.closed) return;
    this.timer?.cancel();
    this.timer = this.timers.after(LOOK_AGAIN_MS[step], () => {
      this.timer = undefined;
      this.look();
      // Files that may not be opened yet are tried again.
      if (step + 1 < LOOK_AGAIN_MS.length && this.refused.size > 0) this.lookSoon(step + 1);
    });
  }

  private look(): void {
    const { device, name } = this.options;
    const wanted = device === undefined ? eventIds(this.devRoot).map((id) => join(this.devRoot, id)) : [device];
    for (const file of this.refused.keys()) if (!wanted.includes(file)) this.refused.delete(file);
    for (const file of wanted) {
      if (this.open.has(file)) continue;
      const info = this.infoOf(file);
      if (!info || (name !== undefined && info.name !== name) || !this.user.fits(info)) continue;
      this.take(file, info);
    }
  }

  /** A file that was named is taken at its word where sysfs knows nothing of it. */
  private infoOf(file: string): InputInfo | undefined {
    const known = inputDevice(basename(target(file)), { ...this.options, devRoot: this.devRoot });
    if (known || this.options.device === undefined) return known;
    return { id: basename(file), file, name: basename(file), keys: ALL, switches: ALL, effects: ALL };
  }

  private take(file: string, info: InputInfo): void {
    let device: InputDevice;
    try {
      device = new InputDevice(
        file,
        this.native,
        {
          event: (type, code, value) => this.user.event(device, info, type, code, value),
          lostEvents: () => this.user.reset(device, info, false),
          gone: (reason) => {
            this.open.delete(file);
            this.options.tell?.(`${info.name} is gone: ${reason}`);
            this.user.reset(device, info, true);
            this.lookSoon();
          },
        },
        this.options,
      );
    } catch (error) {
      const text = (error as Error).message;
      if (this.refused.get(file) !== text) this.options.tell?.(text);
      this.refused.set(file, text);
      return;
    }
    this.refused.delete(file);
    this.open.set(file, device);
    this.options.tell?.(`${info.name} (${file}) is open`);
    this.user.opened?.(device, info);
  }
}

/** udev's links (by-path, by-id) lead to the event file. */
function target(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** For a device of which nothing is known. */
const ALL: ReadonlySet<number> = new (class extends Set<number> {
  override has(): boolean {
    return true;
  }
})();
