// A release: what one slot of a device's disk holds, and the loader's entry that starts it.

import * as v from "valibot";

/** Parts of a slot: the read-only root, the kernel, and the first root that finds the other. */
export const partNames = ["root", "linux", "initrd"] as const;
export type PartName = (typeof partNames)[number];

/** Slots of a device. */
export const slots = ["a", "b"] as const;
export type Slot = (typeof slots)[number];

/** No part is larger, bytes. */
const LARGEST = 512 * 1024 * 1024;

const part = v.strictObject({
  bytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LARGEST)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

/** What the owner signs of a release. */
export const releaseSchema = v.strictObject({
  /** Board whose image it is. */
  board: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/)),
  version: v.pipe(v.string(), v.regex(/^[0-9A-Za-z.+~-]{1,40}$/)),
  /** When it was made, seconds since 1970. */
  builtS: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** The kernel's command line, without what names the slot. One line: it becomes one of a configuration file. */
  commandLine: v.pipe(v.string(), v.regex(/^[ -~]{0,800}$/)),
  parts: v.strictObject({ root: part, linux: part, initrd: part }),
});
export type Release = v.InferOutput<typeof releaseSchema>;

/** How a release comes up for the first time. */
export interface Trial {
  /** How long it may take until it is healthy, seconds. */
  readonly seconds: number;
  /** Healthy is a telephone that is ready, or one that is registered, too. */
  readonly expect: "ready" | "registered";
}

/** How often the loader tries a release that has not come up healthy yet. */
export const TRIES = 2;

/** The kernel's command line for a slot. */
export function slotCommandLine(commandLine: string, slot: Slot, trial?: Trial): string {
  const words = [`sotto.slot=${slot}`, "panic=10", commandLine];
  if (trial) words.push(`sotto.trial=${trial.seconds}`, `sotto.expect=${trial.expect}`);
  return words.join(" ");
}

/**
 * A loader entry (UAPI boot loader specification). The loader takes the entry with the highest `sequence` whose tries are not used up; it counts
 * them in the file's name (systemd's automatic boot assessment).
 */
export function loaderEntry(
  release: Pick<Release, "version" | "commandLine">,
  slot: Slot,
  sequence: number,
  trial?: Trial,
): string {
  return [
    `title Sotto ${release.version} (${slot})`,
    "sort-key sotto",
    `version ${sequence}`,
    `linux /slot-${slot}/linux`,
    `initrd /slot-${slot}/initrd`,
    `options ${slotCommandLine(release.commandLine, slot, trial)}`,
    "",
  ].join("\n");
}

/** A loader entry's name: its slot, and the tries left and done while it is counted. @returns undefined when it is none of ours. */
export function parseEntryName(
  name: string,
): { readonly slot: Slot; readonly left?: number; readonly done: number } | undefined {
  const found = /^sotto-([ab])(?:\+(\d{1,3})(?:-(\d{1,3}))?)?\.conf$/.exec(name);
  if (!found) return undefined;
  const [, slot, left, done] = found;
  return { slot: slot as Slot, left: left === undefined ? undefined : Number(left), done: Number(done ?? 0) };
}
