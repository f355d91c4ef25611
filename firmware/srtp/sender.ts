// The sending half: protects RTP and RTCP packets in place (RFC 3711 sections 3.3 and 3.4).

import { SrtpContext } from "./context.js";
import {
  checkRoom,
  KEYSTREAM_MAX_BYTES,
  RTCP_HEADER_BYTES,
  RTCP_SSRC_AT,
  RTP_SSRC_AT,
  rtpHeaderLength,
} from "./packet.js";
import { SrtpStatus } from "./status.js";
import { RTCP_INDEX_LIMIT } from "./streams.js";

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
   *     | RTP header, CSRCs, extension | encrypted payload and padding | MKI | tag, 10 or 4 bytes |
   *     |<------------- authenticated, with the roll-over counter --------->|
   *
   * (the MKI itself is not authenticated, RFC 3711 section 3.1), or with an AEAD suite (RFC 7714 section 8.2):
   *
   *     | RTP header, CSRCs, extension | encrypted payload and padding | tag, 16 bytes | MKI |
   *
   * The roll-over counter follows the sequence numbers given: one may wrap, be skipped, or be sent late within the replay window,
   * but is never protected twice. A repeat sends the bytes already protected.
   * @returns the new length, or `malformed`, `too-many-streams`, `index-used`, `key-limit` or `closed` of {@link SrtpStatus};
   * then the packet is unchanged
   * @throws RangeError when `packet` has no room for the trailer
   */
  protectRtp(packet: Uint8Array, length: number): number {
    if (this.keys.length === 0) return SrtpStatus.closed;
    checkRoom(packet, length, this.rtpTrailer);
    const header = rtpHeaderLength(packet, length);
    if (header < 0 || length - header > KEYSTREAM_MAX_BYTES) return SrtpStatus.malformed;

    const streams = this.rtpStreams;
    const { index } = streams;
    const sequence = (packet[2] << 8) | packet[3];
    let slot = streams.find(packet, RTP_SSRC_AT);
    if (slot >= 0) {
      if (!streams.estimate(slot, sequence)) return SrtpStatus.keyLimit;
      if (streams.seen(slot)) return SrtpStatus.indexUsed;
    } else {
      if (streams.full) return SrtpStatus.tooManyStreams;
      this.first(packet, sequence);
    }
    const keys = this.keysFor(index);
    if (keys === undefined || keys.rtpUsage.exhausted) return SrtpStatus.keyLimit;
    if (slot < 0) slot = streams.open(packet, RTP_SSRC_AT);
    streams.mark(slot);

    const from = keys.encryptRtp ? header : length;
    const end = keys.rtp(index).sealRtp(packet, from, length, index, slot, keys.mki, keys.rtpTagBytes);
    this.count(keys, keys.rtpUsage);
    return end;
  }

  /**
   * Encrypts and authenticates the compound (or, RFC 5506, reduced-size) RTCP packet in `packet[0, length)`, in place, and appends E
   * flag, index, MKI and tag:
   *
   *     | first 8 bytes | encrypted rest | E, index: 4 bytes | MKI | tag, 10 bytes |
   *     |<------------------- authenticated --------------->|
   *
   * or with an AEAD suite (RFC 7714 section 9.2):
   *
   *     | first 8 bytes | encrypted rest | tag, 16 bytes | E, index: 4 bytes | MKI |
   *
   * The stream is that of the first packet's SSRC; its index counts from 0.
   * @param encrypt false: authenticated only, the E flag is 0. Default: what the keys say
   * @returns the new length, or `malformed`, `too-many-streams`, `key-limit` or `closed` of {@link SrtpStatus}; then the packet
   * is unchanged
   * @throws RangeError when `packet` has no room for the trailer
   */
  protectRtcp(packet: Uint8Array, length: number, encrypt?: boolean): number {
    if (this.keys.length === 0) return SrtpStatus.closed;
    const keys = this.keys[0];
    checkRoom(packet, length, this.rtcpTrailer);
    if (length < RTCP_HEADER_BYTES || packet[0] >>> 6 !== 2 || length - RTCP_HEADER_BYTES > KEYSTREAM_MAX_BYTES)
      return SrtpStatus.malformed;

    const streams = this.rtcpStreams;
    if (keys.rtcpUsage.exhausted) return SrtpStatus.keyLimit;
    let slot = streams.find(packet, RTCP_SSRC_AT);
    if (slot < 0) slot = streams.open(packet, RTCP_SSRC_AT);
    if (slot < 0) return SrtpStatus.tooManyStreams;
    if (!streams.next(slot, 1, RTCP_INDEX_LIMIT)) return SrtpStatus.keyLimit;
    streams.mark(slot);

    const { mki, suite } = keys;
    const { index } = streams;
    const encrypted = encrypt === undefined ? keys.encryptRtcp : encrypt && suite.mode !== "null";
    const end = keys.rtcp(index).sealRtcp(packet, length, index, encrypted, mki, suite.rtcpTagBytes);
    this.count(keys, keys.rtcpUsage);
    return end;
  }

  protected override replaced(): void {
    this.dropOldKeys();
  }
}
