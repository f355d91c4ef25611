// Rings on a sound card: from soft to loud, with the caller's own tone where there is one.

import { resample, type ToneDefinition, ToneGenerator, type WavSound } from "../../firmware/audio/index.js";
import { systemTimers, type Timer, type Timers } from "../../firmware/runtime/timers.js";
import type { AudioDevice, OpenAudio, Ringer, RingerSound } from "../contract.js";
import { callerKey, loadSounds, type RingSounds, type SoundFiles } from "./sounds.js";

/** How a {@link SpeakerRinger} is opened. */
export interface SpeakerRingerOptions extends SoundFiles {
  /** Opens the loudspeaker's card when it rings. */
  readonly openAudio: OpenAudio;
  /** How long it takes from soft to the full volume, ms; 0: full at once. Default 8000. */
  readonly riseMs?: number;
  /** How long the card stays open after it rang, so that it rings on at once, ms. Default 2000. */
  readonly lingerMs?: number;
  readonly timers?: Timers;
  /** Told why it cannot ring. */
  readonly tell?: (text: string) => void;
}

/** A ringer needs no short delay: long periods wake the processor seldom. */
const WANTED = { rate: 16_000, periodFrames: 640, periods: 3 } as const;
/** How much softer than full it begins, dB. */
const SOFT_DB = -24;
/** Pause before a card that could not be opened is tried again, ms. */
const RETRY_MS = 1000;

interface Playing {
  readonly sound: RingerSound;
  readonly volume: number;
  readonly caller: string | undefined;
}

/** {@link Ringer} on a sound card that it opens when it rings. */
export class SpeakerRinger implements Ringer {
  private readonly timers: Timers;
  private playing: Playing | undefined;
  private device: AudioDevice | undefined;
  private opening: Promise<void> | undefined;
  private running = false;
  private linger: Timer | undefined;
  private retry: Timer | undefined;
  private generator: ToneGenerator | undefined;
  private samples: Int16Array | undefined;
  private at = 0;
  private once = false;
  /** Frames since it began, for the rise. */
  private frames = 0;
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly options: SpeakerRingerOptions,
    private readonly sounds: RingSounds,
  ) {
    this.timers = options.timers ?? systemTimers;
  }

  /** Loads the sounds; the card is opened when it rings. @throws Error that names a file and what is wrong with it. */
  static async open(options: SpeakerRingerOptions): Promise<SpeakerRinger> {
    return new SpeakerRinger(options, await loadSounds(options));
  }

  start(sound: RingerSound, volume: number, caller?: string): void {
    if (this.closing) return;
    if (!(volume >= 0 && volume <= 1)) throw new RangeError(`volume must be from 0 to 1, got ${volume}`);
    if (sound === "silent" || volume === 0) return this.stop();
    const { playing } = this;
    if (playing?.sound === sound && playing.volume === volume && playing.caller === caller) return;
    this.playing = { sound, volume, caller };
    // Only another sound begins anew; another volume is a turn of the knob.
    if (playing?.sound !== sound || playing.caller !== caller) this.begin();
    this.linger?.cancel();
    if (this.device) this.run();
    else this.openCard();
  }

  stop(): void {
    if (!this.playing) return;
    this.playing = undefined;
    this.retry?.cancel();
    this.halt();
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      this.playing = undefined;
      this.retry?.cancel();
      this.halt();
      this.linger?.cancel();
      await this.opening;
      await this.closeCard();
    })();
    return this.closing;
  }

  private begin(): void {
    this.frames = this.at = 0;
    this.generator = this.samples = undefined;
    if (this.device) this.load(this.device.rate);
  }

  /** The sound at the card's rate. */
  private load(rate: number): void {
    const { sound, caller } = this.playing!;
    const own = caller === undefined ? undefined : this.sounds.callers.get(callerKey(caller));
    const what: WavSound | ToneDefinition = sound === "message" ? this.sounds.message : (own ?? this.sounds.ring);
    this.once = sound === "message";
    if ("samples" in what) this.samples = what.rate === rate ? what.samples : resample(what.samples, what.rate, rate);
    else {
      this.generator = new ToneGenerator(rate);
      this.generator.play(what);
    }
  }

  private openCard(): void {
    this.retry?.cancel();
    this.opening ??= this.options
      .openAudio(WANTED)
      .then(
        (device) => {
          if (this.closing) return device.close();
          this.device = device;
          if (this.playing) this.run();
          else this.later();
        },
        (error: Error) => this.failed(error.message),
      )
      .finally(() => {
        this.opening = undefined;
      });
  }

  private run(): void {
    const device = this.device!;
    if (!this.samples && !this.generator) this.load(device.rate);
    if (this.running) return;
    this.running = true;
    try {
      device.start((_captured, play) => this.fill(play), {
        xrun: () => {},
        lost: (reason) => this.options.tell?.(`the ringer's loudspeaker is gone: ${reason}`),
        back: () => {},
      });
    } catch (error) {
      this.running = false;
      void this.closeCard();
      this.failed((error as Error).message);
    }
  }

  private failed(text: string): void {
    this.options.tell?.(`the ringer cannot ring: ${text}`);
    if (this.playing) this.retry = this.timers.after(RETRY_MS, () => this.playing && this.openCard());
  }

  /** Silent at once: what the card holds is a few periods. */
  private halt(): void {
    if (!this.running) return;
    this.running = false;
    this.device?.stop();
    this.later();
  }

  private later(): void {
    this.linger?.cancel();
    this.linger = this.timers.after(this.options.lingerMs ?? 2000, () => {
      if (!this.running) void this.closeCard();
    });
  }

  private async closeCard(): Promise<void> {
    const { device } = this;
    this.device = undefined;
    this.generator = this.samples = undefined;
    this.running = false;
    await device?.close().catch((error: Error) => this.options.tell?.(error.message));
  }

  private fill(play: Int16Array): void {
    const { playing, samples, generator } = this;
    play.fill(0);
    if (!playing) return;
    if (samples) this.copy(play, samples);
    else if (!generator?.playInto(play, play.length)) return;
    const { riseMs = 8000 } = this.options;
    const risen = this.once || riseMs === 0 ? 1 : Math.min(1, (this.frames * 1000) / this.device!.rate / riseMs);
    const gain = playing.volume * 10 ** ((SOFT_DB * (1 - risen)) / 20);
    this.frames += play.length;
    for (let i = 0; i < play.length; i++) play[i] = Math.round(play[i] * gain);
  }

  private copy(play: Int16Array, samples: Int16Array): void {
    for (let i = 0; i < play.length; i++) {
      if (this.at === samples.length) {
        if (this.once) return;
        this.at = 0;
      }
      play[i] = samples[this.at++];
    }
  }
}
