// Looking up attributes: those that sit on a media section win over the session's.

import { isDirection, type MediaDirection, meet } from "./direction.js";
import type { SdpAttribute, SdpConnection, SdpMedia, SessionDescription } from "./types.js";

/** A session or a media section. */
type Holder = { readonly attributes: readonly SdpAttribute[] };

/** The first attribute called `name`, if any. */
export function attribute(holder: Holder, name: string): SdpAttribute | undefined {
  return holder.attributes.find((entry) => entry.name === name);
}

/** The values of every attribute called `name` that has one. */
export function attributeValues(holder: Holder, name: string): string[] {
  const values: string[] = [];
  for (const entry of holder.attributes) if (entry.name === name && entry.value !== undefined) values.push(entry.value);
  return values;
}

/** `a=rtpmap` of one payload type (RFC 8866 section 6.6). */
export interface RtpMap {
  readonly payloadType: number;
  /** As written. */
  readonly name: string;
  /** RTP clock rate, Hz. */
  readonly clockRate: number;
  /** Audio channels, 1 when not said. */
  readonly channels: number;
}

/** Reads every well-formed `a=rtpmap` of a section; of two for one payload type the first counts. */
export function rtpMaps(media: Holder): Map<number, RtpMap> {
  const maps = new Map<number, RtpMap>();
  for (const value of attributeValues(media, "rtpmap")) {
    const match = /^([0-9]{1,3}) +([^\s/]+)\/([0-9]{1,6})(?:\/([0-9]{1,3}))?\s*$/.exec(value);
    if (!match) continue;
    const payloadType = Number(match[1]);
    const clockRate = Number(match[3]);
    if (payloadType > 127 || clockRate === 0 || maps.has(payloadType)) continue;
    maps.set(payloadType, { payloadType, name: match[2], clockRate, channels: Number(match[4] ?? 1) || 1 });
  }
  return maps;
}

/** The parameters of `a=fmtp` of one format, as written (RFC 8866 section 6.15). */
export function formatParameters(media: Holder, format: string): string | undefined {
  for (const value of attributeValues(media, "fmtp")) {
    const space = value.indexOf(" ");
    if (space > 0 && value.slice(0, space) === format) return value.slice(space + 1).trim();
  }
  return undefined;
}

/** `a=ptime`: ms of sound per packet the section's author would like to receive (RFC 8866 section 6.4). */
export function ptime(session: Holder, media: Holder): number | undefined {
  return positive(session, media, "ptime");
}

/** `a=maxptime`: ms of sound per packet the section's author can receive at most (RFC 8866 section 6.5). */
export function maxPtime(session: Holder, media: Holder): number | undefined {
  return positive(session, media, "maxptime");
}

function positive(session: Holder, media: Holder, name: string): number | undefined {
  const text = (attribute(media, name) ?? attribute(session, name))?.value?.trim();
  if (text === undefined || !/^[0-9]{1,5}(\.[0-9]{1,3})?$/.test(text)) return undefined;
  const value = Number(text);
  return value > 0 ? value : undefined;
}

/** The connection a section is received at: its own, or the session's (RFC 8866 section 5.7). */
export function connectionOf(session: SessionDescription, media: SdpMedia): SdpConnection | undefined {
  return media.connection ?? session.connection;
}

/** True for the addresses that mean "do not send to me": 0.0.0.0 (RFC 2543 hold, RFC 3264 section 8.4), `::`, and `.invalid` names (RFC 6337). */
export function isNowhere(connection: SdpConnection): boolean {
  return connection.address === "0.0.0.0" || connection.address === "::" || /\.invalid\.?$/i.test(connection.address);
}

/**
 * Direction of a section as its author sees it: its attribute, or the session's, or sendrecv. An address of 0.0.0.0 takes the
 * receiving half away.
 */
export function directionOfMedia(session: SessionDescription, media: SdpMedia): MediaDirection {
  const entry =
    media.attributes.find(({ name }) => isDirection(name)) ?? session.attributes.find(({ name }) => isDirection(name));
  const direction = (entry?.name ?? "sendrecv") as MediaDirection;
  const connection = connectionOf(session, media);
  return connection && isNowhere(connection) ? meet(direction, "sendonly") : direction;
}

/** Where RTCP goes. */
export interface RtcpTarget {
  readonly port: number;
  /** Absent: the section's own connection. */
  readonly address?: string;
}

/** RTCP's target of a section: `a=rtcp` (RFC 3605 section 2.1), or the RTP port plus one. A malformed `a=rtcp` is as none. */
export function rtcpOf(media: SdpMedia): RtcpTarget {
  const value = attribute(media, "rtcp")?.value;
  const match = value === undefined ? null : /^([0-9]{1,5})(?: IN IP[46] (\S+))?$/.exec(value.trim());
  if (!match || Number(match[1]) > 65_535 || Number(match[1]) === 0) return { port: Math.min(media.port + 1, 65_535) };
  return match[2] === undefined ? { port: Number(match[1]) } : { port: Number(match[1]), address: match[2] };
}
