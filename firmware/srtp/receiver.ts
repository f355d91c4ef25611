// The receiving half: verifies and decrypts RTP and RTCP packets in place (RFC 3711 sections 3.3 and 3.4).

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
import { estimateIndex, RTP_INDEX_LIMIT } from "./streams.js";

/**
 * Unprotects what the other end sends. Streams are told apart by SSRC; the first authenticated packet of an SSRC opens its
 * stream. Until a packet's tag is found right it changes nothing: neither the packet nor any state.
 *
 * @example
 * const receiver = new SrtpReceiver(keys);
 * const n = receiver.unprotectRtp(datagram, datagram.length);
 * if (n < 0) dropped[statusName(n)]++;
 */
export class SrtpReceiver extends SrtpContext {
  /**
   * Verifies the SRTP packet in `packet[0, length)` and decrypts it in place. Padding, when the header announces some, is
   * decrypted like payload and left to the RTP parser.
   * @returns the length of the RTP packet, or `malformed`, `bad-tag`, `replayed`, `unknown-mki`, `too-many-streams`, `key-limit`
   * or `closed` of {@link SrtpStatus}; then the packet is unchanged
   * @throws RangeError when `length` is not within `packet`
   */
  unprotectRtp(packet: Uint8Array, length: number): number {
    const session = this.session;
    if (session === undefined) return SrtpStatus.closed;
    checkRoom(packet, length, 0);
    const mki = session.mki;
    const tagBytes = session.suite.rtpTagBytes;
    const end = length - tagBytes - mki.length;
    const header = rtpHeaderLength(packet, end);
    if (header < 0 || end - header > KEYSTREAM_MAX_BYTES) return SrtpStatus.malformed;
    if (!carries(packet, end, mki)) return SrtpStatus.unknownMki;

    const streams = this.rtpStreams;
    const { rtp } = session;
    const ssrc = readUint32(packet, RTP_HEADER_BYTES - 4);
    const sequence = (packet[2] << 8) | packet[3];
    let slot = streams.find(ssrc);
    let roc: number;
    if (slot >= 0) {
      const index = estimateIndex(streams.highest(slot), sequence);
      if (index >= RTP_INDEX_LIMIT) return SrtpStatus.keyLimit;
      if (streams.seen(slot, index)) return SrtpStatus.replayed;
      roc = (index - sequence) / 0x10000;
      rtp.mac.compute(packet, 0, end, roc);
      if (!rtp.mac.matches(packet, end + mki.length, tagBytes)) return SrtpStatus.badTag;
    } else {
      if (streams.full) return SrtpStatus.tooManyStreams;
      roc = session.roc;
      rtp.mac.compute(packet, 0, end, roc);
      if (!rtp.mac.matches(packet, end + mki.length, tagBytes)) {
        // A stream that began just below 2^16 and whose first packets got lost, or one that wrapped while its roll-over counter
        // was on its way to us, is first seen with a small number and the next counter (RFC 3711 section 3.3.1, last caveat).
        if (sequence >= 0x8000 || roc === 0xffffffff) return SrtpStatus.badTag;
        roc++;
        rtp.mac.compute(packet, 0, end, roc);
        if (!rtp.mac.matches(packet, end + mki.length, tagBytes)) return SrtpStatus.badTag;
      }
      slot = streams.open(ssrc);
    }

    rtp.crypt(packet, header, end, ssrc, roc, sequence);
    streams.mark(slot, roc * 0x10000 + sequence);
    return end;
  }

  /**
   * Verifies the SRTCP packet in `packet[0, length)` and, when its E flag is set, decrypts it in place. A packet that is
   * authenticated but not encrypted is taken (RFC 3711 section 3.4).
   * @returns the length of the compound RTCP packet, or `malformed`, `bad-tag`, `replayed`, `unknown-mki`, `too-many-streams` or
   * `closed` of {@link SrtpStatus}; then the packet is unchanged
   * @throws RangeError when `length` is not within `packet`
   */
  unprotectRtcp(packet: Uint8Array, length: number): number {
    const session = this.session;
    if (session === undefined) return SrtpStatus.closed;
    checkRoom(packet, length, 0);
    const mki = session.mki;
    const tagBytes = session.suite.rtcpTagBytes;
    const signed = length - tagBytes - mki.length;
    const end = signed - 4;
    if (end < RTCP_HEADER_BYTES || packet[0] >>> 6 !== 2 || end - RTCP_HEADER_BYTES > KEYSTREAM_MAX_BYTES)
      return SrtpStatus.malformed;
    if (!carries(packet, signed, mki)) return SrtpStatus.unknownMki;

    const streams = this.rtcpStreams;
    const ssrc = readUint32(packet, RTCP_HEADER_BYTES - 4);
    const flagged = readUint32(packet, end);
    const index = flagged & 0x7fffffff;
    let slot = streams.find(ssrc);
    if (slot < 0) {
      if (streams.full) return SrtpStatus.tooManyStreams;
    } else if (streams.seen(slot, index)) return SrtpStatus.replayed;

    const { rtcp } = session;
    rtcp.mac.compute(packet, 0, signed);
    if (!rtcp.mac.matches(packet, signed + mki.length, tagBytes)) return SrtpStatus.badTag;
    if (slot < 0) slot = streams.open(ssrc);
    if (flagged >= 0x80000000) rtcp.crypt(packet, RTCP_HEADER_BYTES, end, ssrc, index >>> 16, index & 0xffff);
    streams.mark(slot, index);
    return end;
  }
}

/** True when `packet` holds `mki` at `at`. Public bytes: no need for constant time. */
function carries(packet: Uint8Array, at: number, mki: Uint8Array): boolean {
  for (let i = 0; i < mki.length; i++) if (packet[at + i] !== mki[i]) return false;
  return true;
}
