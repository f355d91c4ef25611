// What the demo says while it runs: words with times as things happen, a bar while the recordings are spoken.

import { type MultiBar, MultiBar as ProgressBars, type SingleBar } from "cli-progress";
import type { TracePoint } from "../../firmware/runtime/trace.js";
import type { Side } from "./ladder.js";
import { sideName } from "./verdict.js";

/** Where the words go. A terminal gets the bar, anything else plain lines. */
export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** How {@link Progress} speaks. */
export interface ProgressOptions {
  /** Default: the process's standard output. */
  readonly output?: ProgressOutput & NodeJS.WritableStream;
  /** Says nothing at all, for `--json`. */
  readonly silent?: boolean;
  /** Monotonic ms that counts as zero; the first event's moment when it is not given. */
  readonly originMs?: number;
}

/** Without a terminal the bar becomes a line at each of this many parts. */
const PARTS = 4;

/** Control characters of a message that came from outside must not move the cursor. */
const clean = (text: string) =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");

/** The demo's voice on the terminal. */
export class Progress {
  private readonly output: ProgressOutput & NodeJS.WritableStream;
  private readonly silent: boolean;
  private origin: number | undefined;
  private bars: MultiBar | undefined;
  private bar: SingleBar | undefined;
  private totalMs = 0;
  private said = 0;

  constructor(options: ProgressOptions = {}) {
    this.output = options.output ?? process.stdout;
    this.silent = options.silent ?? false;
    this.origin = options.originMs;
  }

  /**
   * Says what happened: one line with the time since the origin.
   * @param atMs monotonic ms.
   */
  event(atMs: number, text: string): void {
    this.origin ??= atMs;
    const seconds = ((atMs - this.origin) / 1000).toFixed(3).padStart(8);
    this.line(`${seconds} s  ${clean(text)}`);
  }

  /** Says something that has no moment. */
  note(text: string): void {
    this.line(clean(text));
  }

  /** The speech begins: shows a bar of `totalMs`. @throws RangeError when it is not a positive number. */
  startSpeech(totalMs: number): void {
    if (!(totalMs > 0 && Number.isFinite(totalMs))) throw new RangeError(`totalMs must be positive, got ${totalMs}`);
    this.endSpeech();
    this.totalMs = totalMs;
    this.said = 0;
    if (this.silent || !this.output.isTTY) return;
    this.bars = new ProgressBars({
      stream: this.output,
      format: "            speaking {bar} {spoken} of {whole} s",
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: 30,
      // The terminal is left as it is: nothing to put right should the demo be interrupted.
      hideCursor: false,
      linewrap: true,
      fps: 10,
      clearOnComplete: true,
    });
    this.bar = this.bars.create(totalMs, 0, this.payload(0));
  }

  /** How much of the speech is spoken. May be called as often as one likes. */
  spoken(ms: number): void {
    if (this.totalMs === 0) return;
    const now = Math.max(0, Math.min(ms, this.totalMs));
    if (this.bar) this.bar.update(now, this.payload(now));
    else {
      const part = Math.floor((now / this.totalMs) * PARTS + 1e-9);
      if (part > this.said) {
        this.said = part;
        const { spoken, whole } = this.payload(now);
        this.line(`            spoken ${spoken} of ${whole} s`);
      }
    }
  }

  /** The speech is over, or broke off: takes the bar away. Repeated calls do nothing. */
  endSpeech(): void {
    this.bars?.stop();
    this.bars = undefined;
    this.bar = undefined;
    this.totalMs = 0;
  }

  private payload(ms: number): { spoken: string; whole: string } {
    return { spoken: (ms / 1000).toFixed(1), whole: (this.totalMs / 1000).toFixed(1) };
  }

  private line(text: string): void {
    if (this.silent) return;
    if (this.bars) {
      this.bars.log(`${text}\n`);
      this.bars.update();
    } else this.output.write(`${text}\n`);
  }
}

/** What a trace point of a call from Alice to Bob means to a person; undefined for those that only an engineer needs. */
export function wordsFor(side: Side, point: TracePoint, bobUri: string): string | undefined {
  const me = sideName(side);
  const other = side === "alice" ? "Bob" : "Alice";
  switch (point) {
    case "dialled":
      return `${me} dials ${bobUri}`;
    case "invite-sent":
      return "INVITE is on its way";
    case "invite-received":
      return `${me} gets the INVITE`;
    case "offer-verified":
      return `${me} knows that it is ${other} who calls`;
    case "ringing-received":
      return `${me} hears that it rings`;
    case "picked-up":
      return `${me} picks up`;
    case "ok-sent":
      return `${me} answers with 200 OK`;
    case "answer-verified":
      return `${me} knows that it is ${other} who answered`;
    case "ack-received":
      return `${me} gets the ACK: the call stands`;
    case "keys-ready":
      return `${me} has the SRTP keys`;
    case "media-first-received":
      return `${me} gets the first voice packet`;
    case "ended":
      return `The call is over for ${me}`;
    default:
      return undefined;
  }
}
