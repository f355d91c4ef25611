// A ringer nobody is woken by.

import type { Ringer, RingerSound } from "../contract.js";
import { type Surroundings, surroundings } from "./surroundings.js";

/** {@link Ringer} without a loudspeaker. Its observer hears "on ring 0.8" (sound and volume) and "off"; what makes no sound is "off". */
export class SimulatedRinger implements Ringer {
  /** What is playing, and how loud. */
  playing: { readonly sound: RingerSound; readonly volume: number } | undefined;
  private readonly around: Required<Surroundings>;
  private closed = false;

  constructor(options: Surroundings = {}) {
    this.around = surroundings(options);
  }

  /** @throws RangeError for a volume outside 0 to 1. */
  start(sound: RingerSound, volume: number): void {
    if (this.closed) return;
    if (!(volume >= 0 && volume <= 1)) throw new RangeError(`volume must be from 0 to 1, got ${volume}`);
    if (sound === "silent" || volume === 0) {
      this.stop();
      return;
    }
    if (this.playing?.sound === sound && this.playing.volume === volume) return;
    this.playing = { sound, volume };
    this.around.observe(`on ${sound} ${volume}`, this.around.clock.now());
  }
  stop(): void {
    if (!this.playing) return;
    this.playing = undefined;
    this.around.observe("off", this.around.clock.now());
  }
  close(): void {
    this.stop();
    this.closed = true;
  }
}
