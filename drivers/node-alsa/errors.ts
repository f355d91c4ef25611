// Troubles of a sound card in words that say what to do about them.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Card, Direction } from "./binding.js";

/** What went wrong with which device. */
export class AlsaError extends Error {
  override readonly name = "AlsaError";
  constructor(
    message: string,
    /** The system's name of the error, e.g. `ENODEV`, `EBUSY`. */
    readonly code: string,
    readonly device?: string,
    readonly direction?: Direction,
  ) {
    super(message);
  }
}

/** What the C side throws. */
interface NativeError extends Error {
  readonly code?: string;
  readonly step?: string;
  readonly device?: string;
  readonly direction?: Direction;
}

const MISSING = new Set(["ENOENT", "ENODEV", "ENXIO"]);

/**
 * Makes a sentence of what the C side threw.
 * @param cards lists the cards there are, for an error that names a missing one.
 * @param proc root of the process file system.
 */
export function explain(thrown: unknown, cards: () => readonly Card[], proc = "/proc"): AlsaError {
  const { message, code = "EUNKNOWN", step, device, direction } = thrown as NativeError;
  const what = `${direction} device "${device}"`;
  let text = message;
  if (step === "open" && device !== undefined) {
    if (/^bluealsa(:|$)/.test(device)) text = bluetooth(what, code, message);
    else if (MISSING.has(code)) text = `no such device: ${what}${there(cards(), direction)}`;
    else if (code === "EBUSY") text = `busy: ${what} is ${heldBy(holders(device, direction, proc))}`;
    else if (code === "EACCES" || code === "EPERM")
      text = `no permission: ${what}; the user must be in the group "audio"`;
    else if (code === "ECONNREFUSED") text = `no sound server answers for ${what}`;
  }
  return new AlsaError(text, code, device, direction);
}

/** bluez-alsa's plugin: its error numbers say little by themselves (no D-Bus is ENOMEM). */
function bluetooth(what: string, code: string, message: string): string {
  if (code === "ENODEV")
    return `no such device: ${what}: no headset is connected in this way ("bluealsa-aplay -L" lists those that are)`;
  if (code === "ENOENT" || code === "ENXIO")
    return `no such device: ${what}: bluez-alsa is not installed (Debian: libasound2-plugin-bluez, bluez-alsa-utils)`;
  if (code === "EINVAL")
    return `${what} is not as bluez-alsa reads it: "bluealsa:DEV=AA:BB:CC:DD:EE:FF,PROFILE=sco" has a headset's address`;
  if (code === "EBUSY") return `busy: ${what} is used by another program`;
  return `bluez-alsa does not answer for ${what}: its service must run ("systemctl start bluealsa"; ${message.split(": ").at(-1)})`;
}

function there(cards: readonly Card[], direction: Direction | undefined): string {
  const names = cards.flatMap(({ name, pcms }) =>
    pcms.filter((pcm) => direction === undefined || pcm[direction]).map(({ device }) => `${device} (${name})`),
  );
  if (names.length > 0) return `; there is ${names.join(", ")}`;
  const able = direction === "capture" ? " that records" : direction === "playback" ? " that plays" : "";
  return `; there is no sound card${cards.length > 0 ? able : ""}`;
}

/** Who has a device open. */
export interface Holder {
  readonly pid: number;
  readonly program: string;
}

function heldBy(found: readonly Holder[]): string {
  if (found.length === 0) return "held by another process";
  return `held by pid ${found.map(({ pid, program }) => `${pid} (${program})`).join(" and ")}`;
}

function read(...path: string[]): string {
  try {
    return readFileSync(join(...path), "utf8").trim();
  } catch {
    return "";
  }
}

function list(...path: string[]): string[] {
  try {
    return readdirSync(join(...path)).sort();
  } catch {
    return [];
  }
}

/**
 * Who holds the kernel's PCM behind a name like `hw:0,0`, `plughw:PCH`; behind any other name: whoever holds any PCM of that direction.
 * @param proc root of the process file system.
 */
export function holders(device: string, direction: Direction | undefined, proc = "/proc"): Holder[] {
  const [, card, number] = /^(?:plug)?hw:(?:CARD=)?([^,]+)(?:,(?:DEV=)?(\d+))?/.exec(device) ?? [];
  const folders = list(proc, "asound").filter((name) => /^card\d+$/.test(name));
  const wanted = card === undefined ? folders : folders.filter((folder) => isCard(folder, card, proc));
  const pids = new Set<number>();
  for (const folder of wanted)
    for (const pcm of list(proc, "asound", folder)) {
      const [, pcmNumber, letter] = /^pcm(\d+)([pc])$/.exec(pcm) ?? [];
      if (pcmNumber === undefined || (number !== undefined && pcmNumber !== number)) continue;
      if (direction !== undefined && letter !== direction[0]) continue;
      for (const sub of list(proc, "asound", folder, pcm)) {
        const owner = /owner_pid\s*:\s*(\d+)/.exec(read(proc, "asound", folder, pcm, sub, "status"));
        if (owner) pids.add(processOf(Number(owner[1]), proc));
      }
    }
  return [...pids].map((pid) => ({ pid, program: read(proc, String(pid), "comm") || "unknown" }));
}

function isCard(folder: string, name: string, proc: string): boolean {
  return folder === `card${name}` || read(proc, "asound", folder, "id") === name;
}

/** The kernel notes the thread that opened the device. */
function processOf(thread: number, proc: string): number {
  return Number(/^Tgid:\s*(\d+)/m.exec(read(proc, String(thread), "status"))?.[1] ?? thread);
}
