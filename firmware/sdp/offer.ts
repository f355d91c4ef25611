// Making an offer and reading its answer (RFC 3264 sections 5, 7 and 8).

import { fail, ok, type Result } from "../runtime/result.js";
import { directionOfMedia } from "./attributes.js";
import {
  type AudioCapabilities,
  audioSection,
  describe,
  disabled,
  g711Capabilities,
  type KeyingLines,
  type LocalSession,
  type NegotiatedAudio,
  profileFor,
  type SecurityPolicy,
  settle,
  telephoneEventFormats,
} from "./audio.js";
import { type AudioCodec, audioFormats, sameCodec, staticAudio } from "./codecs.js";
import { type MediaDirection, meet, mirror } from "./direction.js";
import { readLine } from "./line.js";
import type { SdpMedia, SessionDescription } from "./types.js";

/** What an offer is made of. */
export interface OfferOptions {
  readonly session: LocalSession;
  /**
   * `required`: one RTP/SAVP line; `preferred`: an RTP/SAVP line and an RTP/AVP line of which the peer takes one;
   * `off`: one RTP/AVP line. A re-offer has only the line in use, whatever the policy.
   */
  readonly policy: SecurityPolicy;
  /** Port of the (secured) audio line. */
  readonly rtpPort: number;
  /** Default `rtpPort + 1`. */
  readonly rtcpPort?: number;
  /** Port of the unsecured line beside a secured one. Default: `rtpPort`, since only one of the two is ever taken. */
  readonly clearRtpPort?: number;
  /** Default `clearRtpPort + 1`. */
  readonly clearRtcpPort?: number;
  /** Default: {@link g711Capabilities}. */
  readonly capabilities?: AudioCapabilities;
  /** Default `sendrecv`. */
  readonly direction?: MediaDirection;
  /** Goes to the session and to the secured line. A first offer with a secured line needs it. */
  readonly keying?: KeyingLines;
  /** The exchange before this one, whoever offered: lines, payload type numbers, id and version go on from it. */
  readonly previous?: PreviousExchange;
  /** With `previous`: its unsecured line becomes a secured one, in its place (RFC 3264 section 8.3.1). Needs `keying`. */
  readonly secure?: boolean;
}

/** How the last offer/answer exchange ended. */
export interface PreviousExchange {
  /** What we sent last, offer or answer. */
  readonly local: SessionDescription;
  /** What the peer sent last. */
  readonly remote: SessionDescription;
  readonly current: NegotiatedAudio;
}

/**
 * Makes an offer, or with `previous` a re-offer: every section keeps its place, all but the one in use get port 0, payload types
 * keep their meaning, and the codec in use comes first (RFC 3264 section 8).
 *
 * @throws TypeError when a first offer with a secured line comes without keying attributes.
 * @throws RangeError when a port is not 1 to 65535, or there is no free dynamic payload type.
 */
export function makeOffer(options: OfferOptions): SessionDescription {
  const { session, policy, previous, keying } = options;
  const capabilities = options.capabilities ?? g711Capabilities;
  const upgrade = previous !== undefined && options.secure === true && !previous.current.secured;
  const secured = previous ? previous.current.secured || upgrade : policy !== "off";
  if (upgrade && !keying) throw new TypeError("a line that becomes a secured one needs keying attributes");
  if (secured && !previous && !keying) throw new TypeError("an offer of a secured line needs keying attributes");
  const section = (isSecured: boolean, port: number, rtcpPort: number | undefined): SdpMedia =>
    audioSection({
      profile: previous && !upgrade ? previous.current.profile : profileFor(isSecured),
      port,
      rtcpPort,
      formats: offeredFormats(capabilities, previous),
      ptimeMs: capabilities.ptimeMs,
      maxPtimeMs: capabilities.maxPtimeMs,
      direction: options.direction ?? "sendrecv",
      keying: isSecured && keying ? keying.media : [],
    });
  const sessionKeying = secured && keying ? keying.session : [];
  const main = section(secured, options.rtpPort, options.rtcpPort);
  if (previous) {
    const { local, current } = previous;
    const sections = local.media.map((media, index) => (index === current.index ? main : disabled(media)));
    return describe(session, sections, sessionKeying, local.timing, local);
  }
  const sections = [main];
  if (policy === "preferred")
    sections.push(
      section(
        false,
        options.clearRtpPort ?? options.rtpPort,
        options.clearRtcpPort ?? (options.clearRtpPort === undefined ? options.rtcpPort : undefined),
      ),
    );
  return describe(session, sections, sessionKeying, [["t", "0 0"]]);
}

