// Two crystals never agree: how far playback must be stretched so that its buffer neither runs dry nor piles up.

import { MAX_ADJUST_PPM } from "./resampler.js";

/** How fast a difference is made up for, rad/s: half a minute, so slow that nobody hears the pitch move. */
const BANDWIDTH = 0.15;
/** Readings of a card's delay jump by whole transfers; they are smoothed over so long, s. */
const SMOOTHING_S = 1;
/** Readings that set the level to be kept. */
const SETTLE_S = 1;

/**
 * Follows a playback buffer that one clock fills and another empties. A proportional-integral controller, critically damped: its integral
 * is the difference of the two clocks.
 */
export class DriftFollower {
  /** Difference of the clocks as far as it is known, ppm: positive where playback's crystal is the faster one. */
  ppm = 0;
  private level = 0;
  private goal = 0;
  private known = 0;

  /** @param rate of the buffer's frames, Hz. */
  constructor(private readonly rate: number) {}

  /** The level it tries to keep, frames; 0 until it has settled. */
  get goalFrames(): number {
    return this.known < SETTLE_S ? 0 : this.goal;
  }

  /** The stream was started anew: the level is another, the crystals are the same. */
  restart(): void {
    this.known = 0;
  }

  /**
   * @param frames in the buffer now, those captured and not delivered counted in, so that a late reading is no different from an early one.
   * @param seconds since the last reading.
   * @returns by how much more playback needs, ppm: for `Resampler.ppm`.
   */
  update(frames: number, seconds: number): number {
    if (!(seconds > 0)) return this.ppm;
    if (this.known < SETTLE_S) {
      // The mean of the first second is what will be kept.
      this.goal = (this.goal * this.known + frames * seconds) / (this.known + seconds);
      this.level = this.goal;
      this.known += seconds;
      return this.ppm;
    }
    this.level += (frames - this.level) * Math.min(1, seconds / SMOOTHING_S);
    const lacking = this.goal - this.level;
    const perFrame = 1e6 / this.rate;
    this.ppm = clamp(this.ppm + BANDWIDTH * BANDWIDTH * lacking * seconds * perFrame);
    return clamp(this.ppm + 2 * BANDWIDTH * lacking * perFrame);
  }
}

function clamp(ppm: number): number {
  return Math.max(-MAX_ADJUST_PPM, Math.min(MAX_ADJUST_PPM, ppm));
}
