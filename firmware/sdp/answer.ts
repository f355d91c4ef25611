// Reading an offer and making its answer (RFC 3264 sections 6 and 8).

import { fail, ok, type Result } from "../runtime/result.js";
import {
  type AudioCapabilities,
  type AudioLine,
  audioSection,
  describe,
  disabled,
  g711Capabilities,
  type KeyingLines,
  type LocalSession,
  type NegotiatedAudio,
  type SecurityPolicy,
  settle,
} from "./audio.js";
import { type AudioCodec, TELEPHONE_EVENT } from "./codecs.js";
import { answerDirection, type MediaDirection } from "./direction.js";
import { readLine } from "./line.js";
import type { SdpMedia, SessionDescription } from "./types.js";

/**
 * Lists the audio lines of an offer that we can use, in the offerer's order, each with the common codecs in the offerer's order.
 *
 * @returns at least one line, or `"no-common-codec"` (a usable line, but no codec), `"no-acceptable-media"` (no audio line with a
 *   profile and address we can use).
 */
export function readOffer(
  offer: SessionDescription,
  capabilities: AudioCapabilities = g711Capabilities,
): Result<readonly AudioLine[]> {
  const lines: AudioLine[] = [];
  let withoutCodec = false;
  for (let index = 0; index < offer.media.length; index++) {
    const line = readLine(offer, index, capabilities);
    if (line.ok) lines.push(line.value);
    else if (line.error.code === "no-common-codec") withoutCodec = true;
  }
  if (lines.length > 0) return ok(lines);
  return withoutCodec
    ? fail("no-common-codec", "no offered audio line has a codec we know")
    : fail("no-acceptable-media", "no audio line with a profile and address we can use is offered");
}

/**
 * Chooses the one line to accept: a secured line that carries keying attributes before an unsecured one, as the policy allows.
 *
 * @returns the line, or `"no-secured-line"` (the policy is `required` and no usable line is secured), `"no-clear-line"` (the policy is
 *   `off` and every usable line is secured), `"no-keying"` (the only secured lines come without keying attributes).
 */
export function chooseLine(lines: readonly AudioLine[], policy: SecurityPolicy): Result<AudioLine> {
  const secured = lines.filter((line) => line.secured);
  const keyed = secured.find(({ keying }) => keying.session.length + keying.media.length > 0);
  const clear = lines.find((line) => !line.secured);
  if (policy !== "off" && keyed) return ok(keyed);
  if (policy !== "required" && clear) return ok(clear);
  if (policy === "off") return fail("no-clear-line", "only secured audio is offered and security is off");
  return secured.length > 0
    ? fail("no-keying", "the secured audio line comes without keying attributes")
    : fail("no-secured-line", "no secured audio line is offered");
}

/** What an answer is made of. */
export interface AnswerOptions {
  readonly offer: SessionDescription;
  /** One of {@link readOffer}'s lines. */
  readonly line: AudioLine;
  readonly session: LocalSession;
  readonly rtpPort: number;
  /** Default `rtpPort + 1`. */
  readonly rtcpPort?: number;
  /** Default: {@link g711Capabilities}. */
  readonly capabilities?: AudioCapabilities;
  /** Name of one of the line's codecs. Default: the offerer's favourite. */
  readonly codec?: string;
  /** What we would like; the answer has as much of it as the offer leaves. Default `sendrecv`. */
  readonly direction?: MediaDirection;
  /** The key agreement's answer. Not for unsecured lines. */
  readonly keying?: KeyingLines;
  /** What we sent last in this session, when this is not its first exchange. */
  readonly previous?: SessionDescription;
}

/**
 * Makes the answer that takes exactly one line with one codec (and telephone-event) and refuses all others with port 0. The times
 * are the offer's, the payload types the offerer's numbers (RFC 3264 section 6).
 *
 * @returns the description to send and what was agreed on.
 * @throws TypeError when keying attributes are given for an unsecured line.
 * @throws RangeError when the line has no codec of that name, or a port is not 1 to 65535.
 */
export function makeAnswer(options: AnswerOptions): {
  readonly description: SessionDescription;
  readonly audio: NegotiatedAudio;
} {
  const { offer, line, keying } = options;
  const capabilities = options.capabilities ?? g711Capabilities;
  if (!line.secured && keying && keying.session.length + keying.media.length > 0)
    throw new TypeError("an unsecured line takes no keying attributes");
  const audio = settle(line, answerDirection(line.remoteDirection, options.direction), options.codec);
  const { codec, telephoneEventReceive } = audio;
  const own = capabilities.codecs.find(({ name }) => name.toUpperCase() === codec.name);
  const formats: AudioCodec[] = [
    {
      name: codec.name,
      clockRate: codec.clockRate,
      channels: codec.channels,
      payloadType: codec.receivePayloadType,
      ...(own?.parameters === undefined ? {} : { parameters: own.parameters }),
    },
  ];
  if (telephoneEventReceive !== undefined && capabilities.telephoneEvent)
    formats.push({
      name: TELEPHONE_EVENT,
      clockRate: codec.clockRate,
      payloadType: telephoneEventReceive,
      parameters: capabilities.telephoneEvent.events,
    });
  const sections = offer.media.map(
    (media, index): SdpMedia =>
      index !== line.index
        ? disabled(media)
        : audioSection({
            profile: line.profile,
            port: options.rtpPort,
            rtcpPort: options.rtcpPort,
            formats,
            ptimeMs: capabilities.ptimeMs,
            maxPtimeMs: capabilities.maxPtimeMs,
            direction: audio.direction,
            keying: keying?.media ?? [],
          }),
  );
  const description = describe(options.session, sections, keying?.session ?? [], offer.timing, options.previous);
  return { description, audio };
}
