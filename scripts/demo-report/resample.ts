// Band-limited interpolation for the analysis: any rate to another, and shifts by a fraction of a sample.

/** Half the width of the interpolating kernel, in samples of the lower rate. */
const HALF_WIDTH = 24;

/** A Hann-windowed sinc, zero outside ±1 of `u`; `x` in samples. */
function kernel(x: number, u: number): number {
  if (u <= -1 || u >= 1) return 0;
  const window = 0.5 + 0.5 * Math.cos(Math.PI * u);
  if (Math.abs(x) < 1e-9) return window;
  const angle = Math.PI * x;
  return (Math.sin(angle) / angle) * window;
}

/**
 * Converts samples to another rate through a linear-phase low-pass filter, without delay.
 * @param samples mono; 16-bit or floating point.
 * @param from rate of `samples`, Hz.
 * @param to wanted rate, Hz.
 * @returns `ceil(samples.length * to / from)` samples on the same scale; the first is at the same moment as the first of `samples`.
 * @throws RangeError when a rate is not a positive number.
 */
export function resample(samples: Int16Array | Float64Array, from: number, to: number): Float64Array {
  if (!(from > 0 && to > 0)) throw new RangeError(`rates must be positive, got ${from} and ${to}`);
  if (from === to) return Float64Array.from(samples);
  const out = new Float64Array(Math.ceil((samples.length * to) / from));
  const cutoff = Math.min(1, to / from);
  const reach = HALF_WIDTH / cutoff;
  // The kernel repeats after `to / gcd` outputs: with the usual rates a handful of phases serve the whole recording.
  const phases = new Map<number, Float64Array>();
  for (let i = 0; i < out.length; i++) {
    const at = (i * from) / to;
    const centre = Math.floor(at);
    const fraction = at - centre;
    const phase = Math.round(fraction * 1e6);
    let taps = phases.get(phase);
    if (!taps) {
      taps = new Float64Array(2 * Math.ceil(reach) + 2);
      for (let k = 0; k < taps.length; k++) {
        const distance = k - Math.ceil(reach) - fraction;
        taps[k] = kernel(distance * cutoff, distance / reach) * cutoff;
      }
      if (phases.size < 4096) phases.set(phase, taps);
    }
    const start = centre - Math.ceil(reach);
    let sum = 0;
    const last = Math.min(taps.length, samples.length - start);
    for (let k = Math.max(0, -start); k < last; k++) sum += taps[k] * samples[start + k];
    out[i] = sum;
  }
  return out;
}

/**
 * Reads `length` samples from `source` beginning at a fractional position; outside of `source` there is silence.
 * @param at position of the first sample to read, in samples of `source`.
 */
export function readAt(source: Float64Array, at: number, length: number): Float64Array {
  const out = new Float64Array(length);
  const centre = Math.floor(at);
  const fraction = at - centre;
  const taps = new Float64Array(2 * HALF_WIDTH + 1);
  for (let k = 0; k < taps.length; k++) {
    const distance = k - HALF_WIDTH - fraction;
    taps[k] = kernel(distance, distance / HALF_WIDTH);
  }
  for (let i = 0; i < length; i++) {
    const start = centre + i - HALF_WIDTH;
    let sum = 0;
    const last = Math.min(taps.length, source.length - start);
    for (let k = Math.max(0, -start); k < last; k++) sum += taps[k] * source[start + k];
    out[i] = sum;
  }
  return out;
}
