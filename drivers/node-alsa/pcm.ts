// A capture and a playback PCM that run in step, one call a period.

import {
  type Direction,
  directions,
  type Handle,
  type NativeCounters,
  NativeEvent,
  type NativeStream,
} from "./binding.js";
import { listCards } from "./cards.js";
import { AlsaError, explain } from "./errors.js";
import { binding } from "./load.js";

/** What is wanted of the card. At least one of `capture` and `playback`. */
export interface PcmOptions {
  /** ALSA's name of the device to record from: `default`, `hw:0,0`, … */
  readonly capture?: string;
  /** ALSA's name of the device to play on. */
  readonly playback?: string;
  /** Hz; several: the first that both directions can do, or else each direction the first that it can do. */
  readonly rate: number | readonly number[];
  /** Wanted period, frames at the first rate; the card gives what it has that is near. */
  readonly periodFrames: number;
  /** Periods that playback holds ahead, 2 or more: playback lasts that long when nobody serves it. */
  readonly periods: number;
  /** 1 (default) or 2; a card that cannot gives the other, and says so in {@link Pcm.capture} and {@link Pcm.playback}. */
  readonly captureChannels?: 1 | 2;
  readonly playbackChannels?: 1 | 2;
  /** Let ALSA convert rates (its own converter is a poor one). Default false: rates are the card's. */
  readonly resample?: boolean;
}

/** One direction, as the card gave it. */
export interface StreamInfo extends NativeStream {}

/** What a running PCM tells. Called from the event loop of the thread that opened it. */
export interface PcmListener {
  /**
   * One period is in `captured`; fill `play`. Samples are signed 16 bit in the machine's byte order, channels interleaved.
   * @returns how many frames of `play` are to be played; nothing: all of them.
   */
  period(): number | undefined;
  /** The card over- or under-ran in this direction. Both directions run again, playback filled with silence. */
  xrun?(direction: Direction): void;
  /** The machine slept; the PCM is resumed as soon as the card allows. */
  suspended?(): void;
  /** The card is gone (unplugged, server ended) or has failed. The PCM is stopped; close it and open another. Said once. */
  gone?(error: AlsaError): void;
}

/** Frames and milliseconds between the converter and the program. */
export interface Delay {
  captureFrames: number;
  captureMs: number;
  playbackFrames: number;
  playbackMs: number;
}

/** When the card's position was taken, ms of the machine's monotonic clock; NaN where the card does not tell. */
export interface Timestamps {
  captureAvailable: number;
  captureAtMs: number;
  playbackRoom: number;
  playbackAtMs: number;
}

/** Counts since the PCM was opened. */
export interface Counters extends NativeCounters {}

const RESUME_EVERY_MS = 20;

/** An open PCM, or two that are one: capture is the clock where there is one. */
export class Pcm {
  readonly capture: StreamInfo | undefined;
  readonly playback: StreamInfo | undefined;
  /** The kernel starts both directions at the same sample. Else they are started one right after the other. */
  readonly linked: boolean;
  /** Frames that playback is filled with ahead. */
  readonly aheadFrames: number;
  private readonly native = binding();
  private readonly delays = new Int32Array(2);
  private readonly stamps = new Float64Array(4);
  private readonly delayed: Delay = { captureFrames: 0, captureMs: 0, playbackFrames: 0, playbackMs: 0 };
  private resuming: NodeJS.Timeout | undefined;
  private listener: PcmListener | undefined;
  private closed = false;

  private constructor(
    private readonly handle: Handle,
    private readonly options: PcmOptions,
  ) {
    const { capture, playback, linked, aheadFrames } = this.native.info(handle);
    this.capture = capture;
    this.playback = playback;
    this.linked = linked;
    this.aheadFrames = aheadFrames;
  }

