// One update from the owner's side: what the device runs, the release it gets, and what became of it.

import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import * as v from "valibot";
import { systemTimers } from "../../firmware/runtime/index.js";
import {
  askStatus,
  type DeviceStatus,
  installRelease,
  type PartName,
  type Release,
  releaseSchema,
  type SendProgress,
} from "../../firmware/update/index.js";
import { closeLink, type DevicePlace, openLink, SERIAL_WINDOW } from "./link.js";

/** A release's description and files. */
export interface ReleaseFiles {
  readonly release: Release;
  readonly files: Readonly<Record<PartName, string>>;
}

/** Reads what toolchain/image left in a folder. @throws Error that says what is missing. */
export function readRelease(folder: string): ReleaseFiles {
  let text: string;
  try {
    text = readFileSync(join(folder, "release.json"), "utf8");
  } catch {
    throw new Error(`${folder} holds no release; toolchain/image --board NAME makes one`);
  }
  const read = v.safeParse(releaseSchema, JSON.parse(text));
  if (!read.success) throw new Error(`${folder}/release.json is no release's description`);
  return {
    release: read.output,
    files: { root: join(folder, "root.squashfs"), linux: join(folder, "linux"), initrd: join(folder, "initrd") },
  };
}

/** Asks a device what it runs. */
export async function deviceStatus(place: DevicePlace, key: KeyObject): Promise<DeviceStatus> {
  const link = await openLink(place);
  try {
    return await askStatus({ input: link, output: link, key, timers: systemTimers });
  } finally {
    await closeLink(link);
  }
}

/** What became of an update. */
export type UpdateResult =
  | { readonly state: "good" | "rolled-back"; readonly status: DeviceStatus }
  | { readonly state: "unknown"; readonly why: string };

/** How a release is put onto a device. */
export interface UpdateOptions extends SendProgress {
  /** How long it may take until it is healthy, seconds. */
  readonly trialSeconds: number;
  installed?(slot: string): void;
  /** The device was asked and is not done: on trial, or not back. */
  waits?(what: string): void;
}

/** How often a device is asked, ms, and how long it may take to start beside its trial. */
const ASK_MS = 3000;
const START_MS = 240_000;

/**
 * Installs a release and waits until the device says that it is good, or that it runs the old one again.
 * @throws Error when it could not be installed: the device then runs what it ran.
 */
export async function updateDevice(
  place: DevicePlace,
  key: KeyObject,
  what: ReleaseFiles,
  options: UpdateOptions,
): Promise<UpdateResult> {
  const link = await openLink(place);
  let slot: string;
  try {
    slot = await installRelease(
      { input: link, output: link, key, timers: systemTimers },
      { ...what, ...options, window: place.kind === "serial" ? SERIAL_WINDOW : undefined },
    );
  } finally {
    await closeLink(link);
  }
  options.installed?.(slot);
  let why = "";
  let hasLeft = false;
  // A second slot may be tried more than once, and the way back is a start, too.
  const deadline = performance.now() + 2 * (options.trialSeconds * 1000 + START_MS);
  while (performance.now() < deadline) {
    await pause(ASK_MS);
    let status: DeviceStatus;
    try {
      status = await deviceStatus(place, key);
    } catch (error) {
      hasLeft = true;
      why = (error as Error).message;
      options.waits?.("it is not back yet");
      continue;
    }
    if (status.slot === slot && status.state === "good") return { state: "good", status };
    if (status.slot === slot) options.waits?.("it is on trial");
    else if (hasLeft || status.failed !== undefined) return { state: "rolled-back", status };
  }
  return { state: "unknown", why: why || "it is still on trial" };
}
