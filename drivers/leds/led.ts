// Lights, backlights and vibrators the kernel shows under /sys/class/leds and /sys/class/backlight.

import { accessSync, constants, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Backlight } from "../contract.js";
import { guardOff, type OffGuard } from "../off-guard.js";
import type { SwitchOutput } from "../switched.js";

/** Where the kernel shows its lights. */
export const LED_ROOT = "/sys/class/leds";
/** Where it shows the backlights of screens. */
export const BACKLIGHT_ROOT = "/sys/class/backlight";

/** How a light is opened. */
export interface LedOptions {
  /** Default {@link LED_ROOT}. */
  readonly root?: string;
  /** Brightness when on, above 0 to 1. Default 1. */
  readonly brightness?: number;
  /** Switch it off when this process dies. */
  readonly guarded?: boolean;
}

/** Names of the lights there are. */
export function ledNames(root = LED_ROOT): string[] {
  try {
    return readdirSync(root).sort();
  } catch {
    return [];
  }
}

/**
 * @param wanted a light's name (`"green:status"`), or its function (`"status"`) where only one light has it.
 * @throws Error that lists the lights there are.
 */
export function findLed(wanted: string, root = LED_ROOT): string {
  const names = ledNames(root);
  if (names.includes(wanted)) return wanted;
  const byFunction = names.filter((name) => name.split(":").at(-1) === wanted);
  if (byFunction.length === 1) return byFunction[0];
  if (byFunction.length > 1) throw new Error(`several lights are called "${wanted}": ${byFunction.join(", ")}`);
  const there =
    names.length > 0 ? `lights: ${names.join(", ")}` : existsSync(root) ? "it is empty" : "it does not exist";
  throw new Error(`there is no light "${wanted}" in ${root}; ${there}`);
}

/** {@link SwitchOutput} on an LED class device. Its trigger (what the kernel lights it for) is set aside, and given back on close. */
export class Led implements SwitchOutput {
  private readonly file: string;
  private readonly on: string;
  private readonly trigger: string | undefined;
  private guard: OffGuard | undefined;
  private closed = false;

  /** @throws Error when there is no such light, or it may not be written. @throws RangeError for a brightness that is none. */
  constructor(wanted: string, { root = LED_ROOT, brightness = 1, guarded = false }: LedOptions = {}) {
    if (!(brightness > 0 && brightness <= 1))
      throw new RangeError(`brightness must be above 0 and at most 1, got ${brightness}`);
    const folder = join(root, findLed(wanted, root));
    this.file = join(folder, "brightness");
    mayWrite(this.file);
    const most = levels(folder);
    this.on = String(Math.max(1, Math.round(brightness * most)));
    const trigger = join(folder, "trigger");
    const before = existsSync(trigger) ? /\[([^\]]+)\]/.exec(readFileSync(trigger, "utf8"))?.[1] : undefined;
    if (before !== undefined && before !== "none") {
      writeFileSync(trigger, "none");
      this.trigger = before;
    }
    writeFileSync(this.file, "0");
    if (guarded) this.guard = guardOff(this.file, "0");
  }

  set(on: boolean): void {
    if (!this.closed) writeFileSync(this.file, on ? this.on : "0");
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    try {
      writeFileSync(this.file, "0");
      if (this.trigger !== undefined) writeFileSync(join(this.file, "..", "trigger"), this.trigger);
    } finally {
      this.guard?.release();
    }
  }
}

/** {@link Backlight} of a screen or keyboard. */
export class SysfsBacklight implements Backlight {
  private readonly file: string;
  private readonly most: number;
  private readonly before: string;
  private level: number | undefined;
  private closed = false;

  /**
   * @param wanted name in `root`; absent: the only one there is.
   * @param root default {@link BACKLIGHT_ROOT}; LED class devices (`…::kbd_backlight`) have the same files.
   * @throws Error that lists what there is, or says that it may not be written.
   */
  constructor(wanted?: string, root = BACKLIGHT_ROOT) {
    const names = ledNames(root);
    if (wanted === undefined && names.length !== 1)
      throw new Error(
        names.length === 0 ? `there is no backlight in ${root}` : `several backlights: ${names.join(", ")}; name one`,
      );
    const folder = join(root, wanted === undefined ? names[0] : findLed(wanted, root));
    this.file = join(folder, "brightness");
    mayWrite(this.file);
    this.most = levels(folder);
    this.before = readFileSync(this.file, "utf8").trim();
  }

  set(level: number): void {
    if (!(level >= 0 && level <= 1)) throw new RangeError(`a backlight's level is from 0 to 1, got ${level}`);
    if (this.closed || level === this.level) return;
    this.level = level;
    // Anything above 0 is lit.
    writeFileSync(this.file, String(level === 0 ? 0 : Math.max(1, Math.round(level * this.most))));
  }

  /** As bright as it was found. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.level !== undefined) writeFileSync(this.file, this.before);
  }
}

function levels(folder: string): number {
  return Math.max(1, Number.parseInt(readFileSync(join(folder, "max_brightness"), "utf8"), 10) || 1);
}

function mayWrite(file: string): void {
  try {
    accessSync(file, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      code === "ENOENT"
        ? `${file} does not exist`
        : `${file} may not be written by this user; run as root, or give this user's group the file (a udev rule)`,
    );
  }
}