  /**
   * Opens and negotiates.
   * @throws AlsaError: no such device; busy, held by pid …; rate … not supported; card offers …. TypeError, RangeError for wrong options.
   */
  static open(options: PcmOptions): Pcm {
    const {
      capture,
      playback,
      captureChannels = 1,
      playbackChannels = 1,
      periodFrames,
      periods,
      resample = false,
    } = options;
    if (capture === undefined && playback === undefined)
      throw new TypeError("a PCM needs a capture or a playback device");
    const rates = typeof options.rate === "number" ? [options.rate] : [...options.rate];
    if (rates.length < 1 || rates.length > 16) throw new RangeError(`1 to 16 rates can be wanted, got ${rates.length}`);
    for (const rate of rates) whole("rate", rate, 1000, 768_000);
    whole("periodFrames", periodFrames, 1, 1_000_000);
    whole("periods", periods, 2, 1000);
    whole("captureChannels", captureChannels, 1, 2);
    whole("playbackChannels", playbackChannels, 1, 2);
    try {
      const native = binding();
      return new Pcm(
        native.open({ capture, playback, captureChannels, playbackChannels, rates, periodFrames, periods, resample }),
        options,
      );
    } catch (error) {
      if ((error as { step?: string }).step === undefined) throw error;
      throw explain(error, listCards);
    }
  }

  /**
   * Starts both directions in step. The arrays are the caller's: samples are read straight into `captured` and written straight out of
   * `play`, which hold at least a period each, until {@link stop}. Keeps the process alive.
   * @throws Error when it runs already or is closed; TypeError for arrays that do not fit; AlsaError when the card does not start.
   */
  start(captured: Int16Array | undefined, play: Int16Array | undefined, listener: PcmListener): void {
    if (this.closed) throw new Error("the PCM is closed");
    if (this.listener) throw new Error("the PCM is started already");
    this.listener = listener;
    try {
      this.native.start(this.handle, captured, play, (event, value) => {
        if (event === NativeEvent.period) return listener.period();
        this.tell(listener, event, value);
        return undefined;
      });
    } catch (error) {
      this.listener = undefined;
      const { code } = error as { code?: string };
      if (code === undefined) throw error;
      throw new AlsaError((error as Error).message, code, this.options.capture ?? this.options.playback);
    }
  }

  /** Stops both directions at once; what was not heard yet never is. */
  stop(): void {
    if (this.closed) return;
    this.listener = undefined;
    clearTimeout(this.resuming);
    this.native.stop(this.handle);
  }

  /** Stops and lets go of the card. Closing twice does nothing the second time. */
  close(): void {
    if (this.closed) return;
    this.stop();
    this.closed = true;
    this.native.close(this.handle);
  }

  /** What waits now: captured and not delivered, handed over and not heard. The same object each time. */
  delay(): Delay {
    const { delays, delayed, capture, playback } = this;
    if (this.closed) delays.fill(0);
    else this.native.delay(this.handle, delays);
    delayed.captureFrames = delays[0];
    delayed.playbackFrames = delays[1];
    delayed.captureMs = capture ? (delays[0] * 1000) / capture.rate : 0;
    delayed.playbackMs = playback ? (delays[1] * 1000) / playback.rate : 0;
    return delayed;
  }

  /** The card's own positions and times. */
  timestamps(): Timestamps {
    const { stamps } = this;
    if (this.closed) stamps.fill(Number.NaN);
    else this.native.timestamps(this.handle, stamps);
    return { captureAvailable: stamps[0], captureAtMs: stamps[1], playbackRoom: stamps[2], playbackAtMs: stamps[3] };
  }

  /** Periods, wake-ups, xruns, partial transfers. */
  counters(): Counters {
    return this.native.counters(this.handle);
  }

  private tell(listener: PcmListener, event: number, value: number): void {
    if (event === NativeEvent.xrun) listener.xrun?.(directions[value]);
    else if (event === NativeEvent.suspended) {
      listener.suspended?.();
      this.resumeLater();
    } else {
      this.listener = undefined;
      clearTimeout(this.resuming);
      const device = this.options.capture ?? this.options.playback;
      const code = errnoName(value);
      listener.gone?.(new AlsaError(`the sound device "${device}" is gone (${code})`, code, device));
    }
  }

  private resumeLater(): void {
    this.resuming = setTimeout(() => {
      if (this.listener && !this.native.resume(this.handle)) this.resumeLater();
    }, RESUME_EVERY_MS);
  }
}

const names: Readonly<Record<number, string>> = {
  2: "ENOENT",
  5: "EIO",
  6: "ENXIO",
  19: "ENODEV",
  22: "EINVAL",
  77: "EBADFD",
  104: "ECONNRESET",
  111: "ECONNREFUSED",
};

function errnoName(error: number): string {
  return names[-error] ?? `error ${-error}`;
}

function whole(name: string, value: number, least: number, most: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw new RangeError(`${name} must be a whole number of ${least} to ${most}, got ${value}`);
}
