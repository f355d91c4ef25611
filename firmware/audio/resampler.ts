// Streaming sample rate conversion between any two whole rates: a windowed-sinc filter in polyphase form.

/** Taps of the filter at the lower of the two rates: passband to 0.42 of that rate, 70 dB down from 0.52 on. */
const TAPS = 48;
/** The -6 dB point, as a part of the lower rate. */
const CUTOFF = 0.47;
/** Kaiser window's shape, for about 70 dB of stopband. */
const KAISER_BETA = 6.8;
/** Up to so many phases each has its own filter; beyond it, filters are interpolated between this many. */
const MAX_EXACT_PHASES = 640;
const INTERPOLATED_PHASES = 256;
/** Input samples taken at a time. */
const BLOCK = 1024;
/** How far the rate of an adjustable conversion can be moved, parts per million: more than any two crystals differ. */
export const MAX_ADJUST_PPM = 5000;

function gcd(a: number, b: number): number {
  while (b) [a, b] = [b, a % b];
  return a;
}

/** Modified Bessel function of the first kind, order 0. */
function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * Filters for `phases` + 1 positions between two input samples, each `2 * half` taps, oldest input first, unity gain at 0 Hz.
 * @param cutoff -6 dB point in cycles per input sample.
 */
function makeFilters(phases: number, half: number, cutoff: number): Float32Array {
  const taps = 2 * half;
  const filters = new Float32Array((phases + 1) * taps);
  const row = new Float64Array(taps);
  for (let phase = 0; phase <= phases; phase++) {
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const distance = phase / phases + half - 1 - t;
      const x = 2 * cutoff * distance * Math.PI;
      const sinc = x === 0 ? 1 : Math.sin(x) / x;
      const edge = 1 - (distance / half) ** 2;
      row[t] = edge <= 0 ? 0 : sinc * bessel0(KAISER_BETA * Math.sqrt(edge));
      sum += row[t];
    }
    for (let t = 0; t < taps; t++) filters[phase * taps + t] = row[t] / sum;
  }
  return filters;
}

/** Converts one stream from one rate to another. Allocates nothing after construction. */
export class Resampler {
  /** How far the output's rate is moved, ppm. */
  private moved = 0;
  /** `down`, moved. */
  private step: number;
  /** How much later the output says what the input said, in output samples (fractional). */
  readonly latency: number;
  private readonly taps: number;
  private readonly phases: number;
  private readonly filters: Float32Array;
  /** The last inputs that a filter still needs, then the block that is being taken in. */
  private readonly line: Float32Array;
  /** Of each output's time: input samples = numerator / up, advanced by `down` for each. */
  private readonly up: number;
  private readonly down: number;
  /** Time of the next output after the newest input of the history, in 1 / up of an input sample; 0 or more. */
  private ahead = 0;

  /**
   * @param from rate of the input, Hz. @param to rate of the output, Hz.
   * @param adjustable whether the rate can be moved a little while it runs ({@link ppm}).
   * @throws RangeError unless both are whole numbers from 1000 to 384000.
   */
  constructor(
    readonly from: number,
    readonly to: number,
    private readonly adjustable = false,
  ) {
    for (const rate of [from, to])
      if (!(Number.isInteger(rate) && rate >= 1000 && rate <= 384_000))
        throw new RangeError(`a rate must be a whole number of 1000 to 384000 Hz, got ${rate}`);
    const common = gcd(from, to);
    this.up = to / common;
    this.down = from / common;
    this.step = this.down;
    const half = from === to && !adjustable ? 0 : Math.ceil((TAPS / 2) * Math.max(1, from / to));
    this.taps = 2 * half;
    this.phases = this.up <= MAX_EXACT_PHASES && !adjustable ? this.up : INTERPOLATED_PHASES;
    this.filters = half ? makeFilters(this.phases, half, CUTOFF * Math.min(1, to / from)) : new Float32Array(0);
    this.line = new Float32Array(this.taps + BLOCK);
    this.latency = (half * to) / from;
  }

