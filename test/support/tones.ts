// Tones for calls between real programs, and how much of one a recording holds (Goertzel's filter).

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readWav, wavFile } from "../../firmware/audio/index.js";
import { WAV_HEADER_BYTES } from "../../firmware/audio/wav.js";

/** Length of the pieces a recording is judged by, ms. */
const WINDOW_MS = 40;
/** A piece holds the tone when this part of its energy lies at the tone's frequency. */
const PURITY = 0.8;
/** Root mean square below which a piece counts as silence, of 32767. */
const FLOOR = 300;

/** `seconds` of a sine of `hz`, amplitude 8000 of 32767. */
export function tone(hz: number, seconds: number, rate = 8000): Int16Array {
  return Int16Array.from({ length: Math.round(seconds * rate) }, (_, i) =>
    Math.round(8000 * Math.sin((2 * Math.PI * hz * i) / rate)),
  );
}

/** Writes {@link tone} as a mono 16-bit WAV file. */
export function writeTone(file: string, hz: number, seconds: number, rate = 8000): void {
  writeFileSync(file, wavFile(rate, tone(hz, seconds, rate)));
}

/** Energy at `hz` and in all, of `count` samples from `first`. */
export function goertzel(
  samples: Int16Array,
  rate: number,
  hz: number,
  first = 0,
  count = samples.length - first,
): { readonly tone: number; readonly total: number } {
  const factor = 2 * Math.cos((2 * Math.PI * hz) / rate);
  let [before, last, total] = [0, 0, 0];
  for (let i = first; i < first + count; i++) {
    const next = samples[i] + factor * last - before;
    before = last;
    last = next;
    total += samples[i] * samples[i];
  }
  const power = last * last + before * before - factor * last * before;
  return { tone: (2 * power) / count, total };
}

/** How long a recording holds the tone, and how long it is not silent, ms. */
export interface ToneReport {
  readonly toneMs: number;
  readonly soundMs: number;
}

/** Judges samples piece by piece. */
export function toneIn(samples: Int16Array, rate: number, hz: number): ToneReport {
  const window = Math.round((rate * WINDOW_MS) / 1000);
  let [toneMs, soundMs] = [0, 0];
  for (let at = 0; at + window <= samples.length; at += window) {
    const { tone, total } = goertzel(samples, rate, hz, at, window);
    if (total / window < FLOOR * FLOOR) continue;
    soundMs += WINDOW_MS;
    if (tone > PURITY * total) toneMs += WINDOW_MS;
  }
  return { toneMs, soundMs };
}

/** Judges a WAV file; nothing at all in one that is not there, or has no header yet. @throws Error when it is no WAV file. */
export function toneInFile(file: string, hz: number): ToneReport {
  const bytes = existsSync(file) ? readFileSync(file) : new Uint8Array();
  if (bytes.length < WAV_HEADER_BYTES) return { toneMs: 0, soundMs: 0 };
  const sound = readWav(bytes);
  if (!sound.ok) throw new Error(`${file}: ${sound.error.text}`);
  return toneIn(sound.value.samples, sound.value.rate, hz);
}
