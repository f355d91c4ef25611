// Builds RTP and RTCP packets and keys for the SRTP tests.

import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { type SrtpKeys, srtpSuites } from "../../../firmware/srtp/index.js";

/** Random keys, of AES_CM_128_HMAC_SHA1_80 unless `more` says otherwise. */
export function randomKeys(more: Partial<SrtpKeys> = {}): SrtpKeys {
  const { suite = "AES_CM_128_HMAC_SHA1_80" } = more;
  return {
    suite,
    masterKey: new Uint8Array(randomBytes(srtpSuites[suite].keyBytes)),
    masterSalt: new Uint8Array(randomBytes(srtpSuites[suite].saltBytes)),
    ...more,
  };
}

export interface RtpShape {
  readonly ssrc?: number;
  readonly sequence: number;
  readonly payload?: Uint8Array;
  /** Number of contributing sources, 0-15. */
  readonly csrcs?: number;
  /** Words of a header extension; undefined: none. */
  readonly extensionWords?: number;
  /** Sets the padding bit (the payload then ends in its own count). */
  readonly padding?: boolean;
}

/** Any packet: payloads of 0 to 1400 bytes, contributing sources, header extension, padding bit. */
export const shapes: fc.Arbitrary<RtpShape & { readonly csrcs: number; readonly ssrc: number }> = fc.record({
  sequence: fc.integer({ min: 0, max: 65535 }),
  ssrc: fc.integer({ min: 0, max: 0xffffffff }),
  payload: fc.uint8Array({ maxLength: 1400, size: "max" }),
  csrcs: fc.integer({ min: 0, max: 15 }),
  extensionWords: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
  padding: fc.boolean(),
});

/** Header length of {@link rtpPacket}'s result. */
export function headerLength({ csrcs = 0, extensionWords }: RtpShape): number {
  return 12 + 4 * csrcs + (extensionWords === undefined ? 0 : 4 + 4 * extensionWords);
}

export function rtpPacket(shape: RtpShape): Uint8Array {
  const { ssrc = 0x12345678, sequence, payload = new Uint8Array(0), csrcs = 0, extensionWords, padding } = shape;
  const header = headerLength(shape);
  const packet = Buffer.alloc(header + payload.length);
  packet[0] = 0x80 | (padding ? 0x20 : 0) | (extensionWords === undefined ? 0 : 0x10) | csrcs;
  packet[1] = 0;
  packet.writeUInt16BE(sequence, 2);
  packet.writeUInt32BE((sequence * 160) >>> 0, 4);
  packet.writeUInt32BE(ssrc, 8);
  for (let i = 12; i < header; i++) packet[i] = i * 37;
  if (extensionWords !== undefined) {
    packet.writeUInt16BE(0xbede, 12 + 4 * csrcs);
    packet.writeUInt16BE(extensionWords, 14 + 4 * csrcs);
  }
  packet.set(payload, header);
  return new Uint8Array(packet);
}

/** A receiver report without blocks (8 bytes), then `words` more of whatever. */
export function rtcpPacket(ssrc: number, words = 0): Uint8Array {
  const packet = Buffer.alloc(8 + 4 * words, 0xa5);
  packet[0] = 0x80;
  packet[1] = 201;
  // Longer than the length field can say: only to see where such a thing is refused.
  packet.writeUInt16BE((1 + words) & 0xffff, 2);
  packet.writeUInt32BE(ssrc, 4);
  return new Uint8Array(packet);
}

/** `packet` at the start of a buffer with `room` more bytes. */
export function withRoom(packet: Uint8Array, room = 150): Uint8Array {
  const buffer = new Uint8Array(packet.length + room);
  buffer.set(packet);
  return buffer;
}
