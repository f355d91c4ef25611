// A sound card through ALSA as the firmware wants it: mono, one call a period, back by itself when it was gone.

import { DriftFollower, Resampler } from "../../firmware/audio/index.js";
import { type Clock, systemClock } from "../../firmware/runtime/clock.js";
import { systemTimers, type Timer, type Timers } from "../../firmware/runtime/timers.js";
import type { AudioDevice, AudioEvents } from "../contract.js";
import { type Counters, Pcm, setRealtime } from "../node-alsa/index.js";
import { toMonoInto, toStereoInto } from "./channels.js";
import { type AlsaSoundOptions, ratesFor } from "./options.js";

/** Time for a card that does not follow the machine's clock (tests). */
export interface CardTime {
  readonly clock: Clock;
  readonly timers: Timers;
}

type OnPeriod = (captured: Int16Array, play: Int16Array) => void;

/** {@link AudioDevice} over `node-alsa`. `rate` and `periodFrames` are those of the present card: another one may come back than went. */
export class AlsaSoundCard implements AudioDevice {
  rate = 0;
  periodFrames = 0;
  private pcm: Pcm | undefined;
  private captured = new Int16Array(0);
  private play = new Int16Array(0);
  /** What the card reads and writes: the arrays above, or stereo, or playback at another rate. */
  private rawCaptured = new Int16Array(0);
  private rawPlay = new Int16Array(0);
  private stereoIn = false;
  private stereoOut = false;
  /** Playback on a clock or rate of its own. */
  private stretch: Resampler | undefined;
  private follower: DriftFollower | undefined;
  private stretched = new Int16Array(0);
  private readonly waiting = { capture: 0, playback: 0 };

  private onPeriod: OnPeriod | undefined;
  private events: AudioEvents | undefined;
  private running = false;
  private told = false;
  private retry: Timer | undefined;
  private closing: Promise<void> | undefined;
  private lastPeriodMs = 0;

  private constructor(
    private readonly options: AlsaSoundOptions,
    private readonly time: CardTime,
  ) {}

  /**
   * Opens a card.
   * @throws AlsaError that names the device and what is wrong; Error where the add-on is missing.
   */
  static async open(options: AlsaSoundOptions, time: CardTime = systemTime): Promise<AlsaSoundCard> {
    const card = new AlsaSoundCard(options, time);
    card.openPcm();
    return card;
  }

  start(onPeriod: OnPeriod, events: AudioEvents): void {
    if (this.closing) return;
    if (this.onPeriod) throw new Error("the sound card is started already");
    this.onPeriod = onPeriod;
    this.events = events;
    this.told = false;
    this.run() || this.findLater(0);
  }

  stop(): void {
    this.retry?.cancel();
    this.retry = undefined;
    this.onPeriod = undefined;
    this.events = undefined;
    this.running = false;
    this.pcm?.stop();
  }

  /** As the contract says, in frames at {@link rate}; the same object each time. */
  delayFrames(): { readonly capture: number; readonly playback: number } {
    const { waiting, pcm } = this;
    waiting.capture = waiting.playback = 0;
    if (!this.running || !pcm) return waiting;
    const { captureFrames, playbackFrames } = pcm.delay();
    waiting.capture = captureFrames;
    waiting.playback = this.stretch ? Math.round((playbackFrames * this.rate) / this.stretch.to) : playbackFrames;
    return waiting;
  }

  async close(): Promise<void> {
    this.closing ??= (async () => {
      this.stop();
      this.pcm?.close();
      this.pcm = undefined;
    })();
    return this.closing;
  }

  /** How much faster playback's crystal is than capture's, ppm; undefined where they are one. */
  get driftPpm(): number | undefined {
    return this.follower?.ppm;
  }

  /** Whether the kernel starts both directions at the same sample; undefined while the card is gone. */
  get linked(): boolean | undefined {
    return this.pcm?.linked;
  }

  /** Wake-ups, xruns and partial transfers since the card was opened; undefined while it is gone. */
  counters(): Counters | undefined {
    return this.pcm?.counters();
  }

  // ------------------------------------------------------------------------------------------------------- life