  /** Most samples that {@link processInto} can write for `samples` taken in. */
  maxOutput(samples: number): number {
    const most = this.adjustable ? this.down * (1 - MAX_ADJUST_PPM * 1e-6) : this.down;
    return Math.ceil((samples * this.up) / most) + 1;
  }

  /** How much more output (less, negative) than the two rates say comes out, parts per million. */
  get ppm(): number {
    return this.moved;
  }
  /** Moves the rate from the next sample on. @throws RangeError beyond 5000 ppm; Error where the conversion is not adjustable. */
  set ppm(ppm: number) {
    if (!this.adjustable) throw new Error("this resampler's rate is fixed");
    if (!(Math.abs(ppm) <= MAX_ADJUST_PPM)) throw new RangeError(`ppm must be -5000 to 5000, got ${ppm}`);
    this.moved = ppm;
    this.step = this.down / (1 + ppm * 1e-6);
  }

  /** Before the first input: lets the output begin with the input's beginning, as soon as the latency's worth of input is in. */
  skipLatency(): void {
    this.reset();
    this.ahead = (this.taps / 2) * this.up;
  }

  /** As if nothing had been taken in yet. */
  reset(): void {
    this.line.fill(0);
    this.ahead = 0;
  }

  /**
   * Takes in the first `samples` of `pcm` and writes what follows from them. Over a stream, n samples in give ceil(n * to / from)
   * samples out (where nobody moves the rate), so that periods of a whole number of ms keep their length.
   * @returns samples written. @throws RangeError when `out` is shorter than {@link maxOutput} or `pcm` than `samples`.
   */
  processInto(out: Int16Array, pcm: Int16Array, samples: number): number {
    if (!(samples >= 0 && samples <= pcm.length))
      throw new RangeError(`samples must be 0 to the length of pcm (${pcm.length}), got ${samples}`);
    if (this.taps === 0) {
      if (out.length < samples) throw new RangeError(`out must hold ${samples} samples, has ${out.length}`);
      for (let i = 0; i < samples; i++) out[i] = pcm[i];
      return samples;
    }
    if (out.length < this.maxOutput(samples))
      throw new RangeError(`out must hold ${this.maxOutput(samples)} samples, has ${out.length}`);
    let written = 0;
    for (let first = 0; first < samples; first += BLOCK)
      written = this.processBlock(out, written, pcm, first, Math.min(BLOCK, samples - first));
    return written;
  }

  private processBlock(out: Int16Array, written: number, pcm: Int16Array, first: number, count: number): number {
    const { line, taps, up, step, phases } = this;
    const exact = phases === up && !this.adjustable;
    for (let i = 0; i < count; i++) line[taps + i] = pcm[first + i];
    let ahead = this.ahead;
    const end = count * up;
    while (ahead < end) {
      const newest = Math.floor(ahead / up);
      const position = ((ahead - newest * up) * phases) / up;
      const phase = exact ? position : Math.floor(position);
      // The filter ends at input `newest` of this block, at line[taps + newest].
      let sample = this.convolve(phase, newest + 1);
      if (!exact && position > phase) sample += (this.convolve(phase + 1, newest + 1) - sample) * (position - phase);
      out[written++] = Math.max(-32768, Math.min(32767, Math.round(sample)));
      ahead += step;
    }
    this.ahead = ahead - end;
    line.copyWithin(0, count, count + taps);
    return written;
  }

  private convolve(phase: number, start: number): number {
    const { filters, line, taps } = this;
    const row = phase * taps;
    let sum = 0;
    for (let t = 0; t < taps; t++) sum += filters[row + t] * line[start + t];
    return sum;
  }
}

/** Converts a whole sound; the beginning stays the beginning. */
export function resample(pcm: Int16Array, from: number, to: number): Int16Array {
  const resampler = new Resampler(from, to);
  resampler.skipLatency();
  const tail = new Int16Array(Math.ceil((resampler.latency * from) / to) + 1);
  const out = new Int16Array(resampler.maxOutput(pcm.length) + resampler.maxOutput(tail.length));
  let written = resampler.processInto(out, pcm, pcm.length);
  written += resampler.processInto(out.subarray(written), tail, tail.length);
  return out.slice(0, Math.min(written, Math.ceil((pcm.length * to) / from)));
}
