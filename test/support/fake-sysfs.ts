// Trees of files that look like /sys/class/gpio, /sys/class/leds and /sys/class/input, in a temporary folder.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GpioConstructor, GpioLine } from "../../drivers/gpio/index.js";

const made: string[] = [];
process.on("exit", () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is gone when the process ends. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `sotto-${name}-`));
  made.push(folder);
  return folder;
}

/** Writes files given as `{ "leds/red/brightness": "0\n" }`. */
export function writeTree(root: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** A GPIO class folder with one chip of 8 lines at base 512. */
export function gpioTree(): string {
  return writeTree(temporaryFolder("gpio"), {
    "gpiochip512/label": "9030000.pl061\n",
    "gpiochip512/base": "512\n",
    "gpiochip512/ngpio": "8\n",
    "gpiochip512/device/gpiochip0/dev": "254:0\n",
    "gpiochip520/label": "expander\n",
    "gpiochip520/base": "520\n",
    "gpiochip520/ngpio": "16\n",
    export: "",
    unexport: "",
  });
}

/** What the kernel does when a line is exported. */
export function exportLine(root: string, line: number, files = ["edge"]): void {
  writeTree(root, {
    [`gpio${line}/value`]: "0",
    [`gpio${line}/direction`]: "in",
    [`gpio${line}/active_low`]: "0",
    ...Object.fromEntries(files.map((file) => [`gpio${line}/${file}`, "none"])),
  });
}

/** A stand-in for onoff's Gpio on a {@link gpioTree}: the files are real, the interrupts are called by hand. */
export class FakeGpio implements GpioLine {
  static readonly open = new Map<string, FakeGpio>();
  private readonly folder: string;
  private readonly listeners: ((error: Error | null, value: 0 | 1) => void)[] = [];
  private gone = false;

  constructor(
    private readonly root: string,
    readonly line: number,
    direction: "in" | "out" | "high" | "low",
    edge = "none",
    readonly options: { activeLow?: boolean } = {},
  ) {
    this.folder = join(root, `gpio${line}`);
    this.put("active_low", options.activeLow ? "1" : "0");
    this.put("direction", direction === "in" ? "in" : "out");
    if (direction !== "in") this.put("value", (direction === "high") !== (options.activeLow ?? false) ? "1" : "0");
    else this.put("edge", edge);
    FakeGpio.open.set(this.folder, this);
  }
  /** onoff's constructor for one tree. */
  static on(root: string): GpioConstructor {
    return class extends FakeGpio {
      constructor(...rest: ConstructorParameters<GpioConstructor>) {
        super(root, ...rest);
      }
    };
  }
  static at(root: string, line: number): FakeGpio {
    return FakeGpio.open.get(join(root, `gpio${line}`))!;
  }

  /** The contact moves; the interrupt comes unless the line is not watched. */
  level(value: 0 | 1): void {
    this.put("value", String(value));
    for (const listener of this.listeners) listener(null, value);
  }
  readSync(): 0 | 1 {
    return this.get("value") === "1" ? 1 : 0;
  }
  writeSync(value: 0 | 1): void {
    if (this.gone) throw new Error("EBADF: bad file descriptor, write");
    this.put("value", String(value));
  }
  watch(callback: (error: Error | null | undefined, value: 0 | 1) => void): void {
    this.listeners.push(callback);
  }
  unwatchAll(): void {
    this.listeners.length = 0;
  }
  direction(): string {
    return this.get("direction");
  }
  edge(): string {
    return this.get("edge");
  }
  unexport(): void {
    this.unwatchAll();
    this.gone = true;
    writeFileSync(join(this.root, "unexport"), String(this.line));
    rmSync(this.folder, { recursive: true, force: true });
  }
  private put(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }
  private get(file: string): string {
    return readFileSync(join(this.folder, file), "utf8").trim();
  }
}
