// Did they understand each other? Compares what was said with what was heard: delay, loss, signal-to-noise ratio.

import { find } from "./correlate.js";
import { readAt, resample } from "./resample.js";

/** A recording with its place in time. */
export interface TimedAudio {
  /** Mono, 16 bits. */
  readonly samples: Int16Array;
  /** Hz. */
  readonly rate: number;
  /** Monotonic ms at which the first sample was spoken into the microphone, or left the earpiece. */
  readonly startedAtMs: number;
}

/** How {@link analyse} judges. Every figure has a default in {@link defaultLimits}. */
export interface AnalysisLimits {
  /** Least correlation of said and heard (0 to 1) that counts as understood. */
  readonly minCorrelation: number;
  /** Greatest loss in % that counts as understood. */
  readonly maxLossPct: number;
  /** Correlation of one 20-ms frame below which it is lost. Two frames that each lost half to one missing packet count as one. */
  readonly frameCorrelation: number;
  /** Greatest mouth-to-ear delay that is looked for, ms. */
  readonly maxDelayMs: number;
}

/** Limits of the demo: correlation above 0.9 and less than 2 % of the speech lost. */
export const defaultLimits: AnalysisLimits = {
  minCorrelation: 0.9,
  maxLossPct: 2,
  frameCorrelation: 0.7,
  maxDelayMs: 3000,
};

/** The delay over one stretch of speech. */
export interface SegmentDelay {
  /** Middle of the stretch, ms into what was said. */
  readonly atMs: number;
  /** Monotonic time of hearing minus monotonic time of speaking, ms. */
  readonly mouthToEarMs: number;
  /** Normalised correlation of the stretch, 0 to 1. */
  readonly correlation: number;
}

/** What became of the speech. */
export interface Analysis {
  /** True when {@link correlation} and {@link lossPct} keep the limits. */
  readonly understood: boolean;
  /** Why not, in words; empty when understood. */
  readonly reasons: readonly string[];
  readonly limits: AnalysisLimits;
  /** Mean over the voiced stretches of the normalised correlation of said and heard, lost ones included; 0 when nothing fits. */
  readonly correlation: number;
  /**
   * Segmental signal-to-noise ratio in dB over the recognised voiced frames of 20 ms, each limited to -10 to 60 dB, gain matched per stretch;
   * everything between mouth and ear is noise here: codec, resampling, concealment. Null when less than a tenth was recognised.
   */
  readonly snrDb: number | null;
  /** Share of the voiced 20-ms frames of what was said that are missing or unrecognisable in what was heard, %. */
  readonly lossPct: number;
  /** From the first to the last recognised voiced frame, as a share (0 to 1) of the first to the last spoken one: below 1 when an end was cut off; 0 when less than a tenth was recognised. */
  readonly heardShare: number;
  /** Median over the stretches of the time from speaking to hearing, ms; null when less than a tenth was recognised. */
  readonly mouthToEarMs: number | null;
  /** Level of heard against said, dB; null when less than a tenth was recognised. */
  readonly gainDb: number | null;
  /** Voiced frames of 20 ms in what was said. */
  readonly voicedFrames: number;
  /** Those of them that were lost. */
  readonly lostFrames: number;
  /** The delay over time, for the stretches that were recognised. */
  readonly offsets: readonly SegmentDelay[];
}

/** Telephone band: both recordings are compared at this rate. */
const RATE = 8000;
const FRAME = RATE / 50;
const SEGMENT_FRAMES = 16;
const SEGMENT = SEGMENT_FRAMES * FRAME;
const PER_MS = RATE / 1000;
/** A frame is voiced above this RMS (of 32768) and above a hundredth of the loud frames' RMS (-40 dB). */
const SILENCE_RMS = 30;
/** A stretch that fits this well fixes the delay for its neighbours. */
const GOOD = 0.6;
const NEAR_MS = 150;
/** With fewer recognised frames than this share the matches may be chance, and give no delay, level or noise. */
const LEAST_SHARE = 0.1;
const FAR_MS = 750;

