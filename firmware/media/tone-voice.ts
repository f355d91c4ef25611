import type { Voiced } from "./pump.js";
import type { Tone } from "./voice.js";
export class ToneVoice implements Voiced {
  playing = false;
  constructor(readonly rate: number) {}
  play(_tone: Tone | undefined): void {}
  capture(): void {}
  gap(): void {}
  playInto(_out: Int16Array, _samples: number): boolean {
    return false;
  }
}
