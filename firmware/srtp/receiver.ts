// The receiving half: verifies and decrypts RTP and RTCP packets in place (RFC 3711 sections 3.3 and 3.4).

import { SrtpContext } from "./context.js";
import {
  checkRoom,
  isEncryptedRtcp,
  KEYSTREAM_MAX_BYTES,
  RTCP_HEADER_BYTES,
  RTCP_SSRC_AT,
  RTP_HEADER_BYTES,
  RTP_SSRC_AT,
  readRtcpIndex,
  rtpHeaderLength,
} from "./packet.js";
import type { SessionKeys } from "./session-keys.js";
import { SrtpStatus } from "./status.js";
import { type PacketIndex, RTP_INDEX_LIMIT } from "./streams.js";

/** Packets of a stream refused in a row before the next roll-over counter is tried, and then every so many. */
const STRAYED_AFTER = 16;
const STRAYED_EVERY = 8;

/**
 * Unprotects what the other end sends. Streams are told apart by SSRC; the first authenticated packet of an SSRC opens its
 * stream. Until a packet's tag is found right it changes nothing: neither the packet nor any stream's index or window.
 *
 * @example
 * const receiver = new SrtpReceiver(keys);
 * const n = receiver.unprotectRtp(datagram, datagram.length);
 * if (n < 0) dropped[statusName(n)]++;
 */
export class SrtpReceiver extends SrtpContext {
  /** Packets taken under the newest keys since they replaced others. */
  #underNewest = 0;

  /** Packets taken under the newest keys since they replaced others: any at all say that the peer uses them. */
  get underNewest(): number {
    return this.#underNewest;
  }

  /**
   * Verifies the SRTP packet in `packet[0, length)` and decrypts it in place. Padding, when the header announces some, is
   * decrypted like payload and left to the RTP parser.
   *
   * A stream that lost more than 2^15 packets in a row has left the range its roll-over counter can be estimated in; after 16 refused
   * packets the next counter is tried now and then, which finds streams again up to 3 * 2^15 packets on.
   * @returns the length of the RTP packet, or `malformed`, `bad-tag`, `replayed`, `unknown-mki`, `too-many-streams`, `key-limit`
   * or `closed` of {@link SrtpStatus}; then the packet is unchanged
   * @throws RangeError when `length` is not within `packet`
   */
  unprotectRtp(packet: Uint8Array, length: number): number {
    if (this.keys.length === 0) return SrtpStatus.closed;
    checkRoom(packet, length, 0);
    if (length < RTP_HEADER_BYTES || packet[0] >>> 6 !== 2) return SrtpStatus.malformed;
    const streams = this.rtpStreams;
    const { index } = streams;
    const sequence = (packet[2] << 8) | packet[3];
    const slot = streams.find(packet, RTP_SSRC_AT);
    if (slot < 0) return this.#first(packet, length, sequence);

    if (!streams.estimate(slot, sequence)) return SrtpStatus.keyLimit;
    let status: number = SrtpStatus.replayed;
    if (!streams.seen(slot)) {
      status = this.#try(packet, length, slot);
      if (status >= 0) {
        streams.mark(slot);
        streams.refused[slot] = 0;
        return status;
      }
      if (status !== SrtpStatus.badTag) return status;
    }
    const refused = streams.refused[slot] + 1;
    streams.refused[slot] = refused;
    if (refused < STRAYED_AFTER || refused % STRAYED_EVERY !== 0) return status;
    index[0] += 0x10000;
    if (index[0] >= RTP_INDEX_LIMIT || !streams.leads(slot)) return status;
    const found = this.#try(packet, length, slot);
    if (found < 0) return status;
    streams.mark(slot);
    streams.refused[slot] = 0;
    return found;
  }

