// The person in front of a simulated microphone: says a recording once or again and again, from a moment on.

import { readFile } from "node:fs/promises";
import { resample } from "../../firmware/audio/resampler.js";
import { readWav, type WavSound } from "../../firmware/audio/wav.js";

/** Longest recording taken, bytes: minutes of any format, far from what a phone's memory is. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * Reads a WAV file to be spoken.
 * @throws Error that names the path and what is wrong.
 */
export async function loadRecording(path: string): Promise<WavSound> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "does not exist" : `cannot be read: ${message}`;
    throw new Error(`the recording to speak, ${path}, ${why}`);
  }
  if (bytes.length > MAX_FILE_BYTES)
    throw new Error(`the recording to speak, ${path}, has ${bytes.length} bytes; at most ${MAX_FILE_BYTES} are taken`);
  const sound = readWav(bytes);
  if (sound.ok) return sound.value;
  const { code, text, offset } = sound.error;
  throw new Error(`the recording to speak, ${path}, is not a usable WAV file: ${text} (${code}, byte ${offset})`);
}

/** What is said into a microphone. Positions are in frames of the card's own time. */
export class Speech {
  private begin: number | undefined;

  /** @param samples the recording at the card's rate. @param loop start over at its end. */
  constructor(
    readonly samples: Int16Array,
    private readonly loop: boolean,
  ) {}

  /** Loads a WAV file of any rate and brings it to the card's. @throws as {@link loadRecording}. */
  static async load(path: string, rate: number, loop: boolean): Promise<Speech> {
    const sound = await loadRecording(path);
    return new Speech(sound.rate === rate ? sound.samples : resample(sound.samples, sound.rate, rate), loop);
  }

  /** Begins (again) with the first sample at card frame `frame`. */
  speakAt(frame: number): void {
    this.begin = frame;
  }

  /** What the microphone hears in the frames from `frame` on; silence before the beginning and after the end. */
  readInto(out: Int16Array, frame: number): void {
    const { samples, begin } = this;
    if (begin === undefined || samples.length === 0) {
      out.fill(0);
      return;
    }
    let at = frame - begin;
    if (this.loop && at >= samples.length) at %= samples.length;
    for (let i = 0; i < out.length; i++, at++) {
      if (this.loop && at === samples.length) at = 0;
      out[i] = at >= 0 && at < samples.length ? samples[at] : 0;
    }
  }
}
