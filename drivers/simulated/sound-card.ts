// A sound card in software: clocked like a real one, speaks a WAV file into the phone and records what the phone plays.

import { writeFileAtomic } from "../../firmware/runtime/atomic-file.js";
import { type Clock, systemClock } from "../../firmware/runtime/clock.js";
import { systemTimers, type Timer, type Timers } from "../../firmware/runtime/timers.js";
import type { AudioDevice, AudioEvents, AudioOptions } from "../contract.js";
import { type SoundControl, serveSoundControl } from "./sound-control.js";
import { Speech } from "./speech.js";
import { WavRecorder } from "./wav-recorder.js";

/** Plain data, so that it can be sent to the thread that opens the card. */
export interface SimulatedSoundOptions extends AudioOptions {
  /** WAV file spoken into the microphone, any rate; absent: silence. */
  readonly captureWav?: string;
  /** Start the recording over when it ends. Default false. */
  readonly captureLoop?: boolean;
  /** When it is spoken: `"open"` (default) with the first period of the first start, `"trigger"` when {@link SoundControl.speak} says so. */
  readonly captureStart?: "open" | "trigger";
  /**
   * WAV file that what is heard is recorded to; `<playbackWav>.json` beside it is a {@link RecordingTimes}. Each opening begins
   * them anew.
   */
  readonly playbackWav?: string;
  /** Name under which `remoteSoundControl` of another thread reaches this card. */
  readonly control?: string;
  /** How much faster (or slower, negative) than nominal the card's crystal runs, parts per million. Default 0. */
  readonly driftPpm?: number;
  /** The only rate this card can do, Hz: it gives that one whatever is wanted. */
  readonly cardRate?: number;
  /** The only period this card can do, frames. */
  readonly cardPeriodFrames?: number;
}

/** When the sounds of a card's files happened, in ms of the machine's monotonic clock, which all its processes share. */
export interface RecordingTimes {
  /** Rate of the recording, Hz. */
  readonly rate: number;
  /** When sample 0 of the recording was heard; null: the card never ran. */
  readonly startedAtMs: number | null;
  /** When the first sample of the capture WAV was last spoken; null: not spoken. */
  readonly spokeAtMs: number | null;
}

/** Time for a card that does not follow the machine's clock (tests). */
export interface CardTime {
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Rounding slack when times are compared, ms. */
const EPSILON_MS = 1e-6;

/**
 * The simulated sound card. At tick k (k periods after start) it delivers the sound of period [k-1, k) and takes a period
 * that is heard `periods - 1` periods later, as a card with a playback buffer of `periods` periods does. A late wake-up is
 * caught up period by period; one that is later than the whole buffer is an xrun in both directions: the missed periods are
 * neither captured nor heard, and time goes on on the same grid.
 */
export class SimulatedSoundCard implements AudioDevice, SoundControl {
  readonly rate: number;
  readonly periodFrames: number;
  private readonly periods: number;
  /** One period in ms of the machine's clock, drift included. */
  private readonly periodMs: number;
  private readonly framesPerMs: number;
  private readonly captured: Int16Array;
  private readonly play: Int16Array;
  /** Playback buffer: the period heard in [n, n+1) lies in slot n modulo `periods`. */
  private readonly buffer: Int16Array[];
  private readonly delay = { capture: 0, playback: 0 };

  private onPeriod: ((captured: Int16Array, play: Int16Array) => void) | undefined;
  private events: AudioEvents | undefined;
  private timer: Timer | undefined;
  private plugged = true;
  private lostReason = "";
  private lostTold = false;
  private closing: Promise<void> | undefined;
  /** Counts starts, so that a tick notices that its stream has ended under it. */
  private stream = 0;
  private running = false;
  /** onPeriod is being called: its period is not handed over yet. */
  private inPeriod = false;
  /** Monotonic ms at which the present stream began, and the card's frame at that moment. */
  private startMs = 0;
  private startFrame = 0;
  /** Periods of the present stream that are over. */
  private done = 0;
  private stalledUntilMs = Number.NEGATIVE_INFINITY;
  private captureLoss = 0;
  private wantsToSpeak: boolean;
  private firstStartMs: number | undefined;
  private spokeAtMs: number | undefined;
  private sidecar: Promise<void> = Promise.resolve();
  private sidecarFailure: Error | undefined;
  private readonly stopServing: (() => void) | undefined;