  /** A packet of an SSRC that is not known. */
  #first(packet: Uint8Array, length: number, sequence: number): number {
    const streams = this.rtpStreams;
    if (streams.full) return SrtpStatus.tooManyStreams;
    const { index } = streams;
    this.first(packet, sequence);
    let status = this.#try(packet, length, -1);
    if (status === SrtpStatus.badTag && sequence < 0x8000 && index[0] + 0x10000 < RTP_INDEX_LIMIT) {
      // A stream that began just below 2^16 and whose first packets got lost, or one that wrapped while its roll-over counter
      // was on its way to us, is first seen with a small number and the next counter (RFC 3711 section 3.3.1, last caveat).
      index[0] += 0x10000;
      status = this.#try(packet, length, -1);
    }
    if (status >= 0) streams.mark(streams.open(packet, RTP_SSRC_AT));
    return status;
  }

  /** Tries the keys there are on a packet, as the one with the index at hand. @returns its length when one fits */
  #try(packet: Uint8Array, length: number, slot: number): number {
    const all = this.keys;
    const { index } = this.rtpStreams;
    let status: number = SrtpStatus.unknownMki;
    for (let i = 0; i < all.length; i++) {
      const keys = all[i];
      const found = tryRtp(packet, length, index, slot, keys);
      if (found >= 0) {
        this.count(keys, keys.rtpUsage);
        if (all.length > 1) this.#taken(i);
        return found;
      }
      // A packet's MKI may name a key that it is not under by chance only: a bad tag says more than an unknown MKI.
      if (status === SrtpStatus.unknownMki || found === SrtpStatus.badTag) status = found;
    }
    return status;
  }

  /**
   * Verifies the SRTCP packet in `packet[0, length)` and, when its E flag is set, decrypts it in place. A packet that is
   * authenticated but not encrypted is taken (RFC 3711 section 3.4).
   * @returns the length of the compound RTCP packet, or `malformed`, `bad-tag`, `replayed`, `unknown-mki`, `too-many-streams`,
   * `key-limit` or `closed` of {@link SrtpStatus}; then the packet is unchanged
   * @throws RangeError when `length` is not within `packet`
   */
  unprotectRtcp(packet: Uint8Array, length: number): number {
    const all = this.keys;
    if (all.length === 0) return SrtpStatus.closed;
    checkRoom(packet, length, 0);
    if (length < RTCP_HEADER_BYTES || packet[0] >>> 6 !== 2) return SrtpStatus.malformed;
    let status: number = SrtpStatus.unknownMki;
    for (let i = 0; i < all.length; i++) {
      const found = this.#tryRtcp(packet, length, all[i]);
      if (found >= 0) {
        this.count(all[i], all[i].rtcpUsage);
        if (all.length > 1) this.#taken(i);
        return found;
      }
      if (status === SrtpStatus.unknownMki || found === SrtpStatus.badTag) status = found;
    }
    return status;
  }

  #tryRtcp(packet: Uint8Array, length: number, keys: SessionKeys): number {
    const { mki } = keys;
    const tagBytes = keys.suite.rtcpTagBytes;
    const end = length - tagBytes - mki.length - 4;
    if (end < RTCP_HEADER_BYTES || end - RTCP_HEADER_BYTES > KEYSTREAM_MAX_BYTES) return SrtpStatus.malformed;
    const aead = keys.suite.mode === "gcm";
    if (!keys.named(packet, aead ? length - mki.length : end + 4)) return SrtpStatus.unknownMki;
    const streams = this.rtcpStreams;
    const indexAt = aead ? end + tagBytes : end;
    const { index } = streams;
    index[0] = readRtcpIndex(packet, indexAt);
    let slot = streams.find(packet, RTCP_SSRC_AT);
    if (slot < 0) {
      if (streams.full) return SrtpStatus.tooManyStreams;
    } else if (streams.seen(slot)) return SrtpStatus.replayed;
    if (keys.rtcpUsage.exhausted) return SrtpStatus.keyLimit;
    if (!keys.rtcp(index).openRtcp(packet, end, index, isEncryptedRtcp(packet, indexAt), mki.length, tagBytes))
      return SrtpStatus.badTag;
    if (slot < 0) slot = streams.open(packet, RTCP_SSRC_AT);
    streams.mark(slot);
    return end;
  }

  protected override replaced(): void {
    this.#underNewest = 0;
  }

  /** A packet was taken under key number `i`; replaced keys go once the peer has surely changed over. */
  #taken(i: number): void {
    if (i === 0 && ++this.#underNewest === this.replayWindow) this.dropOldKeys();
  }
}

function tryRtp(packet: Uint8Array, length: number, index: PacketIndex, slot: number, keys: SessionKeys): number {
  const { mki, rtpTagBytes } = keys;
  const end = length - rtpTagBytes - mki.length;
  const header = rtpHeaderLength(packet, end);
  if (header < 0 || end - header > KEYSTREAM_MAX_BYTES) return SrtpStatus.malformed;
  if (!keys.named(packet, keys.suite.mode === "gcm" ? end + rtpTagBytes : end)) return SrtpStatus.unknownMki;
  // A key that is not for this index is as good as one that the packet does not name.
  if (!keys.covers(index)) return SrtpStatus.unknownMki;
  if (keys.rtpUsage.exhausted) return SrtpStatus.keyLimit;
  const from = keys.encryptRtp ? header : end;
  return keys.rtp(index).openRtp(packet, from, end, index, slot, mki.length, rtpTagBytes) ? end : SrtpStatus.badTag;
}
