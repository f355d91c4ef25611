// Opens GPIO lines with the onoff package, without its wait for permissions that keeps the processor busy.

import { constants, existsSync, writeFileSync } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../firmware/runtime/clock.js";
import { GPIO_ALTERNATIVES, GPIO_ROOT, type LineSpec, lineNumber } from "./lines.js";

/** What is used of onoff's Gpio. */
export interface GpioLine {
  readSync(): 0 | 1;
  writeSync(value: 0 | 1): void;
  watch(callback: (error: Error | null | undefined, value: 0 | 1) => void): void;
  unwatchAll(): void;
  direction(): string;
  edge(): string;
  unexport(): void;
}

/** onoff's constructor, or a double of it. */
export type GpioConstructor = new (
  line: number,
  direction: "in" | "out" | "high" | "low",
  edge?: "none" | "both",
  options?: { activeLow?: boolean },
) => GpioLine;

/** Where lines are, and who opens them. */
export interface GpioOptions {
  /** Default: /sys/class/gpio (which is also the only place onoff itself looks at). */
  readonly root?: string;
  /** Default: onoff's Gpio. */
  readonly Gpio?: GpioConstructor;
  /** How long the line's files may take to become ours after it was exported, ms. Default 1000. */
  readonly accessMs?: number;
}

/** @throws Error that says what to install when onoff is not here. */
export async function loadOnoff(): Promise<GpioConstructor> {
  try {
    // By a variable: the package may be missing when types are checked or a bundle is made.
    const name: string = "onoff";
    return ((await import(name)) as { Gpio: GpioConstructor }).Gpio;
  } catch (error) {
    throw new Error(
      "GPIO needs the npm package onoff, which is not here: its part epoll is compiled when Sotto is installed. Install a compiler " +
        `(on Debian: apt-get install make g++ python3), then run "npm install" again; or ${GPIO_ALTERNATIVES} (${(error as Error).message.split("\n")[0]})`,
    );
  }
}

/** A line that is open. */
export interface OpenLine {
  readonly gpio: GpioLine;
  /** File of its level. */
  readonly valueFile: string;
}

/**
 * Opens one line: an input tells both edges, an output begins switched off.
 * @throws Error that says which line, and what is wrong with it.
 */
export async function openLine(spec: LineSpec, direction: "in" | "out", options: GpioOptions = {}): Promise<OpenLine> {
  const root = options.root ?? GPIO_ROOT;
  const number = lineNumber(spec, root);
  const name = `GPIO line ${spec.line} of ${spec.chip}`;
  const Gpio = options.Gpio ?? (await loadOnoff());
  const folder = join(root, `gpio${number}`);
  try {
    if (!existsSync(folder)) writeFileSync(join(root, "export"), String(number));
  } catch (error) {
    throw new Error(`${name} cannot be taken: ${exportProblem(error as NodeJS.ErrnoException)}`);
  }
  const files = ["value", "direction", "active_low", ...(direction === "in" ? ["edge"] : [])];
  for (const file of files) await mayUse(name, join(folder, file), options.accessMs ?? 1000);
  const activeLow = spec.activeLow ?? false;
  // "high" and "low" set direction and level in one step: an output never flashes on while it is opened.
  const gpio =
    direction === "in"
      ? new Gpio(number, "in", "both", { activeLow })
      : new Gpio(number, activeLow ? "high" : "low", "none", { activeLow });
  if ((gpio.direction() === "in") !== (direction === "in")) {
    gpio.unexport();
    throw new Error(`${name} cannot be made an ${direction}put: something else has set its direction`);
  }
  if (direction === "in" && gpio.edge() !== "both") {
    gpio.unexport();
    throw new Error(`${name} has no interrupt, so a key on it could only be polled; take another line`);
  }
  return { gpio, valueFile: join(folder, "value") };
}

function exportProblem(error: NodeJS.ErrnoException): string {
  if (error.code === "EBUSY") return "a driver of the kernel holds it (see /sys/kernel/debug/gpio)";
  if (error.code === "EACCES" || error.code === "EPERM")
    return "not allowed; run as root, or give this user's group the GPIO files (a udev rule)";
  return error.message;
}

/** udev hands the files over some time after the line was exported. */
async function mayUse(name: string, file: string, limitMs: number): Promise<void> {
  const deadline = systemClock.now() + limitMs;
  for (let waitMs = 1; ; waitMs = Math.min(50, waitMs * 2)) {
    try {
      return await access(file, constants.R_OK | constants.W_OK);
    } catch (error) {
      if (systemClock.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        continue;
      }
      const { code } = error as NodeJS.ErrnoException;
      const why =
        code === "ENOENT"
          ? `${file} does not exist${file.endsWith("edge") ? ": the line has no interrupt, take another one for a key" : ""}`
          : `${file} may not be used by this user; run as root, or give this user's group the GPIO files (a udev rule)`;
      throw new Error(`${name}: ${why}`);
    }
  }
}
