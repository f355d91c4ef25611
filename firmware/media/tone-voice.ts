// The tones of the phone itself in the mix of the earpiece.

import { europeanTones, ToneGenerator, type ToneTable } from "../audio/index.js";
import type { Voiced } from "./pump.js";
import type { Tone } from "./voice.js";

/** How long a tone waits for a card that is still being opened, ms; a click must not come much after its key. */
const WAIT_MS = 500;

/** Plays one tone at a time beside the calls. */
export class ToneVoice implements Voiced {
  private readonly generator: ToneGenerator;
  private sounding = false;
  /** Samples the tone has waited to be heard. */
  private waited = 0;

  /**
   * @param rate Hz.
   * @param ended the tone's last sound has been asked for.
   */
  constructor(
    rate: number,
    private readonly ended: () => void,
    private readonly table: ToneTable = europeanTones,
  ) {
    this.generator = new ToneGenerator(rate);
  }

  /** Something is to be heard, a tone's pauses included. */
  get playing(): boolean {
    return this.generator.playing;
  }

  /** Plays a tone in place of what sounds; undefined: silence. */
  play(tone: Tone | undefined): void {
    this.generator.play(tone === undefined ? undefined : this.table[tone]);
    this.sounding = this.generator.playing;
    this.waited = 0;
  }

  playInto(out: Int16Array, samples: number, audible: boolean): boolean {
    if (!audible && this.waited < (WAIT_MS * this.generator.rate) / 1000) {
      this.waited += samples;
      return false;
    }
    const heard = this.generator.playInto(out, samples);
    if (this.sounding && !this.generator.playing) {
      this.sounding = false;
      this.ended();
    }
    return heard;
  }

  capture(): void {}
  gap(): void {}
}