  private constructor(
    private readonly options: SimulatedSoundOptions,
    private readonly time: CardTime,
    private readonly speech: Speech | undefined,
    private readonly recorder: WavRecorder | undefined,
  ) {
    this.rate = options.cardRate ?? options.rate;
    this.periodFrames = options.cardPeriodFrames ?? options.periodFrames;
    this.periods = options.periods;
    this.framesPerMs = (this.rate * (1 + (options.driftPpm ?? 0) * 1e-6)) / 1000;
    this.periodMs = this.periodFrames / this.framesPerMs;
    this.captured = new Int16Array(this.periodFrames);
    this.play = new Int16Array(this.periodFrames);
    this.buffer = Array.from({ length: this.periods }, () => new Int16Array(this.periodFrames));
    this.wantsToSpeak = options.captureStart !== "trigger";
    if (options.control !== undefined) this.stopServing = serveSoundControl(options.control, this);
  }

  /**
   * Opens a card.
   * @throws RangeError for figures no card has; Error that names the file that cannot be read or written.
   */
  static async open(options: SimulatedSoundOptions, time: CardTime = systemTime): Promise<SimulatedSoundCard> {
    check("rate", options.cardRate ?? options.rate, 1000, 384_000);
    check("periodFrames", options.cardPeriodFrames ?? options.periodFrames, 1, 384_000);
    check("periods", options.periods, 2, 64);
    const rate = options.cardRate ?? options.rate;
    const drift = options.driftPpm ?? 0;
    if (!(Math.abs(drift) <= 10_000)) throw new RangeError(`driftPpm must be -10000 to 10000, got ${drift}`);
    const { captureWav, playbackWav } = options;
    const speech = captureWav === undefined ? undefined : await Speech.load(captureWav, rate, !!options.captureLoop);
    const recorder = playbackWav === undefined ? undefined : await WavRecorder.open(playbackWav, rate);
    const card = new SimulatedSoundCard(options, time, speech, recorder);
    card.noteTimes();
    return card;
  }

  start(onPeriod: (captured: Int16Array, play: Int16Array) => void, events: AudioEvents): void {
    if (this.closing) return;
    if (this.onPeriod) throw new Error("the sound card is started already");
    this.onPeriod = onPeriod;
    this.events = events;
    this.lostTold = false;
    if (this.plugged) this.run();
    else this.time.timers.after(0, () => this.tellLost());
  }

  stop(): void {
    this.halt();
    this.onPeriod = undefined;
    this.events = undefined;
  }

