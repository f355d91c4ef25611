// One open input device: its events as they come, grabbed where asked, and word when it is gone.

import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { EV_SYN, SYN_DROPPED, SYN_REPORT } from "./codes.js";
import { EventReader, type OnInputEvent } from "./event.js";
import { EVIOCGRAB, eviocgkey, eviocgsw, type InputNative, type Watch } from "./native.js";

/** What an input device tells. */
export interface InputDeviceEvents {
  event: OnInputEvent;
  /** Events were lost; states are to be asked for anew. */
  lostEvents(): void;
  /** Unplugged or failed. Said once; the device is closed. */
  gone(reason: string): void;
}

/** How a device is opened. */
export interface InputDeviceOptions {
  /** Nobody else (a console, another program) sees its events. */
  readonly grab?: boolean;
  /** Also write: force feedback. */
  readonly write?: boolean;
}

/** Events read at once. */
const BATCH = 64;

/** An input device file. */
export class InputDevice {
  private fd: number;
  private readonly watch: Watch;
  private readonly buffer = Buffer.alloc(24 * BATCH);
  private readonly reader: EventReader;
  private dropping = false;

  /** @throws Error that says which file and why it cannot be opened or grabbed. */
  constructor(
    readonly file: string,
    private readonly native: InputNative,
    private readonly events: InputDeviceEvents,
    options: InputDeviceOptions = {},
  ) {
    try {
      this.fd = openSync(file, (options.write ? constants.O_RDWR : constants.O_RDONLY) | constants.O_NONBLOCK);
    } catch (error) {
      throw new Error(openProblem(file, error as NodeJS.ErrnoException));
    }
    this.reader = new EventReader((type, code, value) => this.event(type, code, value));
    try {
      if (options.grab) this.grab();
      this.watch = native.watch(this.fd, () => this.readable());
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  /** Whether a switch is on, or a key is down, now; undefined where the device does not tell. */
  state(kind: "switch" | "key", code: number): boolean | undefined {
    if (this.fd < 0) return undefined;
    const bits = new Uint8Array(kind === "key" ? 96 : 8);
    try {
      this.native.ioctl(this.fd, kind === "key" ? eviocgkey(bits.length) : eviocgsw(bits.length), bits);
    } catch {
      return undefined;
    }
    // Words of native size, but on a little-endian machine that is plain bit order.
    return (bits[code >> 3] & (1 << (code & 7))) !== 0;
  }

  /** Asks the driver something. @throws Error with `code`. */
  ioctl(request: number, argument: number | Uint8Array): number {
    if (this.fd < 0) throw new Error(`${this.file} is closed`);
    return this.native.ioctl(this.fd, request, argument);
  }

  /** Writes an event: force feedback, LEDs. @throws Error when the device is gone. */
  write(event: Buffer): void {
    if (this.fd >= 0) writeSync(this.fd, event);
  }

  /** Closing also lets go of a grab, and takes effects of this file off the device. */
  close(): void {
    if (this.fd < 0) return;
    this.watch.close();
    closeSync(this.fd);
    this.fd = -1;
  }

  private grab(): void {
    try {
      this.native.ioctl(this.fd, EVIOCGRAB, 1);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Error(
        code === "EBUSY"
          ? `${this.file} is grabbed by another program: end it, or leave out "grab"`
          : `${this.file} cannot be grabbed (${code})`,
      );
    }
  }

  private readable(): void {
    for (;;) {
      let length: number;
      try {
        length = readSync(this.fd, this.buffer);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EAGAIN") return;
        return this.lose(code === "ENODEV" ? "unplugged" : (error as Error).message);
      }
      if (length === 0) return this.lose("its file ended");
      this.reader.take(this.buffer, length);
      if (this.fd < 0 || length < this.buffer.length) return;
    }
  }

  private lose(reason: string): void {
    this.close();
    this.events.gone(reason);
  }

  private event(type: number, code: number, value: number): void {
    if (this.fd < 0) return;
    if (type === EV_SYN && code === SYN_DROPPED) this.dropping = true;
    else if (this.dropping) {
      // Up to the next report the events are fragments.
      if (type !== EV_SYN || code !== SYN_REPORT) return;
      this.dropping = false;
      this.events.lostEvents();
    } else this.events.event(type, code, value);
  }
}

function openProblem(file: string, error: NodeJS.ErrnoException): string {
  if (error.code === "EACCES" || error.code === "EPERM")
    return `${file} may not be opened by this user: run as root, or put the user into the group "input"`;
  if (error.code === "ENOENT") return `${file} does not exist`;
  return `${file} cannot be opened: ${error.message}`;
}
