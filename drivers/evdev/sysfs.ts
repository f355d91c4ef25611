// What sysfs tells of input devices, without opening them: names and capabilities.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { wordBits } from "./event.js";

/** Where the kernel tells of them, and where their files are. */
export const INPUT_SYS_ROOT = "/sys/class/input";
export const INPUT_DEV_ROOT = "/dev/input";

/** Where input devices are looked for. */
export interface InputRoots {
  /** Default {@link INPUT_SYS_ROOT}. */
  readonly sysRoot?: string;
  /** Default {@link INPUT_DEV_ROOT}. */
  readonly devRoot?: string;
}

/** An input device. */
export interface InputInfo {
  /** `event3`. */
  readonly id: string;
  /** `/dev/input/event3`. */
  readonly file: string;
  /** As its driver calls it: `gpio-keys`. */
  readonly name: string;
  readonly keys: ReadonlySet<number>;
  readonly switches: ReadonlySet<number>;
  readonly effects: ReadonlySet<number>;
}

/**
 * @param text a bitmap as sysfs prints it: words in hexadecimal, the highest first, leading zeros left out.
 * @returns numbers of the bits that are set.
 */
export function parseBitmap(text: string, bits: 32 | 64 = wordBits()): Set<number> {
  const set = new Set<number>();
  const words = text.trim().split(/\s+/).reverse();
  words.forEach((word, index) => {
    if (!/^[0-9a-fA-F]{1,16}$/.test(word)) return;
    let rest = BigInt(`0x${word}`);
    for (let bit = 0; rest > 0n; bit++, rest >>= 1n) if (rest & 1n) set.add(index * bits + bit);
  });
  return set;
}

/** @returns every input device, by number; empty where the machine has none. */
export function inputDevices(roots: InputRoots = {}): InputInfo[] {
  const sysRoot = roots.sysRoot ?? INPUT_SYS_ROOT;
  return eventIds(sysRoot).flatMap((id) => inputDevice(id, roots) ?? []);
}

/** One device by id; undefined when sysfs does not know it (any more). */
export function inputDevice(
  id: string,
  { sysRoot = INPUT_SYS_ROOT, devRoot = INPUT_DEV_ROOT }: InputRoots = {},
): InputInfo | undefined {
  const folder = join(sysRoot, id, "device");
  const read = (file: string) => {
    try {
      return readFileSync(join(folder, file), "utf8").trim();
    } catch {
      return undefined;
    }
  };
  const name = read("name");
  if (name === undefined) return undefined;
  const capability = (kind: string) => parseBitmap(read(`capabilities/${kind}`) ?? "");
  return {
    id,
    file: join(devRoot, id),
    name,
    keys: capability("key"),
    switches: capability("sw"),
    effects: capability("ff"),
  };
}

/** Ids of the event devices a folder names, by number. */
export function eventIds(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^event\d+$/.test(name))
      .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  } catch {
    return [];
  }
}
