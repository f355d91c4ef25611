// The tones of the phone itself in the mix of the earpiece.

import { europeanTones, ToneGenerator, type ToneTable } from "../audio/index.js";
import type { Voiced } from "./pump.js";
import type { Tone } from "./voice.js";

/** Plays one tone at a time beside the calls. */
export class ToneVoice implements Voiced {
  private readonly generator: ToneGenerator;
  private sounding = false;

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
  }

  playInto(out: Int16Array, samples: number): boolean {
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
