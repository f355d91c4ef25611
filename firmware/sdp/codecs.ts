// Which codec a payload type stands for: the static table of RFC 3551 and a=rtpmap, and how codecs of two ends are matched.

import { formatParameters, rtpMaps } from "./attributes.js";
import type { SdpMedia } from "./types.js";

/** A codec one end can do. */
export interface AudioCodec {
  /** Encoding name, e.g. `"PCMU"`; compared without regard to case. */
  readonly name: string;
  /** RTP clock rate, Hz. */
  readonly clockRate: number;
  /** Default 1. */
  readonly channels?: number;
  /** Static payload type, or the dynamic one (96-127) we would like. */
  readonly payloadType: number;
  /** Parameters of `a=fmtp`, when the codec wants some. */
  readonly parameters?: string;
}

/** One format of an audio section, resolved. */
export interface AudioFormat extends AudioCodec {
  readonly channels: number;
}

/** Name of DTMF events as a payload (RFC 4733). */
export const TELEPHONE_EVENT = "telephone-event";

/** Audio payload types with a fixed meaning, RFC 3551 section 6 table 4. */
export const staticAudio: Readonly<Record<number, readonly [name: string, clockRate: number, channels: number]>> = {
  0: ["PCMU", 8000, 1],
  3: ["GSM", 8000, 1],
  4: ["G723", 8000, 1],
  5: ["DVI4", 8000, 1],
  6: ["DVI4", 16000, 1],
  7: ["LPC", 8000, 1],
  8: ["PCMA", 8000, 1],
  9: ["G722", 8000, 1],
  10: ["L16", 44100, 2],
  11: ["L16", 44100, 1],
  12: ["QCELP", 8000, 1],
  13: ["CN", 8000, 1],
  14: ["MPA", 90000, 1],
  15: ["G728", 8000, 1],
  16: ["DVI4", 11025, 1],
  17: ["DVI4", 22050, 1],
  18: ["G729", 8000, 1],
};

/** The formats of an RTP audio section in its order of preference; formats without a meaning are left out. */
export function audioFormats(media: SdpMedia): AudioFormat[] {
  const maps = rtpMaps(media);
  const formats: AudioFormat[] = [];
  for (const text of media.formats) {
    if (!/^[0-9]{1,3}$/.test(text)) continue;
    const payloadType = Number(text);
    if (formats.some((format) => format.payloadType === payloadType)) continue;
    const map = maps.get(payloadType);
    const fixed = staticAudio[payloadType];
    const parameters = formatParameters(media, text);
    const extra = parameters === undefined ? {} : { parameters };
    if (map) formats.push({ payloadType, name: map.name, clockRate: map.clockRate, channels: map.channels, ...extra });
    else if (fixed) formats.push({ payloadType, name: fixed[0], clockRate: fixed[1], channels: fixed[2], ...extra });
  }
  return formats;
}

/** True when both are the same codec: name, clock rate and channels (RFC 3264 section 5.1: not the number). */
export function sameCodec(a: AudioCodec, b: AudioCodec): boolean {
  return (
    a.name.toUpperCase() === b.name.toUpperCase() &&
    a.clockRate === b.clockRate &&
    (a.channels ?? 1) === (b.channels ?? 1)
  );
}

/** True for telephone-event, which rides beside a codec and is none. */
export function isTelephoneEvent(codec: { readonly name: string }): boolean {
  return codec.name.toLowerCase() === TELEPHONE_EVENT;
}

/**
 * True when a list of events as in telephone-event's `a=fmtp` (RFC 4733 section 2.4.1), e.g. `"0-15,66,70"`, has `event`.
 * Without a list an end takes 0 to 15.
 */
export function hasEvent(list: string | undefined, event: number): boolean {
  return (list ?? "0-15").split(",").some((part) => {
    const match = /^ *([0-9]{1,3})(?:-([0-9]{1,3}))? *$/.exec(part);
    return match !== null && event >= Number(match[1]) && event <= Number(match[2] ?? match[1]);
  });
}
