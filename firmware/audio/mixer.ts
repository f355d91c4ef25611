// Mixing: sums in 32 bits, then one pass that applies a gain which moves without clicks, and saturates.

/** Adds the first `samples` of `pcm` to `sum`. */
export function addInto(sum: Int32Array, pcm: Int16Array, samples: number): void {
  for (let i = 0; i < samples; i++) sum[i] += pcm[i];
}

/** How long a change of gain takes, ms: short for a hand on a volume key, long enough not to click. */
const RAMP_MS = 20;

/** A gain that glides to where it is set. */
export class Gain {
  private now: number;
  private target: number;
  private step = 0;
  private left = 0;
  private readonly rampSamples: number;

  /** @param rate sampling rate, Hz. @param level where it begins, 0 (silence) to 4. */
  constructor(rate: number, level = 1) {
    this.rampSamples = Math.max(1, Math.round((rate * RAMP_MS) / 1000));
    this.now = this.target = checked(level);
  }

  /** Where the gain is going, or is. */
  get level(): number {
    return this.target;
  }
  /** Goes to a level over the next 20 ms. @throws RangeError outside 0 to 4. */
  set level(level: number) {
    this.target = checked(level);
    this.left = this.rampSamples;
    this.step = (this.target - this.now) / this.rampSamples;
  }

  /** Writes `samples` of `sum`, scaled and saturated, to `out` from index `at` on. */
  saturateInto(out: Int16Array, at: number, sum: Int32Array, samples: number): void {
    for (let i = 0; i < samples; i++) {
      if (this.left > 0) this.now = --this.left === 0 ? this.target : this.now + this.step;
      out[at + i] = Math.max(-32768, Math.min(32767, Math.round(sum[i] * this.now)));
    }
  }
}

function checked(level: number): number {
  if (!(level >= 0 && level <= 4)) throw new RangeError(`a gain must be 0 to 4, got ${level}`);
  return level;
}
