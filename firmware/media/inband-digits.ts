// Digits for a peer that takes no telephone-events: the two frequencies of DTMF in place of the voice (ITU-T Q.23, Q.24).

import { dtmfTones, ToneGenerator } from "../audio/index.js";

/** Pause after each digit, ms: Q.24 asks for 40 or more. */
const PAUSE_MS = 60;
const QUEUE = 32;

/** Plays a short queue of digits into what is captured. Nothing is allocated per packet. */
export class InbandDigits {
  private readonly generator: ToneGenerator;
  private readonly queue: { digit: string; samples: number }[] = [];
  private left = 0;
  private pause = 0;

  /** @param rate Hz. */
  constructor(private readonly rate: number) {
    this.generator = new ToneGenerator(rate);
  }

  /** Queues a digit; one too many (33) is dropped. */
  enqueue(digit: string, durationMs: number): void {
    if (this.queue.length < QUEUE)
      this.queue.push({ digit: digit.toUpperCase(), samples: Math.round((durationMs * this.rate) / 1000) });
  }

  /** Forgets what sounds and what waits. */
  abandon(): void {
    this.queue.length = 0;
    this.left = this.pause = 0;
    this.generator.play(undefined);
  }

  /** Puts what is due in place of the voice in `frame[0, samples)`; digits begin and end at frames. */
  replace(frame: Int16Array, samples: number): void {
    if (this.left <= 0 && this.pause <= 0) {
      const next = this.queue.shift();
      if (!next) return;
      this.left = next.samples;
      this.pause = (PAUSE_MS * this.rate) / 1000;
      this.generator.play(dtmfTones[next.digit]);
    }
    if (this.left > 0) this.left -= samples;
    else {
      this.generator.play(undefined);
      this.pause -= samples;
    }
    if (!this.generator.playInto(frame, samples)) for (let i = 0; i < samples; i++) frame[i] = 0;
  }
}
