// A client's side of the network time protocol (RFC 5905): the packet it sends, and what it may believe of the answer. No sockets here.

import { toNtp } from "./clock.js";

/** Bytes of a packet without extensions. */
export const SNTP_BYTES = 48;
const VERSION = 4;
const CLIENT = 3;
const SERVER = 4;
const ALARM = 3;
/** Servers further than this from a clock, seconds, are not believed (RFC 5905 section 7.2: MAXDIST and what a packet's way may add). */
const MAX_DISTANCE_S = 1.5;
/** Seconds after which NTP's count begins anew. */
const ERA_S = 2 ** 32;
/** 1970 in NTP's count of seconds. */
const UNIX_EPOCH_S = Number(toNtp(0) >> 32n);

/** What a server says. */
export interface TimeAnswer {
  /** When the request came and the answer left by the server's clock, ms since 1970. */
  readonly receivedMs: number;
  readonly sentMs: number;
}

/**
 * A request: nothing in it says who asks or what time it is there (RFC 9769 has the reasons).
 * @param mark 64 random bits, which only an answer to this request knows.
 */
export function timeRequest(mark: bigint): Buffer {
  const packet = Buffer.alloc(SNTP_BYTES);
  packet[0] = (VERSION << 3) | CLIENT;
  packet.writeBigUInt64BE(BigInt.asUintN(64, mark), 40);
  return packet;
}

/**
 * Reads an answer.
 * @param mark of the request.
 * @param notBeforeMs a moment that is over, ms since 1970: it says which of NTP's eras of 136 years is meant.
 * @returns why it is not to be believed, else the server's times.
 */
export function readTime(packet: Uint8Array, mark: bigint, notBeforeMs: number): TimeAnswer | string {
  if (packet.length < SNTP_BYTES) return "too short";
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const [first, stratum] = [view.getUint8(0), view.getUint8(1)];
  if ((first & 7) !== SERVER) return "not an answer";
  if (view.getBigUint64(24) !== BigInt.asUintN(64, mark)) return "not an answer to this request";
  if (stratum === 0) return `refused (${String.fromCharCode(...packet.subarray(12, 16)).replace(/[^ -~]/g, "?")})`;
  if (stratum > 15 || first >> 6 === ALARM) return "the server does not know the time";
  if (view.getUint32(4) / 2 ** 17 + view.getUint32(8) / 2 ** 16 > MAX_DISTANCE_S)
    return "the server is too far from a clock";
  const [receivedMs, sentMs] = [32, 40].map((at) => unixMs(view.getBigUint64(at), notBeforeMs));
  if (view.getBigUint64(40) === 0n || sentMs < receivedMs) return "the server's times cannot be";
  return { receivedMs, sentMs };
}

/** Milliseconds since 1970, in the first era that is not before `notBeforeMs`. */
function unixMs(ntp: bigint, notBeforeMs: number): number {
  let seconds = Number(ntp >> 32n) - UNIX_EPOCH_S;
  while (seconds * 1000 < notBeforeMs) seconds += ERA_S;
  return seconds * 1000 + (Number(ntp & 0xffff_ffffn) / 2 ** 32) * 1000;
}

/** The one in the middle of several: one that lies among three changes little. */
export function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
