// Just enough of RTP's and RTCP's headers to protect a packet (RFC 3550 sections 5.1, 5.3.1, 6.1).

/** Shortest RTP header, bytes. */
export const RTP_HEADER_BYTES = 12;
/** Where the SSRC lies in an RTP packet. */
export const RTP_SSRC_AT = 8;
/** Where the SSRC of the first packet lies in a compound RTCP packet. */
export const RTCP_SSRC_AT = 4;
/** The part of an RTCP packet that stays in the clear: first header and SSRC, bytes (RFC 3711 section 3.4). */
export const RTCP_HEADER_BYTES = 8;
/** Longest part one packet may encrypt: 2^16 blocks of keystream (RFC 3711 section 4.1.1). */
export const KEYSTREAM_MAX_BYTES = 2 ** 20;

/**
 * Bytes of the RTP header in `packet[0, length)` with contributing sources and header extension: where the encrypted part
 * begins. -1 when it is not RTP version 2 or the header does not end within `length`.
 */
export function rtpHeaderLength(packet: Uint8Array, length: number): number {
  if (length < RTP_HEADER_BYTES) return -1;
  const first = packet[0];
  if (first >>> 6 !== 2) return -1;
  let header = RTP_HEADER_BYTES + ((first & 15) << 2);
  if ((first & 0x10) !== 0) {
    if (header + 4 > length) return -1;
    header += 4 + (((packet[header + 2] << 8) | packet[header + 3]) << 2);
  }
  return header <= length ? header : -1;
}

/** 32 bits, big-endian, at `packet[at]`, as a signed number: on a 64-bit machine such a one never costs an object. */
export function readWord(packet: Uint8Array, at: number): number {
  return (packet[at] << 24) | (packet[at + 1] << 16) | (packet[at + 2] << 8) | packet[at + 3];
}

/** Writes the first of `words`, big-endian, to `packet[at]`. */
export function writeWord(packet: Uint8Array, at: number, words: Int32Array): void {
  const word = words[0];
  packet[at] = word >>> 24;
  packet[at + 1] = word >>> 16;
  packet[at + 2] = word >>> 8;
  packet[at + 3] = word;
}

/** An SRTCP packet's 31-bit index at `packet[at]`, without the E flag (RFC 3711 section 3.4). */
export function readRtcpIndex(packet: Uint8Array, at: number): number {
  return ((packet[at] & 0x7f) << 24) | (packet[at + 1] << 16) | (packet[at + 2] << 8) | packet[at + 3];
}

/** Its E flag. */
export function isEncryptedRtcp(packet: Uint8Array, at: number): boolean {
  return packet[at] >>> 7 === 1;
}

/**
 * Sees to it that a caller's `length` with `room` further bytes lies within its buffer.
 * @throws RangeError when it does not: the caller's mistake, not the network's.
 */
export function checkRoom(packet: Uint8Array, length: number, room: number): void {
  if (!(Number.isInteger(length) && length >= 0 && length + room <= packet.length))
    throw new RangeError(`packet buffer has ${packet.length} bytes, length ${length} and ${room} more are needed`);
}

/**
 * True when a datagram that arrived on a port shared by RTP and RTCP is RTCP (RFC 5761 section 4): its second byte is a packet type of
 * 192 to 223, which payload types stay clear of. Protected packets look the same, their first eight bytes being in the clear.
 */
export function isRtcp(packet: Uint8Array, length = packet.length): boolean {
  return length >= 2 && packet[0] >>> 6 === 2 && packet[1] >= 192 && packet[1] <= 223;
}
