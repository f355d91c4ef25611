// What both halves of offer/answer share: what we can do, what was agreed on, and how an audio section is written.

import { type AudioCodec, isTelephoneEvent, TELEPHONE_EVENT } from "./codecs.js";
import type { MediaDirection } from "./direction.js";
import type { SdpAttribute, SdpMedia, SessionDescription } from "./types.js";

/** May a call be unsecured? `required`: never; `preferred`: when the peer takes no secured line; `off`: always. */
export type SecurityPolicy = "required" | "preferred" | "off";

/** RTP profiles we speak and whether they are secured (RFC 3551, RFC 3711). */
export const audioProfiles: Readonly<Record<string, { readonly secured: boolean }>> = {
  "RTP/AVP": { secured: false },
  "RTP/SAVP": { secured: true },
};

/** Our profile for a line. */
export function profileFor(secured: boolean): string {
  return secured ? "RTP/SAVP" : "RTP/AVP";
}

/** Names of the attributes by which key agreement methods speak in SDP (RFC 4567, 4568, 8122, 4145, 6189). */
export const keyingAttributeNames: readonly string[] = [
  "key-mgmt",
  "crypto",
  "fingerprint",
  "setup",
  "tls-id",
  "zrtp-hash",
];

/** Attributes of a key agreement, opaque here. */
export interface KeyingLines {
  readonly session: readonly SdpAttribute[];
  readonly media: readonly SdpAttribute[];
}

/** Picks the keying attributes that concern `media`: the session's and its own, both as they stand. */
export function keyingOf(session: SessionDescription, media: SdpMedia): KeyingLines {
  const isKeying = ({ name }: SdpAttribute) => keyingAttributeNames.includes(name);
  return { session: session.attributes.filter(isKeying), media: media.attributes.filter(isKeying) };
}

/** What our voice path can do. */
export interface AudioCapabilities {
  /** In our order of preference. */
  readonly codecs: readonly AudioCodec[];
  /** DTMF events we take, and the dynamic payload type we would like for them. */
  readonly telephoneEvent?: { readonly payloadType: number /** E.g. `"0-16"`. */; readonly events: string };
  /** Packet time we would like to receive, ms. */
  readonly ptimeMs: number;
  /** Shortest and longest packet time we send, ms; packet times in between are multiples of 10. */
  readonly minPtimeMs: number;
  readonly maxPtimeMs: number;
}

/** G.711 both ways and DTMF, 20 ms packets. */
export const g711Capabilities: AudioCapabilities = {
  codecs: [
    { name: "PCMU", clockRate: 8000, payloadType: 0 },
    { name: "PCMA", clockRate: 8000, payloadType: 8 },
  ],
  telephoneEvent: { payloadType: 101, events: "0-16" },
  ptimeMs: 20,
  minPtimeMs: 10,
  maxPtimeMs: 60,
};

/** Our end of a session, the same for its whole life. */
export interface LocalSession {
  /** Unicast IPv4 or IPv6 address we receive at; it may change in a re-offer. */
  readonly address: string;
  /** Decimal number, at most 62 bits to please everybody; must not repeat. Kept from the previous description when there is one. */
  readonly sessionId: string;
  /**
   * Version of the first description, default `sessionId`; of later ones the least version when something changed (for a re-offer that
   * follows one the peer refused).
   */
  readonly sessionVersion?: string;
  /** Default `-`. */
  readonly username?: string;
}

/** A codec both ends have. */
export interface CommonCodec {
  /** As we spell it, e.g. `"PCMU"`. */
  readonly name: string;
  /** Hz. */
  readonly clockRate: number;
  readonly channels: number;
  /** RTP payload type of what we send. */
  readonly payloadType: number;
  /** RTP payload type of what we receive. Other than the one we send only for dynamic types. */
  readonly receivePayloadType: number;
  /** The peer's `a=fmtp` parameters: what it wants to receive. */
  readonly parameters?: string;
}

/** One audio line both ends can use: all that opens the media stream. */
export interface AudioLine {
  /** Position of its `m=` section. */
  readonly index: number;
  readonly profile: string;
  /** SRTP. */
  readonly secured: boolean;
  /** Address or name the peer receives at; 0.0.0.0 while it holds the old way. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Name or address for RTCP: `remoteAddress` unless `a=rtcp` says otherwise. */
  readonly remoteRtcpAddress: string;
  readonly remoteRtcpPort: number;
  /** Codecs of both, first the one to use; never empty. */
  readonly codecs: readonly CommonCodec[];
  /** Payload type of telephone-event for each common codec's clock rate, as `[send, receive]`. */
  readonly telephoneEvents: ReadonlyMap<number, readonly [send: number, receive: number]>;
  /** Events the peer takes, as in `"0-16"`; see `hasEvent`. */
  readonly remoteEvents?: string;
  /** Packet time to send, ms. */
  readonly ptimeMs: number;
  /** What the peer said, as the peer sees it (0.0.0.0 taken into account). */
  readonly remoteDirection: MediaDirection;
  /** The peer's keying attributes that concern this line. */
  readonly keying: KeyingLines;
}

