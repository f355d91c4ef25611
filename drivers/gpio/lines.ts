// Finds GPIO lines by chip and line, as data sheets and board files name them; the kernel's global numbers differ from boot to boot.

import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";

/** Where the kernel shows GPIO lines as files. */
export const GPIO_ROOT = "/sys/class/gpio";

/** A line of a chip. */
export interface LineSpec {
  /** The chip's label (`"pinctrl-bcm2835"`, `"9030000.pl061"`), or its name (`"gpiochip0"`). */
  readonly chip: string;
  /** Number of the line on its chip, from 0. */
  readonly line: number;
  /** The line is on when its level is low. */
  readonly activeLow?: boolean;
}

/** A chip as the kernel shows it. */
export interface GpioChip {
  readonly label: string;
  /** `gpiochip512` in /sys/class/gpio, `gpiochip0` in /dev. */
  readonly names: readonly string[];
  /** Global number of its line 0. */
  readonly base: number;
  readonly lines: number;
}

/** What to use where lines cannot be had as files. */
export const GPIO_ALTERNATIVES =
  'let the kernel drive the lines: "gpio-keys" in the device tree with driver "evdev" for keys, "gpio-leds" with driver "led" for lights, ' +
  '"gpio-vibrator" with driver "rumble" for the vibrator';

/** @returns the chips there are. @throws Error that names the alternatives when the kernel shows none as files. */
export function gpioChips(root = GPIO_ROOT): GpioChip[] {
  if (!existsSync(root))
    throw new Error(`${root} does not exist: this kernel has no GPIO files (CONFIG_GPIO_SYSFS); ${GPIO_ALTERNATIVES}`);
  const read = (chip: string, file: string) => readFileSync(join(root, chip, file), "utf8").trim();
  return readdirSync(root)
    .filter((name) => /^gpiochip\d+$/.test(name))
    .map((name) => ({
      label: read(name, "label"),
      names: [...deviceNames(join(root, name, "device")), name],
      base: Number(read(name, "base")),
      lines: Number(read(name, "ngpio")),
    }))
    .sort((a, b) => a.base - b.base);
}

/** The chip's name in /dev: the device itself, or a child of the device that carries the chip. */
function deviceNames(device: string): string[] {
  const isChip = (name: string) => /^gpiochip\d+$/.test(name);
  try {
    const own = basename(realpathSync(device));
    return isChip(own) ? [own] : readdirSync(device).filter(isChip);
  } catch {
    return [];
  }
}

/**
 * @returns the global number of a line.
 * @throws Error that lists the chips there are, or says how many lines the chip has.
 */
export function lineNumber({ chip: wanted, line }: LineSpec, root = GPIO_ROOT): number {
  const chips = gpioChips(root);
  const found =
    chips.find(({ label }) => label === wanted) ??
    chips.find(({ names }) => names[0] === wanted) ??
    chips.find(({ names }) => names.includes(wanted));
  if (!found) {
    const there = chips.map(({ label, names, lines }) => `${label} (${names[0]}, ${lines} lines)`).join(", ");
    throw new Error(`there is no GPIO chip "${wanted}"; chips: ${there || `none; ${GPIO_ALTERNATIVES}`}`);
  }
  if (!(Number.isInteger(line) && line >= 0 && line < found.lines))
    throw new Error(`the GPIO chip ${wanted} has lines 0 to ${found.lines - 1}, got ${line}`);
  return found.base + line;
}