function energyOf(samples: Float64Array, from: number, length: number): number {
  let sum = 0;
  for (let i = from; i < Math.min(from + length, samples.length); i++) sum += samples[i] * samples[i];
  return sum;
}

/** Which frames of 20 ms carry speech. */
function voicedFrames(said: Float64Array): boolean[] {
  const levels: number[] = [];
  for (let at = 0; at + FRAME <= said.length; at += FRAME) levels.push(Math.sqrt(energyOf(said, at, FRAME) / FRAME));
  const loud = [...levels].sort((a, b) => a - b)[Math.floor(levels.length * 0.95)] ?? 0;
  return levels.map((level) => level > SILENCE_RMS && level > loud / 100);
}

interface Segment {
  readonly firstFrame: number;
  readonly voiced: readonly number[];
  /** heard position minus said position, samples; undefined where nothing fits. */
  readonly lag: number | undefined;
  readonly correlation: number;
}

/** Finds each stretch of `said` in `heard`, near where the last one was, else anywhere plausible. */
function align(said: Float64Array, heard: Float64Array, voiced: boolean[], low: number, high: number): Segment[] {
  const whole = find(said, heard, low, high);
  let expected = whole?.at;
  const segments: Segment[] = [];
  for (let first = 0; first < voiced.length; first += SEGMENT_FRAMES) {
    const frames: number[] = [];
    for (let frame = first; frame < Math.min(first + SEGMENT_FRAMES, voiced.length); frame++)
      if (voiced[frame]) frames.push(frame);
    if (frames.length === 0) continue;
    const start = first * FRAME;
    const pattern = said.subarray(start, Math.min(start + SEGMENT, said.length));
    const search = (centre: number, widthMs: number) =>
      find(
        pattern,
        heard,
        start + Math.max(low, centre - widthMs * PER_MS),
        start + Math.min(high, centre + widthMs * PER_MS),
      );
    let match = expected === undefined ? undefined : search(expected, NEAR_MS);
    if ((match?.correlation ?? 0) < GOOD) {
      const wider = search(expected ?? (low + high) / 2, expected === undefined ? Number.MAX_SAFE_INTEGER : FAR_MS);
      if ((wider?.correlation ?? 0) > (match?.correlation ?? 0)) match = wider;
    }
    const good = match && match.correlation >= GOOD;
    if (good) expected = match!.at - start;
    segments.push({
      firstFrame: first,
      voiced: frames,
      lag: good ? match!.at - start : undefined,
      correlation: match?.correlation ?? 0,
    });
  }
  return segments;
}

interface FrameFit {
  readonly correlation: number;
  readonly saidEnergy: number;
  readonly heardEnergy: number;
  readonly product: number;
}

