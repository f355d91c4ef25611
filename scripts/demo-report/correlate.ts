// Finds one recording inside another: normalised cross-correlation by FFT, peak to a fraction of a sample.

import FFT from "fft.js";

/** Where a pattern fits best. */
export interface Match {
  /** Position in the searched signal at which the pattern's first sample lies, in samples, fractional. */
  readonly at: number;
  /** Normalised correlation there, -1 to 1. */
  readonly correlation: number;
}

const plans = new Map<number, FFT>();

function planFor(size: number): FFT {
  let plan = plans.get(size);
  if (!plan) plans.set(size, (plan = new FFT(size)));
  return plan;
}

/** Sum over k of pattern[k] * signal[lag + k], for every lag from 0 to signal.length - 1 (silence after the end). */
export function crossCorrelate(pattern: Float64Array, signal: Float64Array): Float64Array {
  let size = 2;
  while (size < pattern.length + signal.length) size *= 2;
  const plan = planFor(size);
  const padded: number[] = new Array(size).fill(0);
  for (let i = 0; i < signal.length; i++) padded[i] = signal[i];
  const a = plan.createComplexArray() as number[];
  plan.realTransform(a, padded);
  plan.completeSpectrum(a);
  padded.fill(0);
  for (let i = 0; i < pattern.length; i++) padded[i] = pattern[i];
  const b = plan.createComplexArray() as number[];
  plan.realTransform(b, padded);
  plan.completeSpectrum(b);
  for (let i = 0; i < a.length; i += 2) {
    const re = a[i] * b[i] + a[i + 1] * b[i + 1];
    const im = a[i + 1] * b[i] - a[i] * b[i + 1];
    a[i] = re;
    a[i + 1] = im;
  }
  plan.inverseTransform(b, a);
  const out = new Float64Array(signal.length);
  for (let i = 0; i < out.length; i++) out[i] = b[2 * i];
  return out;
}

/** Finest step, in samples, at which the peak between two lags is looked for before a parabola settles the rest. */
const FINE = 1 / 8;
/** Neighbouring lags from which the correlation between two lags is interpolated. */
const REACH = 12;

/** The correlation is band-limited as the signals are: its values between two lags follow from its neighbours. */
function between(values: Float64Array, at: number): number {
  let sum = 0;
  const centre = Math.round(at);
  for (let k = Math.max(0, centre - REACH); k <= Math.min(values.length - 1, centre + REACH); k++) {
    const x = at - k;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / (REACH + 1));
    sum += values[k] * (Math.abs(x) < 1e-9 ? 1 : (Math.sin(Math.PI * x) / (Math.PI * x)) * window);
  }
  return sum;
}

function refine(values: Float64Array, peak: number): number {
  let best = peak;
  let bestValue = values[peak];
  for (let at = peak - 1 + FINE; at < peak + 1; at += FINE) {
    const value = between(values, at);
    if (value > bestValue) {
      bestValue = value;
      best = at;
    }
  }
  const left = between(values, best - FINE);
  const right = between(values, best + FINE);
  const curve = left - 2 * bestValue + right;
  return curve < 0 ? best + (FINE * (left - right)) / (2 * curve) : best;
}

/**
 * Finds `pattern` in `signal`.
 * @param from first lag tried, samples; may be negative (the signal then begins with silence).
 * @param to last lag tried, samples.
 * @returns the lag of the greatest normalised correlation, or undefined when pattern or signal is silent throughout.
 * A stretch of the signal much quieter than the pattern's loudest match does not win by chance: lags at which the signal has less than a
 * thousandth of the greatest energy seen are passed over.
 */
export function find(pattern: Float64Array, signal: Float64Array, from: number, to: number): Match | undefined {
  const first = Math.floor(from);
  const last = Math.ceil(to);
  if (last < first || pattern.length === 0) return undefined;
  const slice = new Float64Array(last - first + pattern.length);
  for (let i = 0; i < slice.length; i++) {
    const at = first + i;
    if (at >= 0 && at < signal.length) slice[i] = signal[at];
  }
  let patternEnergy = 0;
  for (const value of pattern) patternEnergy += value * value;
  if (patternEnergy === 0) return undefined;
  const lags = last - first + 1;
  const energies = new Float64Array(lags);
  let energy = 0;
  for (let k = 0; k < pattern.length; k++) energy += slice[k] * slice[k];
  let greatest = energy;
  for (let lag = 0; lag < lags; lag++) {
    energies[lag] = Math.max(0, energy);
    greatest = Math.max(greatest, energy);
    const leaving = slice[lag];
    const coming = lag + pattern.length < slice.length ? slice[lag + pattern.length] : 0;
    energy += coming * coming - leaving * leaving;
  }
  if (greatest <= 0) return undefined;
  const raw = crossCorrelate(pattern, slice).subarray(0, lags);
  const normalised = new Float64Array(lags);
  let peak = 0;
  for (let lag = 0; lag < lags; lag++) {
    if (energies[lag] > greatest / 1000) normalised[lag] = raw[lag] / Math.sqrt(energies[lag] * patternEnergy);
    if (normalised[lag] > normalised[peak]) peak = lag;
  }
  if (normalised[peak] <= 0) return undefined;
  return { at: first + refine(normalised, peak), correlation: normalised[peak] };
}
