// A person made of sound devices: speaks a recording into one sink and records another, on one clock, so that delays are counted in samples.

import { type ChildProcess, fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeUlaw, encodeUlaw } from "../../firmware/audio/g711.js";
import { find } from "../../scripts/demo-report/correlate.js";
import { endWithUs } from "./started.js";

/** Rate of every end's devices, Hz. */
export const endRate = 8000;

/** What an end is asked, and what it answers. */
export type EndRequest = "frames" | "heard" | "finish";
export interface EndReply {
  readonly frames: number;
  readonly xruns: number;
}

/** One mouth and one ear, in a process of its own. */
export class SoundEnd {
  private readonly said: string;
  private readonly recorded: string;
  private readonly child: ChildProcess;
  private readonly exited: Promise<void>;

  /**
   * @param folder for its files. @param device an ALSA device that plays into the mouth and records the ear.
   * @param says spoken over and over.
   */
  constructor(folder: string, device: string, says: Int16Array) {
    this.said = join(folder, `${device}-says`);
    this.recorded = join(folder, `${device}-heard`);
    writeFileSync(this.said, new Uint8Array(says.buffer, says.byteOffset, says.byteLength));
    this.child = fork(fileURLToPath(new URL("./alsa-end.js", import.meta.url)), [device, this.said, this.recorded], {
      // The collector's helpers have no real-time priority: a thread that has would wait for them.
      execArgv: ["--single-threaded-gc"],
    });
    this.exited = new Promise((resolve) => this.child.once("exit", () => resolve()));
    endWithUs(this.child.pid!, this.exited);
  }

  /** Frames recorded so far. */
  async frames(): Promise<number> {
    return (await this.ask("frames")).frames;
  }

  /** What it has recorded so far. */
  async heard(): Promise<Int16Array> {
    return this.recording((await this.ask("heard")).frames);
  }

  /** Ends it. @returns everything it recorded, and how often it over- or under-ran: a measurement with any is none. */
  async finish(): Promise<{ readonly heard: Int16Array; readonly xruns: number }> {
    const { xruns, frames } = await this.ask("finish");
    await this.exited;
    return { heard: this.recording(frames), xruns };
  }

  private recording(frames: number): Int16Array {
    const bytes = readFileSync(this.recorded);
    return new Int16Array(bytes.buffer, bytes.byteOffset, frames);
  }

  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }

  private ask(request: EndRequest): Promise<EndReply> {
    return new Promise((resolve, reject) => {
      this.child.once("message", (reply) => resolve(reply as EndReply));
      this.child.once("exit", () => reject(new Error("the end of the line is gone")));
      this.child.send(request);
    });
  }
}

/** How what was heard in `[from, to)` follows from what was said. */
export interface Comparison {
  /** From handing a sample over to having it back, ms; whole samples. */
  readonly delayMs: number;
  readonly correlation: number;
  /** Samples that are exactly what G.711 mu-law makes of what was said, of those compared. */
  readonly exact: number;
  readonly compared: number;
  /** Times the delay changed: a jitter buffer that adapts to the machine's load. */
  readonly shifts: number;
}

/** Pieces that must be exact as a whole to count, samples. */
const PIECE = 80;
/** How far a jitter buffer may have moved from one piece to the next, samples. */
const MOST_SHIFT = 1600;

/** Finds the delay of recording `heard` (whose first sample was recorded at frame `from`) against `says`, and compares sample by sample. */
export function compare(says: Int16Array, heard: Int16Array, from: number, coded = true): Comparison {
  // What the speaker handed over from half a second before on.
  const before = Math.floor(endRate / 2);
  const spoken = new Float64Array(heard.length + before);
  for (let i = 0; i < spoken.length; i++)
    spoken[i] = says[(((from - before + i) % says.length) + says.length) % says.length];
  const middle = Math.floor(heard.length / 4);
  const pattern = Float64Array.from(heard.subarray(middle, middle + Math.min(2 * endRate, heard.length - middle)));
  // The recording is said over and over: the delay is looked for within a second.
  const match = find(pattern, spoken, Math.max(0, middle + before - endRate), middle + before);
  const delay = match ? before + middle - Math.round(match.at) : Number.NaN;
  const through = coded ? says.map((sample) => decodeUlaw(encodeUlaw(sample))) : says;
  const is = (at: number, by: number): boolean => {
    for (let i = at; i < at + PIECE; i++)
      if (heard[i] !== through[(((from + i - by) % says.length) + says.length) % says.length]) return false;
    return true;
  };
  let exact = 0;
  let shifts = 0;
  let now = delay;
  const compared = heard.length - (heard.length % PIECE);
  for (let at = 0; at < compared && match; at += PIECE) {
    if (!is(at, now)) {
      const found = nearest(now, (by) => is(at, by));
      if (found === undefined) continue;
      now = found;
      shifts++;
    }
    exact += PIECE;
  }
  return { delayMs: (delay * 1000) / endRate, correlation: match?.correlation ?? 0, exact, compared, shifts };
}

/** The delay nearest to `from` that fits. */
function nearest(from: number, fits: (by: number) => boolean): number | undefined {
  for (let step = 1; step <= MOST_SHIFT; step++) {
    if (fits(from + step)) return from + step;
    if (fits(from - step)) return from - step;
  }
  return undefined;
}