  private openPcm(): void {
    const { options } = this;
    const device = options.device ?? "default";
    // Threads that ALSA's plugins start for the card are to be as quick as this one; those that anybody starts later are not.
    const raised = raise(options.realtime ?? REALTIME, true);
    let pcm: Pcm;
    try {
      pcm = Pcm.open({
        capture: options.capture ?? device,
        playback: options.playback ?? device,
        rate: ratesFor(options.rate),
        periodFrames: options.periodFrames,
        periods: options.periods,
      });
    } finally {
      if (raised) raise(options.realtime ?? REALTIME, false);
    }
    this.pcm = pcm;
    const capture = pcm.capture!;
    const playback = pcm.playback!;
    const frames = capture.periodFrames;
    this.rate = capture.rate;
    this.periodFrames = frames;
    this.stereoIn = capture.channels === 2;
    this.stereoOut = playback.channels === 2;
    const oneDevice = (options.capture ?? device) === (options.playback ?? device);
    const oneCard = capture.card >= 0 && capture.card === playback.card;
    const oneClock = options.oneClock ?? (oneDevice || oneCard);
    this.follower = oneClock ? undefined : new DriftFollower(playback.rate);
    this.stretch =
      oneClock && capture.rate === playback.rate ? undefined : new Resampler(capture.rate, playback.rate, !oneClock);
    const most = this.stretch ? this.stretch.maxOutput(frames) : frames;
    this.captured = new Int16Array(frames);
    this.play = new Int16Array(frames);
    this.stretched = this.stretch ? new Int16Array(most) : this.play;
    this.rawCaptured = this.stereoIn ? new Int16Array(2 * frames) : this.captured;
    // The card asks for room of a period of its own.
    const room = Math.max(most, playback.periodFrames);
    this.rawPlay = this.stereoOut
      ? new Int16Array(2 * room)
      : room === this.stretched.length
        ? this.stretched
        : new Int16Array(room);
  }

  /** Starts the open card, or opens one first. Whether it runs now. */
  private run(): boolean {
    // A card that was pulled while it stood still is noticed only now: then a fresh one gets a try.
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        if (!this.pcm) this.openPcm();
        this.lastPeriodMs = this.time.clock.now();
        this.follower?.restart();
        this.pcm!.start(this.rawCaptured, this.rawPlay, this);
        this.running = true;
        return true;
      } catch (error) {
        this.reason = (error as Error).message;
        this.pcm?.close();
        this.pcm = undefined;
      }
    }
    return false;
  }

  private reason = "";

  private findLater(delayMs: number): void {
    this.retry = this.time.timers.after(delayMs, () => {
      if (!this.onPeriod) return;
      if (!this.told) {
        this.told = true;
        this.events?.lost(this.reason);
        // The listener may have stopped or closed the card.
        if (!this.onPeriod) return;
      }
      if (!this.run()) this.findLater(this.options.reopenMs ?? 250);
      else if (this.told) {
        this.told = false;
        this.events?.back();
      }
    });
  }

  // ------------------------------------------------------------------------------------------ what the PCM tells

  /** @internal One period; the PCM calls it. */
  period(): number {
    const { captured, play, rawCaptured, rawPlay, stretched, periodFrames } = this;
    if (this.stereoIn) toMonoInto(captured, rawCaptured, periodFrames, this.options.captureChannel ?? "left");
    play.fill(0);
    this.onPeriod!(captured, play);
    const now = this.time.clock.now();
    let frames = periodFrames;
    if (this.running && this.stretch) {
      if (this.follower) this.stretch.ppm = this.follower.update(this.level(), (now - this.lastPeriodMs) / 1000);
      frames = this.stretch.processInto(stretched, play, periodFrames);
    }
    this.lastPeriodMs = now;
    if (this.stereoOut) toStereoInto(rawPlay, stretched, frames);
    else if (rawPlay !== stretched) rawPlay.set(stretched);
    return frames;
  }

  /** @internal */
  xrun(): void {
    const now = this.time.clock.now();
    const frames = Math.max(1, Math.round(((now - this.lastPeriodMs) * this.rate) / 1000));
    this.lastPeriodMs = now;
    this.follower?.restart();
    // Both directions were started anew: what was missed is missed both ways.
    this.events?.xrun("capture", frames);
    this.events?.xrun("playback", frames);
  }

  /** @internal */
  suspended(): void {}

  /** @internal The card went; it is looked for until it is back. */
  gone(error: Error): void {
    this.running = false;
    this.pcm?.close();
    this.pcm = undefined;
    this.reason = error.message;
    this.told = true;
    const { events } = this;
    this.findLater(this.options.reopenMs ?? 250);
    events?.lost(this.reason);
  }

  /** Frames in playback's buffer at its rate, as if capture had been read to the last frame. */
  private level(): number {
    const { captureFrames, playbackFrames } = this.pcm!.delay();
    return playbackFrames + (captureFrames * this.stretch!.to) / this.stretch!.from;
  }
}

const REALTIME = 10;

/** Whether the thread is a real-time one now: the system may not allow it. */
function raise(priority: number, inherited: boolean): boolean {
  if (priority === 0) return false;
  try {
    setRealtime(priority, inherited);
    return true;
  } catch {
    return false;
  }
}

const systemTime: CardTime = { clock: systemClock, timers: systemTimers };