  /** As the contract says; the same object each time. */
  delayFrames(): { readonly capture: number; readonly playback: number } {
    const { delay, periodFrames, periods } = this;
    if (!this.running) {
      delay.capture = delay.playback = 0;
      return delay;
    }
    const size = periods * periodFrames;
    const waiting =
      Math.floor((this.time.clock.now() - this.startMs) * this.framesPerMs + EPSILON_MS) - this.done * periodFrames;
    delay.capture = Math.max(0, Math.min(size, waiting));
    delay.playback = Math.max(0, size - delay.capture - (this.inPeriod ? periodFrames : 0));
    return delay;
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      this.stop();
      this.stopServing?.();
      this.noteTimes();
      try {
        await this.recorder?.close();
      } finally {
        await this.sidecar;
      }
      if (this.sidecarFailure) throw this.sidecarFailure;
    })();
    return this.closing;
  }

  // ------------------------------------------------------------------------------------------------- the outside hand

  speak(): void {
    if (!this.speech || this.closing) return;
    if (!this.running) {
      this.wantsToSpeak = true;
      return;
    }
    const ahead = Math.ceil((this.time.clock.now() - this.startMs) * this.framesPerMs - EPSILON_MS);
    this.speakFrom(this.speech, Math.max(ahead, this.done * this.periodFrames));
  }

  unplug(reason = "the sound card was unplugged"): void {
    if (!this.plugged || this.closing) return;
    this.plugged = false;
    this.lostReason = reason;
    this.halt();
    this.tellLost();
  }

  replug(): void {
    if (this.plugged || this.closing) return;
    this.plugged = true;
    if (!this.onPeriod) return;
    this.run();
    if (this.lostTold) this.events?.back();
    this.lostTold = false;
  }

  xrun(direction: "capture" | "playback", frames: number): void {
    if (!this.running) return;
    if (direction === "capture") this.captureLoss += frames;
    else {
      // What would be heard next is not.
      for (let i = 0; i < Math.min(frames, this.periods * this.periodFrames); i++)
        this.buffer[(this.done + Math.floor(i / this.periodFrames)) % this.periods][i % this.periodFrames] = 0;
    }
    this.events?.xrun(direction, frames);
  }

  stall(ms: number): void {
    this.stalledUntilMs = this.time.clock.now() + ms;
    if (this.running) this.arm(this.stalledUntilMs);
  }

  // ------------------------------------------------------------------------------------------------------- the clock

  private run(): void {
    const now = this.time.clock.now();
    this.stream++;
    this.running = true;
    this.startMs = now;
    this.done = 0;
    this.captureLoss = 0;
    if (this.firstStartMs === undefined) {
      this.firstStartMs = now;
      this.noteTimes();
    }
    // The card's frames go on counting through stops, so that recordings keep their place in time.
    this.startFrame = Math.max(this.startFrame, Math.round((now - this.firstStartMs) * this.framesPerMs));
    this.recorder?.skipTo(this.startFrame);
    for (const period of this.buffer) period.fill(0);
    this.arm(now + this.periodMs);
  }

  private halt(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.running) this.startFrame += this.done * this.periodFrames;
    this.running = false;
  }

  private arm(deadlineMs: number): void {
    this.timer?.cancel();
    this.timer = this.time.timers.at(Math.max(deadlineMs, this.stalledUntilMs), this.wake);
  }

  private readonly wake = (): void => {
    const { stream } = this;
    const elapsed = this.time.clock.now() - this.startMs;
    const due = Math.floor(elapsed / this.periodMs + EPSILON_MS);
    // Armed first: the grid stays whatever the callbacks do.
    this.arm(this.startMs + (Math.max(due, this.done) + 1) * this.periodMs);
    if (elapsed > (this.done + this.periods) * this.periodMs + EPSILON_MS) this.overrun(due);
    while (this.done < due && this.running && this.stream === stream) this.tick();
  };

  private tick(): void {
    const slot = this.buffer[this.done % this.periods];
    const frame = this.startFrame + this.done * this.periodFrames;
    this.recorder?.write(slot, this.periodFrames);
    this.capture(frame);
    this.play.fill(0);
    this.done++;
    const { stream } = this;
    this.inPeriod = true;
    this.onPeriod!(this.captured, this.play);
    this.inPeriod = false;
    if (this.stream === stream) slot.set(this.play);
  }

  /** The whole buffer ran dry before anyone came: the periods up to `due` are lost, both ways. */
  private overrun(due: number): void {
    const lost = due - this.done;
    for (let i = 0; i < this.periods; i++) {
      const slot = this.buffer[(this.done + i) % this.periods];
      if (i < lost) this.recorder?.write(slot, this.periodFrames);
      slot.fill(0);
    }
    this.done = due;
    this.recorder?.skipTo(this.startFrame + due * this.periodFrames);
    const frames = lost * this.periodFrames;
    this.events?.xrun("capture", frames);
    this.events?.xrun("playback", frames);
  }

  private capture(frame: number): void {
    const { captured, speech } = this;
    if (!speech) {
      captured.fill(0);
      return;
    }
    if (this.wantsToSpeak) this.speakFrom(speech, this.done * this.periodFrames);
    speech.readInto(captured, frame);
    if (this.captureLoss > 0) {
      const silent = Math.min(this.captureLoss, captured.length);
      captured.fill(0, 0, silent);
      this.captureLoss -= silent;
    }
  }

  /** Lets the recording begin `ahead` frames into the present stream. */
  private speakFrom(speech: Speech, ahead: number): void {
    this.wantsToSpeak = false;
    speech.speakAt(this.startFrame + ahead);
    this.spokeAtMs = this.startMs + ahead / this.framesPerMs;
    this.noteTimes();
  }

  private tellLost(): void {
    if (this.plugged || this.lostTold || !this.events) return;
    this.lostTold = true;
    this.events.lost(this.lostReason);
  }

  /** Writes what is known of the times beside the recording; a failure is told by close(). */
  private noteTimes(): void {
    const { playbackWav } = this.options;
    if (playbackWav === undefined) return;
    const times: RecordingTimes = {
      rate: this.rate,
      startedAtMs: this.firstStartMs ?? null,
      spokeAtMs: this.spokeAtMs ?? null,
    };
    const text = JSON.stringify(times) + "\n";
    const path = `${playbackWav}.json`;
    this.sidecar = this.sidecar
      .then(() => writeFileAtomic(path, text))
      .catch((error: Error) => {
        this.sidecarFailure = new Error(`the recording's times ${path} cannot be written: ${error.message}`);
      });
  }
}

const systemTime: CardTime = { clock: systemClock, timers: systemTimers };

function check(name: string, value: number, least: number, most: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw new RangeError(`${name} must be a whole number of ${least} to ${most}, got ${value}`);
}
