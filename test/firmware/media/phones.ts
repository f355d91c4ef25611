// Voices with simulated sound cards that talk over loopback in a time of their own, and what the tests ask of them.

import { randomBytes, randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AudioDevice } from "../../../drivers/contract.js";
import {
  type RecordingTimes,
  SimulatedSoundCard,
  type SimulatedSoundOptions,
} from "../../../drivers/simulated/index.js";
import { readWav, wavFile } from "../../../firmware/audio/index.js";
import {
  type Direction,
  LocalVoice,
  type StreamParameters,
  type VoiceOptions,
  type VoiceStream,
} from "../../../firmware/media/index.js";
import { VirtualTime } from "../../../firmware/runtime/index.js";
import type { SrtpKeys } from "../../../firmware/srtp/keys.js";
import { type Analysis, type AnalysisLimits, analyse } from "../../../scripts/demo-report/analyse.js";
import { eventually } from "../../support/wait.js";

/** A folder of this test run, gone at its end. */
export const folder = mkdtempSync(join(tmpdir(), "sotto-media-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Something like speech: noise through two resonances, in syllables, never quite silent. Deterministic. */
export function babble(seconds: number, rate: number, seed: number): Int16Array {
  const pcm = new Int16Array(Math.round(seconds * rate));
  let state = seed >>> 0 || 1;
  let [a1, a2, b1, b2] = [0, 0, 0, 0];
  for (let i = 0; i < pcm.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const noise = state / 2 ** 31 - 1;
    const t = i / rate;
    const f1 = 500 + 200 * Math.sin(2 * Math.PI * 1.3 * t + seed);
    const a0 = noise + 2 * 0.97 * Math.cos((2 * Math.PI * f1) / rate) * a1 - 0.97 ** 2 * a2;
    const b0 = a0 + 2 * 0.9 * Math.cos((2 * Math.PI * 1500) / rate) * b1 - 0.9 ** 2 * b2;
    [a2, a1, b2, b1] = [a1, a0, b1, b0];
    const syllable = 0.25 + 0.75 * Math.sin(Math.PI * 3.1 * t + seed) ** 2;
    pcm[i] = Math.max(-30000, Math.min(30000, Math.round(b0 * 160 * syllable)));
  }
  return pcm;
}

/** Everything that happened to one stream. */
export class Heard {
  readonly first: string[] = [];
  readonly digits: string[] = [];
  readonly durations: number[] = [];
  readonly silent: number[] = [];
  readonly ages: string[] = [];
  readonly events = {
    firstPacket: (direction: "sent" | "received", _atMs: number) => void this.first.push(direction),
    digit: (digit: string, durationMs: number) => {
      this.digits.push(digit);
      this.durations.push(durationMs);
    },
    silent: (silentMs: number) => void this.silent.push(silentMs),
    keyAge: (kind: "expiring" | "expired") => void this.ages.push(kind),
  };
}

/**
 * The time of every phone of a suite. It moves only while a test waits (`pause`, `until`), and what has been sent is read before it moves on:
 * a busy machine makes no packet late, and a sound is always whole. Sockets and files are real.
 */
export const time = new VirtualTime();

/** How far time moves at once, ms: a quarter of the cards' period. */
const STEP_MS = 5;
let courier: Promise<Socket> | undefined;

/** Waits until every datagram sent so far has been read: loopback keeps the order, so one sent now arrives last. */
async function delivered(): Promise<void> {
  courier ??= new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(0, "127.0.0.1", () => resolve(socket.unref()));
  });
  const socket = await courier;
  await new Promise<void>((resolve) => {
    const waiting = setInterval(() => {}, 1000);
    socket.once("message", () => {
      clearInterval(waiting);
      resolve();
    });
    socket.send(new Uint8Array(1), socket.address().port, "127.0.0.1");
  });
  // Of a burst a socket reads some dozens of datagrams a turn.
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

let port = 33_000 + randomInt(170) * 100;
/** A port range of its own for each phone of a run. */
export function portRange(pairs = 50): { min: number; max: number } {
  const min = port;
  port += pairs * 2;
  return { min, max: min + pairs * 2 - 1 };
}

export interface PhoneOptions {
  readonly seconds?: number;
  readonly sound?: Partial<SimulatedSoundOptions>;
  readonly voice?: Partial<VoiceOptions>;
  /** Lives in the machine's time instead of {@link time}. */
  readonly realTime?: boolean;
}

const phones: Phone[] = [];

/** One phone: a voice, its card, what is said into it and what is heard from it. */
export class Phone {
  card: SimulatedSoundCard | undefined;
  readonly saidWav: string;
  readonly heardWav: string;
  readonly device: string[] = [];
  readonly heard = new Heard();
  readonly voice: LocalVoice;
  opened = 0;
  stream!: VoiceStream;

  constructor(
    readonly name: string,
    private readonly options: PhoneOptions = {},
  ) {
    phones.push(this);
    this.saidWav = join(folder, `${name}-said.wav`);
    this.heardWav = join(folder, `${name}-heard.wav`);
    writeFileSync(
      this.saidWav,
      wavFile(8000, babble(options.seconds ?? 2, 8000, name.length * 7 + name.charCodeAt(0))),
    );
    this.voice = new LocalVoice(
      this.voiceOptions(),
      {
        openAudio: (wanted) => this.openCard(wanted),
        ...(options.realTime ? {} : { clock: time, timers: time }),
      },
      {
        device: ({ type, text }) => void this.device.push(`${type}: ${text}`),
        failed: (text) => void this.device.push(`failed: ${text}`),
      },
    );
  }

  private voiceOptions(): VoiceOptions {
    return {
      localAddress: "127.0.0.1",
      ports: portRange(),
      audio: { rate: 8000, periodFrames: 160, periods: 8 },
      ...this.options.voice,
    };
  }

  private async openCard(wanted: { rate: number; periodFrames: number; periods: number }): Promise<AudioDevice> {
    this.opened++;
    const again = this.opened > 1 ? `-${this.opened}` : "";
    const options = {
      captureWav: this.saidWav,
      playbackWav: this.heardWav.replace(".wav", `${again}.wav`),
      ...this.options.sound,
      ...wanted,
    };
    this.card = await SimulatedSoundCard.open(
      options,
      this.options.realTime ? undefined : { clock: time, timers: time },
    );
    return this.card;
  }

  /** Opens its stream and its card. */
  async open(): Promise<void> {
    this.stream = await this.voice.open(
      { call: 1, ssrc: randomInt(2 ** 32), cname: randomBytes(8).toString("hex") },
      this.heard.events,
    );
    await this.carded();
  }

  /** Waits for the sound card, whose files are opened in the machine's time; none passes for the phones. */
  async carded(): Promise<void> {
    await eventually(`${this.name}'s sound card`, 30_000, () => {
      time.advance(0);
      return this.card !== undefined;
    });
  }
}

export interface CallOptions {
  readonly security?: "srtp" | "clear";
  readonly direction?: Direction;
  readonly codec?: "PCMU" | "PCMA";
  readonly ptimeMs?: number;
}

/** Parameters that send to `peer`. */
export function toward(peer: { rtpPort: number; rtcpPort: number }, options: CallOptions = {}): StreamParameters {
  const name = options.codec ?? "PCMU";
  return {
    remoteAddress: "127.0.0.1",
    remotePort: peer.rtpPort,
    remoteRtcpPort: peer.rtcpPort,
    codec: { payloadType: name === "PCMU" ? 0 : 8, name, clockRate: 8000 },
    telephoneEventSend: 101,
    telephoneEventReceive: 101,
    ptimeMs: options.ptimeMs ?? 20,
    direction: options.direction ?? "sendrecv",
    security: options.security ?? "clear",
  };
}

export function randomKeys(): SrtpKeys {
  return { suite: "AES_CM_128_HMAC_SHA1_80", masterKey: randomBytes(16), masterSalt: randomBytes(14) };
}

/** Opens both ends. */
export async function pair(a: Phone, b: Phone): Promise<void> {
  await Promise.all([a.open(), b.open()]);
}

/** Connects both ends at once. */
export function connect(a: Phone, b: Phone, options: CallOptions = {}): void {
  if (options.security === "srtp") {
    const [one, other] = [randomKeys(), randomKeys()];
    a.stream.keys(one, other);
    b.stream.keys(other, one);
  }
  a.stream.start(toward(b.stream, options));
  b.stream.start(toward(a.stream, options));
}

/** Waits until all that the phones say has been said and heard. */
export async function spoken(...phones: Phone[]): Promise<void> {
  await until("two seconds of voice", async () => {
    const all = await Promise.all(phones.map(({ stream }) => stream.statistics()));
    return all.every(({ packetsReceived }) => packetsReceived > 105);
  });
  await pause(300);
}

export async function hangUp(...phones: Phone[]): Promise<void> {
  await Promise.all(phones.map(({ voice }) => voice.close()));
}

/** Lets `ms` of the phones' time pass. */
export async function pause(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    time.advance(Math.min(STEP_MS, left));
    await delivered();
  }
}

