// ITU-T G.711: 64 kbit/s companding, µ-law and A-law; RTP's PCMU and PCMA (RFC 3551 section 4.5.14).

import type { Codec, CodecFormat } from "./codec.js";
import { WaveformConcealment } from "./concealment.js";

/** What µ-law adds to a magnitude so that its segments begin at powers of two: 33 of 14 bits, at 16-bit scale. */
const BIAS = 132;
/** Largest magnitude that stays within µ-law's last segment once biased. */
const ULAW_CLIP = 32767 - BIAS;

/**
 * One sample to its µ-law code word, by the decision values of G.711 table 2 (a sample on one goes outwards).
 * @param sample -32768 to 32767; beyond ±32635 it saturates.
 */
export function encodeUlaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  let magnitude = sign ? -sample : sample;
  if (magnitude > ULAW_CLIP) magnitude = ULAW_CLIP;
  magnitude += BIAS;
  const segment = 24 - Math.clz32(magnitude);
  return ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff;
}

/** One sample to its A-law code word, even bits inverted, by the decision values of G.711 table 1 (a sample on one goes outwards). */
export function encodeAlaw(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80;
  let magnitude = sign ? sample : -sample;
  if (magnitude > 32767) magnitude = 32767;
  // Segments 0 and 1 share a step of 16; from there each segment doubles it.
  const segment = magnitude < 256 ? 0 : 24 - Math.clz32(magnitude);
  const shift = segment === 0 ? 4 : segment + 3;
  return (sign | (segment << 4) | ((magnitude >> shift) & 0x0f)) ^ 0x55;
}

const ulawLevels = Int16Array.from({ length: 256 }, (_, word) => {
  const code = ~word & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + BIAS) << ((code >> 4) & 7)) - BIAS;
  return code & 0x80 ? -magnitude : magnitude;
});

const alawLevels = Int16Array.from({ length: 256 }, (_, word) => {
  const code = word ^ 0x55;
  const segment = (code >> 4) & 7;
  const step = ((code & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 256) << (segment - 1);
  return code & 0x80 ? magnitude : -magnitude;
});

/** One µ-law code word (0-255) to its level, -32124 to 32124. */
export function decodeUlaw(word: number): number {
  return ulawLevels[word];
}
/** One A-law code word (0-255) to its level, -32256 to 32256. */
export function decodeAlaw(word: number): number {
  return alawLevels[word];
}

function checkRoom(out: Uint8Array, pcm: Int16Array, samples: number): void {
  if (!(samples >= 0 && samples <= pcm.length))
    throw new RangeError(`samples must be 0 to the length of pcm (${pcm.length}), got ${samples}`);
  if (out.length < samples) throw new RangeError(`out must hold ${samples} bytes, has ${out.length}`);
}

function expand(levels: Int16Array, out: Int16Array, payload: Uint8Array, bytes: number): number {
  const count = Math.min(bytes, payload.length, out.length);
  for (let i = 0; i < count; i++) out[i] = levels[payload[i]];
  return count;
}

// Two classes rather than one with a function inside: each loop stays monomorphic and inlines its companding.

class Pcmu implements Codec {
  readonly format = pcmu;
  readonly concealment = new WaveformConcealment(8000);
  encodeInto(out: Uint8Array, pcm: Int16Array, samples: number): number {
    checkRoom(out, pcm, samples);
    for (let i = 0; i < samples; i++) out[i] = encodeUlaw(pcm[i]);
    return samples;
  }
  decodeInto(out: Int16Array, payload: Uint8Array, bytes: number): number {
    return expand(ulawLevels, out, payload, bytes);
  }
}

class Pcma implements Codec {
  readonly format = pcma;
  readonly concealment = new WaveformConcealment(8000);
  encodeInto(out: Uint8Array, pcm: Int16Array, samples: number): number {
    checkRoom(out, pcm, samples);
    for (let i = 0; i < samples; i++) out[i] = encodeAlaw(pcm[i]);
    return samples;
  }
  decodeInto(out: Int16Array, payload: Uint8Array, bytes: number): number {
    return expand(alawLevels, out, payload, bytes);
  }
}

function samplesPerFrame(ptimeMs: number): number {
  const samples = ptimeMs * 8;
  if (!(Number.isInteger(samples) && samples > 0))
    throw new RangeError(`ptime must be a positive whole number of samples at 8000 Hz, got ${ptimeMs} ms`);
  return samples;
}

const sameCount = (count: number) => count;

/** G.711 µ-law. */
export const pcmu: CodecFormat = {
  name: "PCMU",
  clockRate: 8000,
  sampleRate: 8000,
  staticPayloadType: 0,
  samplesPerFrame,
  maxBytes: sameCount,
  maxSamples: sameCount,
  open: () => new Pcmu(),
};

/** G.711 A-law. */
export const pcma: CodecFormat = {
  name: "PCMA",
  clockRate: 8000,
  sampleRate: 8000,
  staticPayloadType: 8,
  samplesPerFrame,
  maxBytes: sameCount,
  maxSamples: sameCount,
  open: () => new Pcma(),
};
