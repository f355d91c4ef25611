// The owner's side of an update.

import type { KeyObject } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { Timers } from "../runtime/index.js";
import { Incoming } from "./incoming.js";
import { type DeviceReply, type DeviceStatus, LONGEST_LINE, readGreeting, readReply, signRequest } from "./protocol.js";
import { type PartName, partNames, type Release, type Slot } from "./release.js";

/** A connection to a device, and what proves that its owner speaks. */
export interface OwnerLink {
  readonly input: Readable;
  readonly output: Writable;
  /** Ed25519, private. */
  readonly key: KeyObject;
  readonly timers: Timers;
  /** For the device to answer, ms; default 30,000. It writes to slow memory meanwhile. */
  readonly answerMs?: number;
}

/** How far an installation is. */
export interface SendProgress {
  /** Parts that are sent. */
  needs?(parts: readonly PartName[], bytes: number): void;
  sent?(bytes: number): void;
  waiting?(why: string): void;
}

/** Not a device's refusal, but the end of what can be said: e.g. nobody answers. */
async function begin(link: OwnerLink): Promise<{ incoming: Incoming; nonce: string }> {
  const incoming = new Incoming(link.input, link.timers);
  const answerMs = link.answerMs ?? 30_000;
  // A serial line may have something of before on it.
  for (let i = 0; i < 20; i++) {
    const nonce = readGreeting(await incoming.line(LONGEST_LINE, answerMs));
    if (nonce !== undefined) return { incoming, nonce };
  }
  throw new Error("what answers is no telephone that takes updates");
}

async function reply(incoming: Incoming, limitMs: number): Promise<DeviceReply> {
  const line = await incoming.line(LONGEST_LINE, limitMs);
  const read = readReply(line);
  if (!read) throw new Error(`the telephone says what is not understood: ${line.slice(0, 100)}`);
  if ("error" in read) throw new Error(`the telephone refuses: ${read.error}`);
  return read;
}

/** Asks a device what it runs. @throws Error with the device's reason, or that it does not answer. */
export async function askStatus(link: OwnerLink): Promise<DeviceStatus> {
  const { incoming, nonce } = await begin(link);
  link.output.write(`${signRequest({ action: "status", nonce }, link.key)}\n`);
  const answer = await reply(incoming, link.answerMs ?? 30_000);
  if ("status" in answer) return answer.status;
  throw new Error("the telephone answered something else than was asked");
}

/** How a release is installed. */
export interface InstallOptions extends SendProgress {
  readonly release: Release;
  /** Files of its parts. */
  readonly files: Readonly<Record<PartName, string>>;
  /** How long it may take until it is healthy, seconds. */
  readonly trialSeconds: number;
  /** Bytes ahead of what the device has got; default 256 KiB. A serial line without flow control wants no more than the device's buffer. */
  readonly window?: number;
}

/**
 * Installs a release into the device's other slot; the device restarts into it.
 * @returns the slot.
 * @throws Error with the device's reason, or that the connection is lost: the device then runs what it ran.
 */
export async function installRelease(link: OwnerLink, options: InstallOptions): Promise<Slot> {
  const { release, files, trialSeconds, window = 262_144 } = options;
  for (const name of partNames)
    if (statSync(files[name]).size !== release.parts[name].bytes)
      throw new Error(`${files[name]} is not what the release's description says: make the image again`);
  const answerMs = link.answerMs ?? 120_000;
  const { incoming, nonce } = await begin(link);
  link.output.write(`${signRequest({ action: "install", nonce, release, trialSeconds, window }, link.key)}\n`);
  const first = await reply(incoming, answerMs);
  if (!("need" in first)) throw new Error("the telephone answered something else than was asked");
  const all = first.need.reduce((sum, name) => sum + release.parts[name].bytes, 0);
  options.needs?.(first.need, all);
  const heard = new Replies(all, options);
  // What the device says is heard while parts are sent: it may refuse in the middle, and then reads no more.
  const ended = heard.listen(() => reply(incoming, answerMs));
  ended.catch(() => {});
  const early = ended.then(() => Promise.reject(new Error("the telephone ended early")));
  early.catch(() => {});
  let sent = 0;
  for (const name of first.need)
    for await (const chunk of createReadStream(files[name], { highWaterMark: Math.min(65_536, window / 2) })) {
      while (sent - heard.got + chunk.length > window) await Promise.race([heard.more(), early]);
      const written = new Promise<void>((resolve, reject) => {
        link.output.write(chunk, (error) => (error ? reject(new Error("the connection is lost")) : resolve()));
      });
      written.catch(() => {});
      await Promise.race([written, early]);
      sent += chunk.length;
    }
  return ended;
}

/** What a device has said of an installation so far. */
class Replies {
  /** Bytes it has got. */
  got = 0;
  private slot: Slot | undefined;
  private wake = () => {};

  constructor(
    private readonly all: number,
    private readonly progress: SendProgress,
  ) {}

  /** Settles when the device has said more. */
  more(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  /** Listens until the device restarts. @returns the slot that was installed. @throws Error with its reason. */
  async listen(next: () => Promise<DeviceReply>): Promise<Slot> {
    for (;;) {
      let answer: DeviceReply;
      try {
        answer = await next();
      } catch (error) {
        // Once installed, a connection that goes is a device that restarts.
        if (this.slot !== undefined) return this.slot;
        throw error;
      }
      if ("got" in answer) {
        this.got = answer.got;
        this.progress.sent?.(Math.min(this.got, this.all));
        this.wake();
      } else if ("waiting" in answer) this.progress.waiting?.(answer.waiting);
      else if ("installed" in answer) {
        this.slot = answer.installed;
        this.progress.sent?.(this.all);
      } else if ("restarting" in answer && this.slot !== undefined) return this.slot;
      else throw new Error("the telephone answered something else than was asked");
    }
  }
}
