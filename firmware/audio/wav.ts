// WAV (RIFF) sound files as bytes: reads PCM and G.711 of one or two channels, writes 16-bit mono. Opening files is not its business.

import { fail, ok, type Result } from "../runtime/result.js";
import { decodeAlaw, decodeUlaw } from "./g711.js";

/** How the samples of a WAV file are written. */
export type WavEncoding = "pcm16" | "pcm8" | "alaw" | "ulaw";

/** Where the sound is in a WAV file, and how it is written. */
export interface WavFormat {
  readonly encoding: WavEncoding;
  /** 1 or 2; two channels lie interleaved. */
  readonly channels: number;
  /** Samples a second, Hz. */
  readonly rate: number;
  /** Byte offset of the first sample. */
  readonly dataOffset: number;
  /** Samples per channel that are really there. */
  readonly frames: number;
  /** The header promised more than there is, or nothing certain (its writer died, or streamed). */
  readonly truncated: boolean;
}

/** A sound read from a WAV file, mixed to one channel. */
export interface WavSound {
  readonly rate: number;
  readonly samples: Int16Array;
  readonly truncated: boolean;
}

const WAVE_FORMAT_PCM = 1;
const WAVE_FORMAT_ALAW = 6;
const WAVE_FORMAT_MULAW = 7;
const WAVE_FORMAT_EXTENSIBLE = 0xfffe;
/** The rest of the GUID whose first two bytes are a plain format number. */
const EXTENSIBLE_TAIL = [0, 0, 0, 0, 16, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

const MIN_RATE = 1000;
const MAX_RATE = 384_000;

/** Bytes of a header that {@link writeWavHeaderInto} writes. */
export const WAV_HEADER_BYTES = 44;

const encodingText: Readonly<Record<WavEncoding, string>> = {
  pcm16: "16-bit PCM",
  pcm8: "8-bit PCM",
  alaw: "A-law",
  ulaw: "µ-law",
};

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}
function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}
function tag(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

function encodingOf(format: number, bits: number): WavEncoding | undefined {
  if (format === WAVE_FORMAT_PCM && bits === 16) return "pcm16";
  if (format === WAVE_FORMAT_PCM && bits === 8) return "pcm8";
  if (format === WAVE_FORMAT_ALAW && bits === 8) return "alaw";
  if (format === WAVE_FORMAT_MULAW && bits === 8) return "ulaw";
  return undefined;
}

type FormatChunk = Pick<WavFormat, "encoding" | "channels" | "rate">;

function readFormat(bytes: Uint8Array, at: number, size: number): Result<FormatChunk> {
  if (size < 16) return fail("bad-format", `the fmt chunk has ${size} bytes, at least 16 are needed`, at);
  let format = u16(bytes, at);
  const channels = u16(bytes, at + 2);
  const rate = u32(bytes, at + 4);
  const align = u16(bytes, at + 12);
  const bits = u16(bytes, at + 14);
  if (format === WAVE_FORMAT_EXTENSIBLE) {
    if (size < 40 || EXTENSIBLE_TAIL.some((byte, i) => bytes[at + 26 + i] !== byte))
      return fail("unsupported-format", "an extensible WAV file of an unknown sub-format", at);
    format = u16(bytes, at + 24);
  }
  const encoding = encodingOf(format, bits);
  if (!encoding) {
    const known = Object.values(encodingText).join(", ");
    return fail("unsupported-format", `WAV format ${format} with ${bits} bits a sample; known are ${known}`, at);
  }
  if (channels < 1 || channels > 2)
    return fail("unsupported-channels", `${channels} channels; one or two are known`, at + 2);
  if (rate < MIN_RATE || rate > MAX_RATE)
    return fail("unsupported-rate", `${rate} Hz; ${MIN_RATE} to ${MAX_RATE} Hz are known`, at + 4);
  if (align !== (channels * bits) / 8)
    return fail("bad-format", `a block of ${align} bytes does not fit ${channels} x ${bits} bits`, at + 12);
  return ok({ encoding, channels, rate });
}

/**
 * Finds the sound in a WAV file's bytes. Chunks it does not know are passed over. Sizes are believed only as far as the
 * bytes go: a file whose writer died or streamed (sizes 0 or 0xFFFFFFFF) is read to its end.
 * Error codes: `not-wav`, `truncated`, `bad-format`, `unsupported-format`, `unsupported-channels`, `unsupported-rate`,
 * `no-format`, `no-data`; the offset is in bytes.
 */
export function parseWav(bytes: Uint8Array): Result<WavFormat> {
  if (bytes.length < 12) return fail("not-wav", `${bytes.length} bytes are too few for a WAV file`, 0);
  if (tag(bytes, 0) !== "RIFF") return fail("not-wav", "does not begin with RIFF", 0);
  if (tag(bytes, 8) !== "WAVE") return fail("not-wav", "is a RIFF file but not a WAVE", 8);
  let format: FormatChunk | undefined;
  let at = 12;
  while (at + 8 <= bytes.length) {
    const name = tag(bytes, at);
    const size = u32(bytes, at + 4);
    const body = at + 8;
    const there = bytes.length - body;
    if (name === "data") {
      if (!format) return fail("no-format", "the sound comes before its format", at);
      const unknown = size === 0xffffffff || (size === 0 && there > 0);
      const used = unknown ? there : Math.min(size, there);
      const frameBytes = format.channels * (format.encoding === "pcm16" ? 2 : 1);
      return ok({
        ...format,
        dataOffset: body,
        frames: Math.floor(used / frameBytes),
        truncated: unknown || size > there,
      });
    }
    if (size > there) return fail("truncated", `a chunk of ${size} bytes where ${there} are left`, at);
    if (name === "fmt ") {
      const read = readFormat(bytes, body, size);
      if (!read.ok) return read;
      format = read.value;
    }
    at = body + size + (size & 1);
  }
  return format ? fail("no-data", "there is no sound in it", at) : fail("no-format", "there is no format in it", at);
}

/**
 * Decodes frames of a parsed file, mixing two channels to their mean.
 * @param first first frame, 0 or more. @param out gets as many frames as it can hold and the file has.
 * @returns frames written.
 */
export function readWavInto(out: Int16Array, bytes: Uint8Array, format: WavFormat, first: number): number {
  const count = Math.max(0, Math.min(out.length, format.frames - first));
  const { encoding, channels } = format;
  const width = encoding === "pcm16" ? 2 : 1;
  let at = format.dataOffset + first * channels * width;
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++, at += width) {
      if (encoding === "pcm16") sum += (u16(bytes, at) << 16) >> 16;
      else if (encoding === "pcm8") sum += (bytes[at] - 128) << 8;
      else sum += encoding === "alaw" ? decodeAlaw(bytes[at]) : decodeUlaw(bytes[at]);
    }
    out[i] = channels === 2 ? sum >> 1 : sum;
  }
  return count;
}

