// One period of the voice path: what the microphone captured goes to every stream, what every stream says goes to the earpiece.

import { addInto, Gain, Resampler } from "../audio/index.js";

/** Rate at which streams speak and hear, Hz. */
export const VOICE_RATE = 8000;
/** Most samples handed to or asked of a stream at a time: 20 ms. */
export const MAX_BLOCK = 160;
/** Samples mixed at a time when the card runs at another rate: 10 ms. */
const RESAMPLED_BLOCK = 80;

/** What speaks and hears: a stream, a tone. Called once a block; must not allocate. */
export interface Voiced {
  /** Takes `samples` of captured voice at {@link VOICE_RATE}. `pcm` may not be kept. */
  capture(pcm: Int16Array, samples: number): void;
  /** `samples` of time passed that nobody captured. */
  gap(samples: number): void;
  /**
   * Writes `samples` into `out`, all of them.
   * @param audible false: there is no card to hear it from; time passes all the same.
   * @returns false: it would be silence, and nothing was written.
   */
  playInto(out: Int16Array, samples: number, audible: boolean): boolean;
  /** What is captured goes out to somebody: the person hears a little of it too (sidetone). */
  readonly speaking?: boolean;
}

/** How loud a board is: factors, 1 leaves samples as they are. */
export interface SoundLevels {
  /** Of what the microphone captures, 0 to 4. */
  readonly capture: number;
  /** Of what the earpiece plays, beside the person's volume, 0 to 4. */
  readonly playback: number;
  /** How much of the person's own voice the earpiece plays, 0 to 1. */
  readonly sidetone: number;
}

/** Samples as they are, no sidetone. */
export const plainLevels: SoundLevels = { capture: 1, playback: 1, sidetone: 0 };

/** Joins the card to everything that speaks and hears. Allocates only in {@link configure}. */
export class Pump {
  private rate = 0;
  private periodFrames = 0;
  private down: Resampler | undefined;
  private up: Resampler | undefined;
  /** Captured voice at VOICE_RATE. */
  private captured = new Int16Array(0);
  /** Mixed voice at the card's rate that no period has taken yet. */
  private mixed = new Int16Array(0);
  private waiting = 0;
  private readonly block = new Int16Array(MAX_BLOCK);
  private readonly one = new Int16Array(MAX_BLOCK);
  private readonly sum = new Int32Array(MAX_BLOCK);
  private audible = true;
  private readonly gain: Gain;
  /** One mixed block brought to the card's rate. */
  private converted = new Int16Array(0);

  /** @param voices who takes part; the array may change between periods, not during one. */
  constructor(
    private readonly voices: readonly Voiced[],
    private readonly levels: SoundLevels = plainLevels,
  ) {
    this.gain = new Gain(VOICE_RATE, levels.playback);
  }

  /** Earpiece volume, 0 to 1. */
  set volume(level: number) {
    this.gain.level = level * this.levels.playback;
  }

  /** The card runs at `rate` with `periodFrames` a period. */
  configure(rate: number, periodFrames: number): void {
    if (rate === this.rate && periodFrames === this.periodFrames) return;
    this.rate = rate;
    this.periodFrames = periodFrames;
    this.waiting = 0;
    this.down = this.up = undefined;
    if (rate === VOICE_RATE) return;
    this.down = new Resampler(rate, VOICE_RATE);
    this.up = new Resampler(VOICE_RATE, rate);
    this.captured = new Int16Array(this.down.maxOutput(periodFrames));
    const most = this.up.maxOutput(RESAMPLED_BLOCK);
    this.converted = new Int16Array(most);
    this.mixed = new Int16Array(periodFrames + most);
  }

  /** One period of the card, or of what stands in for it (not `audible`). */
  period(captured: Int16Array, play: Int16Array, audible: boolean): void {
    this.audible = audible;
    if (this.levels.capture !== 1) amplify(captured, this.levels.capture);
    if (this.down) {
      const samples = this.down.processInto(this.captured, captured, captured.length);
      this.capture(this.captured, samples);
      this.playResampled(play);
    } else {
      this.capture(captured, captured.length);
      for (let at = 0; at < play.length; at += MAX_BLOCK) this.mixInto(play, at, Math.min(MAX_BLOCK, play.length - at));
    }
    if (this.levels.sidetone > 0 && audible && this.speaking()) addSidetone(play, captured, this.levels.sidetone);
  }

  private speaking(): boolean {
    for (let v = 0; v < this.voices.length; v++) if (this.voices[v].speaking) return true;
    return false;
  }

  /** `frames` at the card's rate were lost. */
  gap(frames: number): void {
    const samples = Math.round((frames * VOICE_RATE) / this.rate);
    for (let v = 0; v < this.voices.length; v++) this.voices[v].gap(samples);
  }

  private capture(pcm: Int16Array, samples: number): void {
    const { block } = this;
    for (let at = 0; at < samples; at += MAX_BLOCK) {
      const count = Math.min(MAX_BLOCK, samples - at);
      for (let i = 0; i < count; i++) block[i] = pcm[at + i];
      for (let v = 0; v < this.voices.length; v++) this.voices[v].capture(block, count);
    }
  }

  private playResampled(play: Int16Array): void {
    const { mixed, up, converted } = this;
    while (this.waiting < play.length) {
      this.mixInto(this.block, 0, RESAMPLED_BLOCK);
      const count = up!.processInto(converted, this.block, RESAMPLED_BLOCK);
      for (let i = 0; i < count; i++) mixed[this.waiting + i] = converted[i];
      this.waiting += count;
    }
    for (let i = 0; i < play.length; i++) play[i] = mixed[i];
    mixed.copyWithin(0, play.length, this.waiting);
    this.waiting -= play.length;
  }

  /** Asks everyone for `samples`, adds, applies the volume and saturates into `out[at, at + samples)`. */
  private mixInto(out: Int16Array, at: number, samples: number): void {
    const { voices, one, sum } = this;
    for (let i = 0; i < samples; i++) sum[i] = 0;
    for (let v = 0; v < voices.length; v++)
      if (voices[v].playInto(one, samples, this.audible)) addInto(sum, one, samples);
    this.gain.saturateInto(out, at, sum, samples);
  }
}

function saturate(sample: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(sample)));
}

function amplify(pcm: Int16Array, by: number): void {
  for (let i = 0; i < pcm.length; i++) pcm[i] = saturate(pcm[i] * by);
}

/** At the card's rate, of this very period: a later sidetone is an echo. */
function addSidetone(play: Int16Array, captured: Int16Array, level: number): void {
  for (let i = 0; i < play.length; i++) play[i] = saturate(play[i] + captured[i] * level);
}
