// What a voice codec is, and the table of those this phone has. A codec joins by adding its format to the table.

import type { Concealment } from "./concealment.js";
import { pcma, pcmu } from "./g711.js";

/** What is fixed about an audio format of RTP, before a stream uses it. */
export interface CodecFormat {
  /** Encoding name as SDP's rtpmap writes it, upper case, e.g. `"PCMU"`. */
  readonly name: string;
  /** RTP clock rate, Hz (RFC 3551 section 4.1; not always the sampling rate). */
  readonly clockRate: number;
  /** Rate of the samples that go in and come out, Hz. */
  readonly sampleRate: number;
  /** Payload type of RFC 3551 table 4; undefined where SDP has to give one. */
  readonly staticPayloadType: number | undefined;
  /** Samples at {@link sampleRate} in a packet of `ptimeMs`. @throws RangeError when the format cannot make such packets. */
  samplesPerFrame(ptimeMs: number): number;
  /** Most payload bytes that `samples` samples can become. */
  maxBytes(samples: number): number;
  /** Most samples a payload of `bytes` bytes can become. */
  maxSamples(bytes: number): number;
  /** A codec with its own state: one for each stream. */
  open(): Codec;
}

/** Encoder and decoder of one stream. Neither direction allocates. */
export interface Codec {
  readonly format: CodecFormat;
  /**
   * Encodes the first `samples` of `pcm` into `out`.
   * @returns payload bytes written.
   * @throws RangeError when `out` is shorter than the payload or `pcm` than `samples`.
   */
  encodeInto(out: Uint8Array, pcm: Int16Array, samples: number): number;
  /**
   * Decodes the first `bytes` of a payload into `out`. Payloads come from the network: one that is too long for `out` is cut,
   * a malformed one gives fewer samples (0: treat it as lost).
   * @returns samples written.
   */
  decodeInto(out: Int16Array, payload: Uint8Array, bytes: number): number;
  /** What fills the gaps of this stream's decoded side; the same object each time. */
  readonly concealment: Concealment;
}

/** The formats this phone speaks, the preferred one first. */
export const codecFormats: readonly CodecFormat[] = [pcmu, pcma];

/**
 * Finds the format a negotiation chose.
 * @param choice encoding name (any case, RFC 4855 section 3) and RTP clock rate.
 */
export function findCodec(choice: { readonly name: string; readonly clockRate: number }): CodecFormat | undefined {
  const name = choice.name.toUpperCase();
  return codecFormats.find((format) => format.name === name && format.clockRate === choice.clockRate);
}

/** Finds a format by its static payload type (RFC 3551 section 6). */
export function findStaticCodec(payloadType: number): CodecFormat | undefined {
  return codecFormats.find((format) => format.staticPayloadType === payloadType);
}
