// Looks at a sound card by using it: plays a noise, records, and says how long the way was, how loud, and what was lost.

import type { AudioOptions, OpenAudio } from "../drivers/contract.js";
import { peakDb, Resampler, rmsDbov } from "../firmware/audio/index.js";
import { systemClock } from "../firmware/runtime/index.js";

/** What was found. Times in ms, levels in dB against full scale. */
export interface AudioFindings {
  /** What the card gave. */
  readonly rate: number;
  readonly periodFrames: number;
  /** Both directions start at the same sample. */
  readonly linked: boolean;
  readonly seconds: number;
  readonly periods: number;
  /** Over- and under-runs of each direction, and frames lost. */
  readonly xruns: { readonly capture: number; readonly playback: number; readonly framesLost: number };
  /** Longest time between two periods. */
  readonly longestGapMs: number;
  /** What the card itself says waits in it, mean over the periods. */
  readonly delayMs: { readonly capture: number; readonly playback: number };
  readonly played: { readonly rmsDb: number; readonly peakDb: number };
  readonly recorded: { readonly rmsDb: number; readonly peakDb: number };
  /** From handing a sample over to having it back; absent: what was played was not heard. */
  readonly roundTripMs?: number;
  /** How alike the two were, 0 to 1. */
  readonly likeness: number;
  /** What the card told: lost, back. */
  readonly told: readonly string[];
}

/** Rate at which the two sounds are compared, Hz. */
const COMPARE_RATE = 8000;
/** The noise begins so late, so that everything has settled, and is so long, s. */
const BEGIN_S = 0.5;
const NOISE_S = 0.25;
/** Longest way that is looked for, s. */
const FARTHEST_S = 1;
/** Shortest time to look, s. */
export const LEAST_SECONDS = 2;
/** Below it the resemblance is an accident. */
const ALIKE = 0.2;
/** Amplitude of the noise: loud enough to be heard across a hand, not to hurt. */
const AMPLITUDE = 6000;

/**
 * Uses a sound card for `seconds`.
 * @throws Error in the driver's own words when it cannot be opened.
 */
export async function examineAudio(open: OpenAudio, wanted: AudioOptions, seconds: number): Promise<AudioFindings> {
  if (!(seconds >= LEAST_SECONDS && seconds <= 60))
    throw new RangeError(`seconds must be ${LEAST_SECONDS} to 60, got ${seconds}`);
  const device = await open(wanted);
  try {
    const { rate, periodFrames, linked = false } = device;
    const length = Math.ceil(seconds * rate);
    const recorded = new Int16Array(length + periodFrames);
    const played = noise(length, rate);
    const told: string[] = [];
    const xruns = { capture: 0, playback: 0, framesLost: 0 };
    const delays = { capture: 0, playback: 0 };
    let [at, periods, last, longestGapMs] = [0, 0, 0, 0];
    await new Promise<void>((resolve) => {
      // A card that gives nothing must not keep anyone waiting.
      const limit = setTimeout(resolve, seconds * 1500 + 1000);
      device.start(
        (captured, play) => {
          const now = systemClock.now();
          if (last) longestGapMs = Math.max(longestGapMs, now - last);
          last = now;
          for (let i = 0; i < captured.length && at + i < recorded.length; i++) recorded[at + i] = captured[i];
          for (let i = 0; i < play.length; i++) play[i] = played[at + i] ?? 0;
          const { capture, playback } = device.delayFrames();
          delays.capture += capture;
          delays.playback += playback;
          periods++;
          at += captured.length;
          if (at < length) return;
          clearTimeout(limit);
          resolve();
        },
        {
          xrun: (direction, frames) => {
            xruns[direction]++;
            xruns.framesLost += frames;
          },
          lost: (reason) => void told.push(`lost: ${reason}`),
          back: () => void told.push("back"),
        },
      );
    });
    device.stop();
    const heard = recorded.subarray(0, Math.min(at, length));
    const found = locate(played, heard, rate);
    const mean = (frames: number) => (periods ? (frames / periods) * (1000 / rate) : 0);
    return {
      ...{
        rate,
        periodFrames,
        linked,
        seconds: at / rate,
        periods,
        xruns,
        longestGapMs,
        told,
        likeness: found.likeness,
      },
      delayMs: { capture: mean(delays.capture), playback: mean(delays.playback) },
      played: { rmsDb: rmsDbov(played, played.length), peakDb: peakDb(played, played.length) },
      recorded: { rmsDb: rmsDbov(heard, heard.length), peakDb: peakDb(heard, heard.length) },
      roundTripMs: found.likeness >= ALIKE ? found.ms : undefined,
    };
  } finally {
    await device.close();
  }
}

/** Silence, noise of a telephone's band, silence. */
function noise(length: number, rate: number): Int16Array {
  const low = new Int16Array(Math.ceil(NOISE_S * COMPARE_RATE));
  let seed = 0x5eed;
  for (let i = 0; i < low.length; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    low[i] = ((seed >> 15) & 1 ? 1 : -1) * AMPLITUDE;
  }
  const up = new Resampler(COMPARE_RATE, rate);
  const burst = new Int16Array(up.maxOutput(low.length));
  const count = up.processInto(burst, low, low.length);
  const out = new Int16Array(length);
  out.set(burst.subarray(0, Math.min(count, length)), Math.min(Math.round(BEGIN_S * rate), length));
  return out;
}

/** Where in `heard` the noise of `played` is, by normalised cross-correlation at 8 kHz. */
function locate(played: Int16Array, heard: Int16Array, rate: number): { ms: number; likeness: number } {
  const said = toCompareRate(played, rate);
  const got = toCompareRate(heard, rate);
  const first = Math.round(BEGIN_S * COMPARE_RATE);
  const count = Math.round(NOISE_S * COMPARE_RATE);
  let pattern = 0;
  for (let i = 0; i < count; i++) pattern += (said[first + i] ?? 0) ** 2;
  let [best, bestAt] = [0, 0];
  const farthest = Math.min(FARTHEST_S * COMPARE_RATE, got.length - first - count);
  for (let lag = 0; lag <= farthest; lag++) {
    let [sum, energy] = [0, 0];
    for (let i = 0; i < count; i++) {
      const sample = got[first + lag + i];
      sum += said[first + i] * sample;
      energy += sample * sample;
    }
    // A loudspeaker may be wired the other way round.
    const likeness = energy > 0 ? Math.abs(sum) / Math.sqrt(energy * pattern) : 0;
    if (likeness > best) [best, bestAt] = [likeness, lag];
  }
  return { ms: (bestAt * 1000) / COMPARE_RATE, likeness: best };
}

function toCompareRate(pcm: Int16Array, rate: number): Int16Array {
  const down = new Resampler(rate, COMPARE_RATE);
  const out = new Int16Array(down.maxOutput(pcm.length));
  return out.subarray(0, down.processInto(out, pcm, pcm.length));
}
