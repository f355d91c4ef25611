// Reads one audio section of the peer against what we can do: common codecs, addresses, packet time.

import { fail, ok, type Result } from "../runtime/result.js";
import { connectionOf, directionOfMedia, isNowhere, maxPtime, ptime, rtcpOf } from "./attributes.js";
import { type AudioCapabilities, type AudioLine, audioProfiles, type CommonCodec, keyingOf } from "./audio.js";
import { type AudioFormat, audioFormats, isTelephoneEvent, sameCodec } from "./codecs.js";
import type { SdpMedia, SessionDescription } from "./types.js";

/**
 * Reads the peer's section `index`.
 *
 * @param ours our own section of the same exchange when the peer answers: it gives the numbers we receive; without it (the peer
 *   offers) both directions use the peer's numbers (RFC 3264 section 6.1)
 * @returns the line, or `"disabled"` (port 0), `"not-audio"`, `"unknown-profile"`, `"no-address"` (none, or a multicast one),
 *   `"no-common-codec"`.
 */
export function readLine(
  description: SessionDescription,
  index: number,
  capabilities: AudioCapabilities,
  ours?: SdpMedia,
): Result<AudioLine> {
  const media = description.media[index];
  if (media.type !== "audio") return fail("not-audio", `media line ${index} is ${media.type}`);
  if (media.port === 0) return fail("disabled", `media line ${index} is refused or disabled`);
  if (!Object.hasOwn(audioProfiles, media.protocol))
    return fail("unknown-profile", `media line ${index} has the profile ${media.protocol}`);
  const connection = connectionOf(description, media);
  if (connection?.netType !== "IN" || !/^IP[46]$/.test(connection.addrType))
    return fail("no-address", `media line ${index} has no internet address`);
  if (!isNowhere(connection) && isMulticast(connection.address))
    return fail("no-address", `media line ${index} is multicast`);

  const theirs = audioFormats(media);
  const receive = ours ? audioFormats(ours) : undefined;
  const codecs: CommonCodec[] = [];
  for (const format of theirs) {
    if (isTelephoneEvent(format)) continue;
    const own = capabilities.codecs.find((codec) => sameCodec(codec, format));
    const back = receive ? receive.find((entry) => sameCodec(entry, format)) : format;
    if (!own || !back || codecs.some((codec) => sameCodec(codec, format))) continue;
    codecs.push({
      name: own.name.toUpperCase(),
      clockRate: own.clockRate,
      channels: own.channels ?? 1,
      payloadType: format.payloadType,
      receivePayloadType: back.payloadType,
      ...(format.parameters === undefined ? {} : { parameters: format.parameters }),
    });
  }
  if (codecs.length === 0) return fail("no-common-codec", `media line ${index} has no codec we know`);

  const events = new Map<number, readonly [number, number]>();
  let remoteEvents: string | undefined;
  for (const format of capabilities.telephoneEvent ? theirs.filter(isTelephoneEvent) : []) {
    const back: AudioFormat | undefined = receive ? receive.find((entry) => sameCodec(entry, format)) : format;
    if (!back || events.has(format.clockRate)) continue;
    events.set(format.clockRate, [format.payloadType, back.payloadType]);
    remoteEvents ??= format.parameters;
  }
  const rtcp = rtcpOf(media);
  const { secured } = audioProfiles[media.protocol];
  return ok({
    index,
    profile: media.protocol,
    secured,
    remoteAddress: connection.address,
    remotePort: media.port,
    remoteRtcpAddress: rtcp.address ?? connection.address,
    remoteRtcpPort: rtcp.port,
    codecs,
    telephoneEvents: events,
    ptimeMs: packetTime(description, media, capabilities),
    remoteDirection: directionOfMedia(description, media),
    keying: keyingOf(description, media),
    ...(remoteEvents === undefined ? {} : { remoteEvents }),
  });
}

/** The packet time to send: what the peer would like, within what it takes and what we can do, in steps of 10 ms. */
function packetTime(description: SessionDescription, media: SdpMedia, capabilities: AudioCapabilities): number {
  const { minPtimeMs, maxPtimeMs } = capabilities;
  const most = Math.min(maxPtime(description, media) ?? maxPtimeMs, maxPtimeMs);
  const wanted = Math.min(ptime(description, media) ?? capabilities.ptimeMs, most);
  return Math.max(minPtimeMs, Math.floor(wanted / 10) * 10);
}

function isMulticast(address: string): boolean {
  return /^(22[4-9]|23[0-9])\./.test(address) || /^ff[0-9a-f]{2}:/i.test(address) || address.includes("/");
}
