// Puts captured or made packets through libsrtp2, by the program test/interop/libsrtp-peer.c.

import { execFileSync } from "node:child_process";
import type { WitnessedKeys } from "./mikey-witness.js";

/** A datagram, and which of the two protocols it is. */
export interface MediaPacket {
  readonly rtcp: boolean;
  readonly bytes: Uint8Array;
}

/** What became of it: libsrtp's status (0: good) and the packet without, or with, its protection. */
export interface Verdict {
  readonly status: number;
  readonly bytes: Buffer;
}

/** Lets libsrtp protect (`send`) or verify and decrypt (`receive`) packets of one stream, AES_CM_128_HMAC_SHA1_80. */
export function throughLibsrtp(
  program: string,
  direction: "send" | "receive",
  keys: WitnessedKeys,
  ssrc: number,
  packets: readonly MediaPacket[],
): Verdict[] {
  const frames = packets.flatMap(({ rtcp, bytes }) => [
    Uint8Array.of(rtcp ? 0x63 : 0x72, bytes.length >> 8, bytes.length),
    bytes,
  ]);
  const key = Buffer.concat([keys.key, keys.salt]).toString("hex");
  const output = execFileSync(program, [direction, "AES_CM_128_HMAC_SHA1_80", key, "-", "encrypt", "0", String(ssrc)], {
    input: Buffer.concat(frames),
    maxBuffer: 2 ** 26,
  });
  const verdicts: Verdict[] = [];
  for (let at = 0; at < output.length; ) {
    const length = output.readUInt16BE(at + 1);
    verdicts.push({ status: output[at], bytes: output.subarray(at + 3, at + 3 + length) });
    at += 3 + length;
  }
  return verdicts;
}

/** True when a datagram of an RTP/RTCP port pair is RTCP (RFC 5761 section 4). */
export function isRtcp(bytes: Uint8Array): boolean {
  return bytes[1] >= 192 && bytes[1] <= 223;
}
