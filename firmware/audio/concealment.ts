// Packet loss concealment for waveform codecs, in the manner of ITU-T G.711 appendix I: the last pitch period is said again.
//
// The recommendation delays all speech by 3.75 ms so that it can cross-fade into a gap. This one adds no delay: it starts the
// gap with the old period and lets the step at the joint die away over a millisecond.

/** Fills the gaps of one decoded stream. */
export interface Concealment {
  /** Every frame that arrived, in order; its beginning may be changed, to leave a gap smoothly. */
  received(pcm: Int16Array, samples: number): void;
  /** Fills `out` with what stands in for `samples` that did not arrive. */
  concealInto(out: Int16Array, samples: number): void;
  /** Forgets what was heard (a new source). */
  reset(): void;
}

/** Pitch search range: 66 to 200 Hz, as periods in ms. */
const MIN_PITCH_MS = 5;
const MAX_PITCH_MS = 15;
/** Stretch of signal whose likeness is sought one pitch earlier: the longest period (longer measured worse on speech). */
const MATCH_MS = 15;
/** Over so long the step into a gap dies away (longer measured worse on speech, shorter is heard). */
const JOINT_MS = 1;
/** Steps of a gap: one more period joins the repetition at each of the first ones, and the level falls from the second on. */
const STEP_MS = 10;
const MAX_PERIODS = 3;
const FADE_PER_STEP = 0.2;
/** A cross-fade out of a gap grows by this much with each step of the gap, up to one step. */
const RECOVERY_PER_STEP_MS = 4;

/** {@link Concealment} by pitch repetition. Allocates nothing after construction. */
export class WaveformConcealment implements Concealment {
  private readonly minPitch: number;
  private readonly maxPitch: number;
  private readonly match: number;
  private readonly step: number;
  private readonly jointLength: number;
  /** The latest signal, newest last: what arrived, and what stood in for it. */
  private readonly history: Int16Array;
  /** History as it was when the gap began; its last quarter period is blended so that it can be repeated without a seam. */
  private readonly source: Float32Array;
  /** That quarter period as it really was. */
  private readonly quarter: Float32Array;
  /** What the repetition would have gone on with, for a cross-fade. */
  private readonly tail: Float32Array;
  private pitch = 0;
  private overlap = 0;
  private periods = 0;
  /** Where in the repeated stretch the next sample is. */
  private offset = 0;
  /** Samples of the present gap so far. */
  private lost = 0;
  /** Height of the step at the gap's beginning. */
  private joint = 0;

  /** @param rate sampling rate, Hz: a multiple of 1000. */
  constructor(readonly rate: number) {
    if (!(Number.isInteger(rate / 1000) && rate >= 8000))
      throw new RangeError(`rate must be a multiple of 1000 from 8000 Hz up, got ${rate}`);
    const perMs = rate / 1000;
    this.minPitch = MIN_PITCH_MS * perMs;
    this.maxPitch = MAX_PITCH_MS * perMs;
    this.match = MATCH_MS * perMs;
    this.step = STEP_MS * perMs;
    this.jointLength = JOINT_MS * perMs;
    const length = MAX_PERIODS * this.maxPitch + (this.maxPitch >> 2);
    this.history = new Int16Array(length);
    this.source = new Float32Array(length);
    this.quarter = new Float32Array(this.maxPitch >> 2);
    this.tail = new Float32Array(this.step);
  }

  reset(): void {
    this.history.fill(0);
    this.lost = 0;
  }

  received(pcm: Int16Array, samples: number): void {
    const count = Math.min(samples, pcm.length);
    if (this.lost > 0 && count > 0) {
      const steps = Math.ceil(this.lost / this.step);
      const wanted = this.overlap + (steps * RECOVERY_PER_STEP_MS * this.rate) / 1000;
      const fade = Math.min(wanted, this.step, count);
      for (let i = 0; i < fade; i++) {
        const weight = (i + 1) / (fade + 1);
        const old = this.level() * this.nextRepeated();
        this.lost++;
        pcm[i] = Math.round(old + (pcm[i] - old) * weight);
      }
      this.lost = 0;
    }
    this.remember(pcm, count);
  }

