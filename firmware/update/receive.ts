// The device's side of an update: lets its owner alone ask, writes the other slot, and makes it the next to start only when every byte is there.

import { createHash, type KeyObject } from "node:crypto";
import type { Readable, Writable } from "node:stream";
import type { Timers } from "../runtime/index.js";
import { Incoming } from "./incoming.js";
import {
  type DeviceReply,
  type DeviceStatus,
  greeting,
  LONGEST_LINE,
  readRequest,
  type UpdateRequest,
  WAKE_WORD,
} from "./protocol.js";
import { type PartName, partNames, type Release, type Slot, type Trial } from "./release.js";

/** What an update does on a device. */
export interface UpdatedDevice {
  status(): Promise<DeviceStatus>;
  /** Accounts that register are registered now. */
  isRegistered(): Promise<boolean>;
  /** A call is going on. */
  isBusy(): Promise<boolean>;
  /** From now on the other slot cannot be started. @returns the slot. */
  clear(): Promise<Slot>;
  /** Writes a part of the other slot, to the disk. @throws Error when there is no room. */
  write(part: PartName, bytes: number, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** A part as the running slot has it. */
  read(part: PartName, bytes: number): AsyncIterable<Uint8Array>;
  /** Makes the other slot the next to start. */
  activate(release: Release, trial: Trial): Promise<void>;
}

/** How a session is held. */
export interface ServeOptions {
  readonly owner: KeyObject;
  /** Never used before, 16 bytes or more. */
  readonly nonce: Uint8Array;
  readonly timers: Timers;
  /** For who has not proved to be the owner, ms. */
  readonly strangerMs?: number;
  /** For the owner to send the next bytes, ms. */
  readonly idleMs?: number;
}

/** How long a restart waits for the end of a call, ms, and how often it looks. */
const CALL_MS = 4 * 3600_000;
const LOOK_MS = 2000;

/**
 * Serves one session.
 * @returns what came of it; after `installed` the device is to be restarted. Nothing is thrown for what the other side does: it is told, and
 * the running slot stays as it was.
 */
export async function serveUpdate(
  link: { readonly input: Readable; readonly output: Writable },
  device: UpdatedDevice,
  options: ServeOptions,
): Promise<"status" | "installed" | "refused"> {
  const incoming = new Incoming(link.input, options.timers);
  const say = (reply: DeviceReply | string) =>
    new Promise<void>((resolve, reject) => {
      link.output.write(`${typeof reply === "string" ? reply : JSON.stringify(reply)}\n`, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  try {
    await say(greeting(options.nonce));
    const strangerMs = options.strangerMs ?? 10_000;
    let line = await incoming.line(LONGEST_LINE, strangerMs);
    // On a serial line it may have been called more than once.
    for (let i = 0; i < 5 && (line === "" || line === WAKE_WORD); i++)
      line = await incoming.line(LONGEST_LINE, strangerMs);
    const read = readRequest(line, options.owner, options.nonce);
    if (!read.ok) throw new Error(read.error);
    const status = await device.status();
    if (read.value.action === "status") {
      await say({ status });
      return "status";
    }
    await install(read.value, status, device, incoming, say, options);
    return "installed";
  } catch (error) {
    await say({ error: (error as Error).message }).catch(() => {});
    return "refused";
  }
}

async function install(
  { release, trialSeconds, window }: UpdateRequest & { action: "install" },
  status: DeviceStatus,
  device: UpdatedDevice,
  incoming: Incoming,
  say: (reply: DeviceReply) => Promise<void>,
  { idleMs = 60_000, timers }: ServeOptions,
): Promise<void> {
  if (release.board !== status.board)
    throw new Error(`this release is for the board ${release.board}, the telephone is a ${status.board}`);
  if (status.state !== "good") throw new Error("the running release is still on trial: wait until it is good, or back");
  const expect = (await device.isRegistered()) ? "registered" : "ready";
  const running = status.release?.parts;
  const need = partNames.filter((name) => running?.[name].sha256 !== release.parts[name].sha256);
  const slot = await device.clear();
  await say({ need });
  let [got, told] = [0, 0];
  for (const name of partNames) {
    const { bytes, sha256 } = release.parts[name];
    const hash = createHash("sha256");
    const isNeeded = need.includes(name);
    const source = isNeeded ? incoming.bytes(bytes, idleMs) : device.read(name, bytes);
    await device.write(
      name,
      bytes,
      (async function* () {
        for await (const piece of source) {
          hash.update(piece);
          yield piece;
          if (!isNeeded) continue;
          got += piece.length;
          if (got - told < window / 2) continue;
          told = got;
          await say({ got });
        }
      })(),
    );
    if (hash.digest("hex") !== sha256) throw new Error(`${name} is not what was signed`);
  }
  await device.activate(release, { seconds: trialSeconds, expect });
  await say({ installed: slot });
  for (let waited = 0; waited < CALL_MS && (await device.isBusy()); waited += LOOK_MS) {
    // Who watches may go; the telephone restarts all the same.
    await say({ waiting: "a call is going on" }).catch(() => {});
    await new Promise<void>((resolve) => timers.after(LOOK_MS, resolve));
  }
  await say({ restarting: true }).catch(() => {});
}