/** Our codecs and events with payload types that neither end has used for anything else in this session. */
function offeredFormats(capabilities: AudioCapabilities, previous: PreviousExchange | undefined): AudioCodec[] {
  const bound = new Map<number, AudioCodec>();
  const known: AudioCodec[] = [];
  if (previous) {
    const { index } = previous.current;
    for (const description of [previous.local, previous.remote])
      for (const format of description.media[index] ? audioFormats(description.media[index]) : []) {
        known.push(format);
        if (!bound.has(format.payloadType)) bound.set(format.payloadType, format);
      }
  }
  const numberFor = (codec: AudioCodec): number => {
    const before = known.find((format) => sameCodec(format, codec) && bound.get(format.payloadType) === format);
    if (before) return before.payloadType;
    let number = codec.payloadType;
    const taken = (candidate: number) => bound.has(candidate);
    if (taken(number) || (number < 96 && !isStatic(codec)))
      for (number = 96; taken(number); number++)
        if (number === 127) throw new RangeError("no free dynamic payload type");
    bound.set(number, codec);
    return number;
  };
  const codecs = [...capabilities.codecs];
  if (previous) {
    const inUse = codecs.findIndex((codec) => sameCodec(codec, previous.current.codec));
    if (inUse > 0) codecs.unshift(...codecs.splice(inUse, 1));
  }
  const formats = codecs.map((codec) => ({ ...codec, payloadType: numberFor(codec) }));
  return [...formats, ...telephoneEventFormats(capabilities, codecs, numberFor)];
}

function isStatic(codec: AudioCodec): boolean {
  const entry = staticAudio[codec.payloadType];
  return (
    entry !== undefined && sameCodec(codec, { name: entry[0], clockRate: entry[1], channels: entry[2], payloadType: 0 })
  );
}

/** A read answer. */
export interface ReadAnswer {
  /** The line taken: the first the peer accepted. */
  readonly audio: NegotiatedAudio;
  /** Lines the peer accepted besides, though one was to be chosen: nothing is sent for them; a re-offer disables them. */
  readonly alsoAccepted: readonly number[];
}

/**
 * Reads the answer to our offer.
 *
 * @returns what was agreed on, or: `"answer-mismatch"` (other number or order of lines, another media type or profile, a line
 *   accepted that was not offered, no address, payload types that were not offered), `"no-common-codec"` (nothing accepted that we can
 *   decode), `"no-acceptable-media"` (every audio line refused).
 */
export function readAnswer(
  offer: SessionDescription,
  answer: SessionDescription,
  capabilities: AudioCapabilities = g711Capabilities,
): Result<ReadAnswer> {
  if (answer.media.length !== offer.media.length)
    return fail(
      "answer-mismatch",
      `the answer has ${answer.media.length} media lines, the offer ${offer.media.length}`,
    );
  const accepted: NegotiatedAudio[] = [];
  for (let index = 0; index < offer.media.length; index++) {
    const ours = offer.media[index];
    const theirs = answer.media[index];
    if (theirs.type !== ours.type)
      return fail("answer-mismatch", `media line ${index} is answered by ${theirs.type} instead of ${ours.type}`);
    if (theirs.port === 0) continue;
    if (theirs.protocol !== ours.protocol)
      return fail(
        "answer-mismatch",
        `media line ${index} is answered by ${theirs.protocol} instead of ${ours.protocol}`,
      );
    if (ours.port === 0) return fail("answer-mismatch", `media line ${index} was disabled and is answered with a port`);
    const line = readLine(answer, index, capabilities, ours);
    if (!line.ok) {
      const code =
        line.error.code === "no-common-codec" && offersAny(ours, theirs) ? "no-common-codec" : "answer-mismatch";
      return fail(code, line.error.text);
    }
    const direction = meet(directionOfMedia(offer, ours), mirror(line.value.remoteDirection));
    accepted.push(settle(line.value, direction));
  }
  const [audio, ...rest] = accepted;
  if (!audio) return fail("no-acceptable-media", "the peer accepted none of the media lines");
  return ok({ audio, alsoAccepted: rest.map(({ index }) => index) });
}

/** True when the answer has some format of the offer, telephone-event included. */
function offersAny(ours: SdpMedia, theirs: SdpMedia): boolean {
  const offered = audioFormats(ours);
  return audioFormats(theirs).some((format) => offered.some((entry) => sameCodec(entry, format)));
}