/** How well one frame of `said` fits `heard` at `lag`. */
function fitFrame(said: Float64Array, heard: Float64Array, frame: number, lag: number): FrameFit {
  const at = frame * FRAME;
  const there = readAt(heard, at + lag, FRAME);
  let product = 0;
  let heardEnergy = 0;
  let saidEnergy = 0;
  for (let i = 0; i < FRAME; i++) {
    const value = said[at + i];
    product += value * there[i];
    heardEnergy += there[i] * there[i];
    saidEnergy += value * value;
  }
  const scale = Math.sqrt(saidEnergy * heardEnergy);
  return { correlation: scale > 0 ? product / scale : 0, saidEnergy, heardEnergy, product };
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

/**
 * Compares what was said with what was heard. Both are brought to the telephone band (8 kHz); what was said is cut into stretches of 320 ms, each
 * found in what was heard by itself, so that a jitter buffer that moves during the call does not spoil the figures.
 * @param said what went into the microphone: all of it is expected to be heard.
 * @param heard what came out of the other side's earpiece.
 * @throws RangeError when a rate is not positive.
 */
export function analyse(said: TimedAudio, heard: TimedAudio, wanted: Partial<AnalysisLimits> = {}): Analysis {
  const limits: AnalysisLimits = { ...defaultLimits, ...wanted };
  const before = resample(said.samples, said.rate, RATE);
  const after = resample(heard.samples, heard.rate, RATE);
  const voiced = voicedFrames(before);
  const startDifferenceMs = heard.startedAtMs - said.startedAtMs;
  // Sound is not heard before it is spoken (a period of slack for the clocks of two processes), nor later than the limit.
  const low = (-20 - startDifferenceMs) * PER_MS;
  const high = (limits.maxDelayMs - startDifferenceMs) * PER_MS;
  const segments = align(before, after, voiced, low, high);

  let lost = 0;
  let count = 0;
  let correlations = 0;
  let firstHeard = -1;
  let lastHeard = -1;
  let snrSum = 0;
  let recognised = 0;
  const gains: number[] = [];
  const offsets: SegmentDelay[] = [];
  segments.forEach((segment, index) => {
    const lags = [segment, segments[index - 1], segments[index + 1]].flatMap((s) =>
      s?.lag === undefined ? [] : [s.lag],
    );
    const fits: FrameFit[] = [];
    let sum = 0;
    for (const frame of segment.voiced) {
      count++;
      let best: FrameFit | undefined;
      for (const lag of lags) {
        const fit = fitFrame(before, after, frame, lag);
        if (!best || fit.correlation > best.correlation) best = fit;
        if (fit.correlation > 0.95) break;
      }
      sum += Math.max(0, best?.correlation ?? 0);
      if (!best || best.correlation < limits.frameCorrelation) {
        lost++;
        continue;
      }
      fits.push(best);
      if (firstHeard < 0) firstHeard = frame;
      lastHeard = frame;
    }
    correlations += sum;
    if (fits.length === 0) return;
    const gain = fits.reduce((s, f) => s + f.product, 0) / fits.reduce((s, f) => s + f.saidEnergy, 0);
    gains.push(gain);
    for (const fit of fits) {
      const noise = fit.heardEnergy - 2 * gain * fit.product + gain * gain * fit.saidEnergy;
      const ratio = 10 * Math.log10((gain * gain * fit.saidEnergy) / Math.max(noise, 1e-9));
      snrSum += Math.min(60, Math.max(-10, ratio));
      recognised++;
    }
    if (segment.lag !== undefined && segment.correlation >= limits.frameCorrelation)
      offsets.push({
        atMs: round((segment.firstFrame * FRAME + SEGMENT / 2) / PER_MS, 1),
        mouthToEarMs: round(segment.lag / PER_MS + startDifferenceMs, 3),
        correlation: round(segment.correlation, 4),
      });
  });

  const firstSpoken = voiced.indexOf(true);
  const span = voiced.lastIndexOf(true) - firstSpoken + 1;
  const correlation = count ? correlations / count : 0;
  const lossPct = count ? (100 * lost) / count : 100;
  const found = recognised > 0 && recognised >= LEAST_SHARE * count;
  const mouthToEar = found ? median(offsets.map((offset) => offset.mouthToEarMs)) : null;
  const gain = found ? median(gains) : null;
  const reasons: string[] = [];
  if (count === 0) reasons.push("nothing was said");
  if (correlation <= limits.minCorrelation)
    reasons.push(`correlation ${correlation.toFixed(3)} is not above ${limits.minCorrelation}`);
  if (lossPct >= limits.maxLossPct) reasons.push(`${lossPct.toFixed(1)} % lost, limit ${limits.maxLossPct} %`);
  return {
    understood: reasons.length === 0,
    reasons,
    limits,
    correlation: round(correlation, 4),
    snrDb: found ? round(snrSum / recognised, 2) : null,
    lossPct: round(lossPct, 3),
    heardShare: found ? round((lastHeard - firstHeard + 1) / span, 4) : 0,
    mouthToEarMs: mouthToEar === null ? null : round(mouthToEar, 3),
    gainDb: gain === null || gain <= 0 ? null : round(20 * Math.log10(gain), 2),
    voicedFrames: count,
    lostFrames: lost,
    offsets: found ? offsets : [],
  };
}