/** The outcome of an offer/answer exchange. */
export interface NegotiatedAudio extends AudioLine {
  /** The codec to send with. */
  readonly codec: CommonCodec;
  /** Payload type of telephone-event in what we send, when agreed on. */
  readonly telephoneEventSend?: number;
  /** Payload type of telephone-event in what we receive. */
  readonly telephoneEventReceive?: number;
  /** As we see it. */
  readonly direction: MediaDirection;
}

/** Takes the first codec of `line`, or the one called `name`, into use. @throws RangeError when the line has no such codec. */
export function settle(
  line: AudioLine & { readonly codec?: never },
  direction: MediaDirection,
  name?: string,
): NegotiatedAudio {
  const codec = name === undefined ? line.codecs[0] : line.codecs.find((entry) => entry.name === name.toUpperCase());
  if (!codec) throw new RangeError(`line ${line.index} has no common codec ${name}`);
  const events = line.telephoneEvents.get(codec.clockRate);
  const settled = { codec, direction, ...line };
  return events ? { telephoneEventSend: events[0], telephoneEventReceive: events[1], ...settled } : settled;
}

/** How an audio section is written. */
export interface AudioSection {
  readonly profile: string;
  readonly port: number;
  /** Default `port + 1`; written as `a=rtcp` when it is another (RFC 3605). */
  readonly rtcpPort?: number;
  /** With telephone-event as a codec of that name. */
  readonly formats: readonly AudioCodec[];
  readonly ptimeMs: number;
  readonly maxPtimeMs: number;
  readonly direction: MediaDirection;
  readonly keying: readonly SdpAttribute[];
}

/** Writes an audio section. */
export function audioSection(section: AudioSection): SdpMedia {
  if (!Number.isInteger(section.port) || section.port < 1 || section.port > 65_535)
    throw new RangeError(`RTP port must be 1 to 65535, got ${section.port}`);
  const attributes: SdpAttribute[] = [...section.keying];
  for (const format of section.formats) {
    const channels = (format.channels ?? 1) > 1 ? `/${format.channels}` : "";
    attributes.push({ name: "rtpmap", value: `${format.payloadType} ${format.name}/${format.clockRate}${channels}` });
    if (format.parameters !== undefined)
      attributes.push({ name: "fmtp", value: `${format.payloadType} ${format.parameters}` });
  }
  attributes.push({ name: "ptime", value: `${section.ptimeMs}` }, { name: "maxptime", value: `${section.maxPtimeMs}` });
  if (section.rtcpPort !== undefined && section.rtcpPort !== section.port + 1)
    attributes.push({ name: "rtcp", value: `${section.rtcpPort}` });
  attributes.push({ name: section.direction });
  return {
    type: "audio",
    port: section.port,
    protocol: section.profile,
    formats: section.formats.map(({ payloadType }) => `${payloadType}`),
    bandwidth: [],
    attributes,
  };
}

/** The same section refused or disabled: port 0 (RFC 3264 sections 6 and 8.2). */
export function disabled(media: SdpMedia): SdpMedia {
  return {
    type: media.type,
    port: 0,
    protocol: media.protocol,
    formats: media.formats,
    bandwidth: [],
    attributes: [],
  };
}

/**
 * Puts sections into a description of ours. The session id of `previous` stays; its version stays when nothing changed and
 * goes up by one when something did (RFC 3264 section 8).
 */
export function describe(
  session: LocalSession,
  sections: readonly SdpMedia[],
  sessionAttributes: readonly SdpAttribute[],
  timing: readonly (readonly [string, string])[],
  previous?: SessionDescription,
): SessionDescription {
  const addrType = session.address.includes(":") ? "IP6" : "IP4";
  const place = { netType: "IN", addrType, address: session.address };
  const first = { sessionId: session.sessionId, sessionVersion: session.sessionVersion ?? session.sessionId };
  const { sessionId, sessionVersion } = previous?.origin ?? first;
  const username = previous?.origin.username ?? session.username ?? "-";
  const description: SessionDescription = {
    origin: { username, sessionId, sessionVersion, ...place },
    sessionName: "-",
    connection: place,
    bandwidth: [],
    timing: timing.length > 0 ? timing : [["t", "0 0"]],
    other: [],
    attributes: sessionAttributes,
    media: sections,
  };
  if (!previous || JSON.stringify(description) === JSON.stringify(previous)) return description;
  const following = BigInt(sessionVersion) + 1n;
  const least = BigInt(session.sessionVersion ?? 0);
  const version = following > least ? following : least;
  return { ...description, origin: { ...description.origin, sessionVersion: version.toString() } };
}

/** telephone-event as formats, one for each clock rate among `codecs`; `numberFor` chooses the payload types. */
export function telephoneEventFormats(
  capabilities: AudioCapabilities,
  codecs: readonly AudioCodec[],
  numberFor: (format: AudioCodec) => number,
): AudioCodec[] {
  const wanted = capabilities.telephoneEvent;
  if (!wanted) return [];
  const rates = [...new Set(codecs.filter((codec) => !isTelephoneEvent(codec)).map(({ clockRate }) => clockRate))];
  return rates.map((clockRate) => {
    const format = { name: TELEPHONE_EVENT, clockRate, payloadType: wanted.payloadType, parameters: wanted.events };
    return { ...format, payloadType: numberFor(format) };
  });
}