/** Reads a whole WAV file as one channel of 16-bit samples; errors as {@link parseWav}. */
export function readWav(bytes: Uint8Array): Result<WavSound> {
  const parsed = parseWav(bytes);
  if (!parsed.ok) return parsed;
  const { rate, frames, truncated } = parsed.value;
  const samples = new Int16Array(frames);
  readWavInto(samples, bytes, parsed.value, 0);
  return ok({ rate, samples, truncated });
}

/**
 * Writes the header of a 16-bit mono WAV file of `frames` samples. A recorder writes it again now and then as the file grows, so
 * that what is there is a good file up to that moment even if the recorder dies.
 * @param out at least {@link WAV_HEADER_BYTES} bytes.
 * @throws RangeError when `out` is too short, or the file would pass 4 GiB.
 */
export function writeWavHeaderInto(out: Uint8Array, rate: number, frames: number): void {
  if (out.length < WAV_HEADER_BYTES)
    throw new RangeError(`a WAV header takes ${WAV_HEADER_BYTES} bytes, got ${out.length}`);
  const dataBytes = frames * 2;
  if (!(Number.isInteger(frames) && frames >= 0 && dataBytes <= 0xffffffff - 36))
    throw new RangeError(`frames must be a whole number whose file stays under 4 GiB, got ${frames}`);
  if (!(Number.isInteger(rate) && rate > 0))
    throw new RangeError(`rate must be a positive whole number of Hz, got ${rate}`);
  const view = new DataView(out.buffer, out.byteOffset, WAV_HEADER_BYTES);
  const text = (at: number, word: string) => {
    for (let i = 0; i < 4; i++) out[at + i] = word.charCodeAt(i);
  };
  text(0, "RIFF");
  view.setUint32(4, 36 + dataBytes, true);
  text(8, "WAVE");
  text(12, "fmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, WAVE_FORMAT_PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, dataBytes, true);
}

/** Writes samples as a WAV file's data (little endian, whatever this machine is). @param out at least 2 x `samples` bytes. */
export function writeWavSamplesInto(out: Uint8Array, pcm: Int16Array, samples: number): void {
  for (let i = 0, at = 0; i < samples; i++, at += 2) {
    out[at] = pcm[i];
    out[at + 1] = pcm[i] >> 8;
  }
}

/** A whole 16-bit mono WAV file. */
export function wavFile(rate: number, pcm: Int16Array): Uint8Array {
  const bytes = new Uint8Array(WAV_HEADER_BYTES + pcm.length * 2);
  writeWavHeaderInto(bytes, rate, pcm.length);
  writeWavSamplesInto(bytes.subarray(WAV_HEADER_BYTES), pcm, pcm.length);
  return bytes;
}