/**
 * Lets the phones' time pass until `condition` holds.
 * @throws Error naming `what` after `limitMs` of it, but not before half a minute of the machine's: files are written in that.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const end = time.now() + limitMs;
  const realEnd = performance.now() + 30_000;
  while (!(await condition())) {
    if (time.now() > end && performance.now() > realEnd) throw new Error(`waited ${limitMs} ms in vain for: ${what}`);
    await pause(STEP_MS);
  }
}

function recording(path: string): Int16Array {
  const read = readWav(readFileSync(path));
  if (!read.ok) throw new Error(`${path}: ${read.error.text}`);
  return read.value.samples;
}

/** What `listener` heard, after hanging up. */
export function recorded(listener: Phone): Int16Array {
  return recording(listener.heardWav);
}

/** How well `listener` heard `speaker`, by the demo's own judge; both have hung up. */
export function compare(speaker: Phone, listener: Phone, limits: Partial<AnalysisLimits> = {}): Analysis {
  const times = (phone: Phone): RecordingTimes => JSON.parse(readFileSync(`${phone.heardWav}.json`, "utf8"));
  return analyse(
    { samples: recording(speaker.saidWav), rate: 8000, startedAtMs: times(speaker).spokeAtMs! },
    { samples: recorded(listener), rate: times(listener).rate, startedAtMs: times(listener).startedAtMs! },
    limits,
  );
}

/** Root mean square of a sound. */
export function level(pcm: Int16Array): number {
  let sum = 0;
  for (const sample of pcm) sum += sample * sample;
  return Math.sqrt(sum / Math.max(1, pcm.length));
}

/** Closes whatever a failed test left open, so that the suite ends. */
export async function closeAll(): Promise<void> {
  await Promise.all(phones.map(({ voice }) => voice.close()));
}