  concealInto(out: Int16Array, samples: number): void {
    const count = Math.min(samples, out.length);
    for (let i = 0; i < count; i++) {
      if (this.lost === 0) this.begin();
      else if (this.lost % this.step === 0 && this.periods < MAX_PERIODS) this.widen();
      const inStep = this.lost % this.step;
      let sample = this.nextRepeated();
      if (this.lost >= this.step && this.lost < MAX_PERIODS * this.step && inStep < this.overlap)
        // A period has just joined: come over from what the shorter repetition would have said.
        sample = this.tail[inStep] + ((sample - this.tail[inStep]) * (inStep + 1)) / (this.overlap + 1);
      else if (this.lost < this.jointLength) sample += this.joint * (1 - (this.lost + 1) / (this.jointLength + 1));
      sample = Math.round(sample * this.level());
      out[i] = Math.max(-32768, Math.min(32767, sample));
      this.lost++;
    }
    this.remember(out, count);
  }

  /** Loudness of the stand-in: full for one step, then falling to nothing. */
  private level(): number {
    const fade = 1 - (FADE_PER_STEP * (this.lost - this.step)) / this.step;
    return Math.max(0, Math.min(1, fade));
  }

  private nextRepeated(): number {
    const stretch = this.periods * this.pitch;
    const sample = this.source[this.source.length - stretch + this.offset];
    this.offset = this.offset + 1 === stretch ? 0 : this.offset + 1;
    return sample;
  }

  private begin(): void {
    const { history } = this;
    const end = history.length;
    this.pitch = this.findPitch();
    this.overlap = this.pitch >> 2;
    this.periods = 1;
    this.offset = 0;
    this.joint = history[end - 1] - history[end - 1 - this.pitch];
    for (let i = 0; i < end; i++) this.source[i] = history[i];
    for (let i = 0; i < this.overlap; i++) this.quarter[i] = history[end - this.overlap + i];
    this.blendTail();
  }

  /** Takes one period more into the repetition, so that long gaps do not buzz. */
  private widen(): void {
    const { offset } = this;
    for (let i = 0; i < this.overlap; i++) this.tail[i] = this.nextRepeated();
    this.periods++;
    // The same phase within a period; the stretch now begins one period earlier.
    this.offset = offset % this.pitch;
    this.blendTail();
  }

  /** Makes the end of the stretch lead over into its own beginning: a cross-fade with what came before that beginning. */
  private blendTail(): void {
    const { source, quarter, overlap } = this;
    const end = source.length;
    const before = end - this.periods * this.pitch - overlap;
    for (let i = 0; i < overlap; i++)
      source[end - overlap + i] = quarter[i] + ((source[before + i] - quarter[i]) * (i + 1)) / (overlap + 1);
  }

  /** The lag at which the last {@link MATCH_MS} look most like what came before: coarse over every other sample, then fine. */
  private findPitch(): number {
    const stride = Math.max(2, (this.rate / 8000) * 2);
    let best = this.maxPitch;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let lag = this.minPitch; lag <= this.maxPitch; lag += stride) {
      const score = this.likeness(lag, stride);
      if (score > bestScore) {
        bestScore = score;
        best = lag;
      }
    }
    const from = Math.max(this.minPitch, best - stride + 1);
    const to = Math.min(this.maxPitch, best + stride - 1);
    bestScore = Number.NEGATIVE_INFINITY;
    for (let lag = from; lag <= to; lag++) {
      const score = this.likeness(lag, 1);
      if (score > bestScore) {
        bestScore = score;
        best = lag;
      }
    }
    return best;
  }

  /** Cross-correlation with the signal `lag` earlier, over the root of that signal's energy. */
  private likeness(lag: number, stride: number): number {
    const { history } = this;
    const end = history.length;
    let product = 0;
    let energy = 0;
    for (let i = end - this.match; i < end; i += stride) {
      const earlier = history[i - lag];
      product += history[i] * earlier;
      energy += earlier * earlier;
    }
    // A floor under the energy: near silence is not a period.
    return product / Math.sqrt(Math.max(energy, this.match / stride));
  }

  private remember(pcm: Int16Array, count: number): void {
    const { history } = this;
    const size = history.length;
    if (count >= size) {
      for (let i = 0; i < size; i++) history[i] = pcm[count - size + i];
      return;
    }
    history.copyWithin(0, count);
    for (let i = 0, at = size - count; i < count; i++, at++) history[at] = pcm[i];
  }
}
