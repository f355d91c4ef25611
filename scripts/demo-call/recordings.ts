// What was said and what was heard, as samples with their place in time.

import { existsSync, readFileSync } from "node:fs";
import { readWav } from "../../firmware/audio/index.js";
import type { TimedAudio } from "../demo-report/analyse.js";

interface Times {
  readonly startedAtMs: number | null;
  readonly spokeAtMs: number | null;
}

/** Reads the moments a simulated sound card noted beside its recording; nulls where it noted none. */
export function recordingTimes(heardFile: string): Times {
  const file = `${heardFile}.json`;
  if (!existsSync(file)) return { startedAtMs: null, spokeAtMs: null };
  return JSON.parse(readFileSync(file, "utf8")) as Times;
}

/**
 * Reads a WAV file as mono samples. @throws Error with path and reason when it is none.
 */
export function readSamples(file: string): { samples: Int16Array; rate: number } {
  const wav = readWav(readFileSync(file));
  if (!wav.ok) throw new Error(`${file}: ${wav.error.text}`);
  return { samples: wav.value.samples, rate: wav.value.rate };
}

/** The part of a recording (spoken over and over) that was said in `seconds`, begun at `spokeAtMs`. */
export function saidAudio(file: string, seconds: number, spokeAtMs: number): TimedAudio {
  const { samples, rate } = readSamples(file);
  const length = Math.round(seconds * rate);
  const said = new Int16Array(length);
  for (let at = 0; at < length; at += samples.length)
    said.set(samples.subarray(0, Math.min(samples.length, length - at)), at);
  return { samples: said, rate, startedAtMs: spokeAtMs };
}
