// The sending half: protects RTP and RTCP packets in place (RFC 3711 sections 3.3 and 3.4).

import { SrtpContext } from "./context.js";
import {
  checkRoom,
  KEYSTREAM_MAX_BYTES,
  RTCP_HEADER_BYTES,
  RTP_HEADER_BYTES,
  readUint32,
  rtpHeaderLength,
} from "./packet.js";
import { SrtpStatus } from "./status.js";
import { estimateIndex, RTCP_INDEX_LIMIT, RTP_INDEX_LIMIT } from "./streams.js";

/**
 * Protects what one end sends. Streams are told apart by SSRC; the first packet of an SSRC opens its stream.
 *
 * @example
 * const sender = new SrtpSender(keys);
 * const n = sender.protectRtp(buffer, length); // buffer has SRTP_MAX_TRAILER bytes of room behind the packet
 * if (n > 0) socket.send(buffer, 0, n, port, host);
 */
export class SrtpSender extends SrtpContext {
  /**
   * Encrypts and authenticates the RTP packet in `packet[0, length)`, in place, and appends MKI and tag:
   *
   *     | RTP header, CSRCs, extension | encrypted payload and padding | MKI | tag, 10 bytes |
   *     |<------------- authenticated, with the roll-over counter --------->|
   *
   * (the MKI itself is not authenticated, RFC 3711 section 3.1). The roll-over counter follows the sequence numbers given: one
   * may wrap, be skipped, or be sent late within the replay window, but is never protected twice. A repeat sends the bytes
   * already protected.
   * @returns the new length, or `malformed`, `too-many-streams`, `index-used`, `key-limit` or `closed` of {@link SrtpStatus};
   * then the packet is unchanged
   * @throws RangeError when `packet` has no room for the trailer
   */
  protectRtp(packet: Uint8Array, length: number): number {
    const session = this.session;
    if (session === undefined) return SrtpStatus.closed;
    const mki = session.mki;
    const tagBytes = session.suite.rtpTagBytes;
    checkRoom(packet, length, mki.length + tagBytes);
    const header = rtpHeaderLength(packet, length);
    if (header < 0 || length - header > KEYSTREAM_MAX_BYTES) return SrtpStatus.malformed;

    const streams = this.rtpStreams;
    const ssrc = readUint32(packet, RTP_HEADER_BYTES - 4);
    const sequence = (packet[2] << 8) | packet[3];
    let slot = streams.find(ssrc);
    let index: number;
    if (slot >= 0) {
      index = estimateIndex(streams.highest(slot), sequence);
      if (index >= RTP_INDEX_LIMIT) return SrtpStatus.keyLimit;
      if (streams.seen(slot, index)) return SrtpStatus.indexUsed;
    } else {
      slot = streams.open(ssrc);
      if (slot < 0) return SrtpStatus.tooManyStreams;
      index = session.roc * 0x10000 + sequence;
    }
    streams.mark(slot, index);

    const roc = (index - sequence) / 0x10000;
    const { rtp } = session;
    rtp.crypt(packet, header, length, ssrc, roc, sequence);
    rtp.mac.compute(packet, 0, length, roc);
    return appendTrailer(packet, length, mki, rtp.mac, tagBytes);
  }

  /**
   * Encrypts and authenticates the compound RTCP packet in `packet[0, length)`, in place, and appends E flag, index, MKI and tag:
   *
   *     | first 8 bytes | encrypted rest | E, index: 4 bytes | MKI | tag, 10 bytes |
   *     |<------------------- authenticated --------------->|
   *
   * The stream is that of the first packet's SSRC; its index counts from 0.
   * @param encrypt false: authenticated only, the E flag is 0
   * @returns the new length, or `malformed`, `too-many-streams`, `key-limit` or `closed` of {@link SrtpStatus}; then the packet
   * is unchanged
   * @throws RangeError when `packet` has no room for the trailer
   */
  protectRtcp(packet: Uint8Array, length: number, encrypt = true): number {
    const session = this.session;
    if (session === undefined) return SrtpStatus.closed;
    const mki = session.mki;
    const tagBytes = session.suite.rtcpTagBytes;
    checkRoom(packet, length, 4 + mki.length + tagBytes);
    if (length < RTCP_HEADER_BYTES || packet[0] >>> 6 !== 2 || length - RTCP_HEADER_BYTES > KEYSTREAM_MAX_BYTES)
      return SrtpStatus.malformed;

    const streams = this.rtcpStreams;
    const ssrc = readUint32(packet, RTCP_HEADER_BYTES - 4);
    let slot = streams.find(ssrc);
    if (slot < 0) slot = streams.open(ssrc);
    if (slot < 0) return SrtpStatus.tooManyStreams;
    const index = streams.highest(slot) + 1;
    if (index >= RTCP_INDEX_LIMIT) return SrtpStatus.keyLimit;
    streams.mark(slot, index);

    const { rtcp } = session;
    if (encrypt) rtcp.crypt(packet, RTCP_HEADER_BYTES, length, ssrc, index >>> 16, index & 0xffff);
    packet[length] = (index >>> 24) | (encrypt ? 0x80 : 0);
    packet[length + 1] = index >>> 16;
    packet[length + 2] = index >>> 8;
    packet[length + 3] = index;
    rtcp.mac.compute(packet, 0, length + 4);
    return appendTrailer(packet, length + 4, mki, rtcp.mac, tagBytes);
  }
}

/** Writes MKI and tag at `packet[at]`; the length then. */
function appendTrailer(
  packet: Uint8Array,
  at: number,
  mki: Uint8Array,
  mac: { writeTag(out: Uint8Array, at: number, length: number): void },
  tagBytes: number,
): number {
  for (let i = 0; i < mki.length; i++) packet[at++] = mki[i];
  mac.writeTag(packet, at, tagBytes);
  return at + tagBytes;
}
