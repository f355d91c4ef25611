// How a phone's voice is set up: plain data, so that it can travel to the voice thread.

import { isIP } from "node:net";
import type { AudioOptions } from "../../drivers/contract.js";
import type { ToneRegion } from "../audio/index.js";
import { plainLevels, type SoundLevels } from "./pump.js";
import type { StreamParameters } from "./voice.js";

/** Options of a {@link LocalVoice}. All times in ms. */
export interface VoiceOptions {
  /** Numeric address RTP and RTCP sockets are bound to; its family is the family of every stream. */
  readonly localAddress: string;
  /** RTP ports, inclusive: RTP on an even port, RTCP on the odd one above it (RFC 3550 section 11). */
  readonly ports: { readonly min: number; readonly max: number };
  /** What is wanted of the sound card. */
  readonly audio: AudioOptions;
  /** Whose call-progress tones the earpiece plays. Default `eu`. */
  readonly tones?: ToneRegion;
  /** How loud the board is. Default: samples as they are, no sidetone. */
  readonly levels?: SoundLevels;
  /** How long the card runs on after the last stream or tone has been heard. Default 300. */
  readonly stopAfterMs?: number;
  /** How long it stays open (but stopped) after that, so that the next call finds it ready; `Infinity`: for good. Default 30 000. */
  readonly closeAfterMs?: number;
  /** Pause between attempts to open a card that cannot be opened. Default 2000. */
  readonly reopenMs?: number;
  /** A stream that expects packets and gets none says so every so often. Default 2000. */
  readonly silentAfterMs?: number;
  /** Minimum RTCP interval before randomisation (RFC 3550 section 6.2). Default 5000. */
  readonly rtcpIntervalMs?: number;
}

/** {@link VoiceOptions} with every default filled in. */
export type ResolvedVoiceOptions = Required<VoiceOptions>;

function positive(name: string, value: number): void {
  if (!(value > 0)) throw new RangeError(`${name} must be greater than 0, got ${value}`);
}

/**
 * Checks options and fills in defaults.
 * @throws RangeError naming the field, its value and what is allowed.
 */
export function resolveOptions(options: VoiceOptions): ResolvedVoiceOptions {
  const { min, max } = options.ports;
  if (isIP(options.localAddress) === 0)
    throw new RangeError(`localAddress must be a numeric IP address, got "${options.localAddress}"`);
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1024 || max > 65535)
    throw new RangeError(`ports must lie between 1024 and 65535, got ${min}-${max}`);
  if (min + (min & 1) + 1 > max)
    throw new RangeError(`ports ${min}-${max} hold no pair of an even port and the odd one above`);
  const resolved = {
    levels: plainLevels,
    stopAfterMs: 300,
    closeAfterMs: 30_000,
    reopenMs: 2000,
    silentAfterMs: 2000,
    rtcpIntervalMs: 5000,
    ...options,
    tones: options.tones ?? "eu",
  };
  for (const [name, most] of [
    ["capture", 4],
    ["playback", 4],
    ["sidetone", 1],
  ] as const)
    if (!(resolved.levels[name] >= 0 && resolved.levels[name] <= most))
      throw new RangeError(`levels.${name} must be 0 to ${most}, got ${resolved.levels[name]}`);
  positive("reopenMs", resolved.reopenMs);
  positive("silentAfterMs", resolved.silentAfterMs);
  positive("rtcpIntervalMs", resolved.rtcpIntervalMs);
  if (!(resolved.stopAfterMs >= 0)) throw new RangeError(`stopAfterMs must be 0 or more, got ${resolved.stopAfterMs}`);
  if (!(resolved.closeAfterMs >= 0))
    throw new RangeError(`closeAfterMs must be 0 or more, got ${resolved.closeAfterMs}`);
  return resolved;
}

/** Longest packet time taken, ms: what a packet buffer of Ethernet size holds with a margin. */
export const MAX_PTIME_MS = 120;

function port(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 65535)
    throw new RangeError(`${name} must be an integer from 0 to 65535, got ${value}`);
}

function payloadType(name: string, value: number): void {
  // 64-95 would be taken for RTCP packet types (RFC 5761 section 4).
  if (!Number.isInteger(value) || value < 0 || value > 127 || (value >= 64 && value <= 95))
    throw new RangeError(`${name} must be an RTP payload type (0-63 or 96-127), got ${value}`);
}

/**
 * Checks what signalling hands over, on its own side of the thread boundary, so that misuse throws where it happened.
 * @throws RangeError or Error naming the member that is wrong.
 */
export function checkParameters(parameters: StreamParameters, before: StreamParameters | undefined): void {
  if (before?.security === "srtp" && parameters.security !== "srtp")
    throw new Error("a secured stream cannot be turned into a clear one");
  if (parameters.security !== "srtp" && parameters.security !== "clear")
    throw new RangeError(`security must be "srtp" or "clear", got "${String(parameters.security)}"`);
  port("remotePort", parameters.remotePort);
  port("remoteRtcpPort", parameters.remoteRtcpPort);
  payloadType("codec.payloadType", parameters.codec.payloadType);
  if (parameters.telephoneEventSend !== undefined) payloadType("telephoneEventSend", parameters.telephoneEventSend);
  if (parameters.telephoneEventReceive !== undefined)
    payloadType("telephoneEventReceive", parameters.telephoneEventReceive);
  if (!(parameters.ptimeMs >= 10 && parameters.ptimeMs <= MAX_PTIME_MS && parameters.ptimeMs % 10 === 0))
    throw new RangeError(`ptimeMs must be a multiple of 10 from 10 to ${MAX_PTIME_MS}, got ${parameters.ptimeMs}`);
  if (!["sendrecv", "sendonly", "recvonly", "inactive"].includes(parameters.direction))
    throw new RangeError(`direction "${String(parameters.direction)}" is unknown`);
  if (typeof parameters.remoteAddress !== "string" || parameters.remoteAddress === "")
    throw new RangeError("remoteAddress must be an address or host name");
}
