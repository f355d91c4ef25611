// RTP packets (RFC 3550 section 5.1): a reusable view for reading, plain functions for writing; nothing is allocated per packet.

/** Bytes of the fixed RTP header. */
export const RTP_HEADER_BYTES = 12;

/** Why a datagram is no RTP packet; 0 is none of it. */
export const RtpFault = {
  none: 0,
  /** Shorter than its header. */
  truncated: 1,
  /** Version is not 2. */
  version: 2,
  /** The second byte is an RTCP packet type (200-204, appendix A.1). */
  rtcp: 3,
  /** The header extension runs past the end. */
  extension: 4,
  /** The padding count is 0 or more than there is. */
  padding: 5,
} as const;
/** One of {@link RtpFault}. */
export type RtpFault = (typeof RtpFault)[keyof typeof RtpFault];

const faultNames = ["none", "truncated", "version", "rtcp", "extension", "padding"] as const;

/** Name of a fault, for counters and logs. */
export function rtpFaultName(fault: RtpFault): (typeof faultNames)[number] {
  return faultNames[fault];
}

/**
 * One RTP packet, read in place. Make one and {@link read} every packet with it; the fields stay valid until the next read, and
 * `data` points into the caller's buffer.
 */
export class RtpPacket {
  /** The buffer that was read. */
  data: Uint8Array = new Uint8Array(0);
  /** Bytes of the whole packet. */
  length = 0;
  marker = false;
  /** 0-127. */
  payloadType = 0;
  /** 0-65535. */
  sequence = 0;
  /** 32 bits, unsigned. */
  timestamp = 0;
  /** 32 bits, unsigned. */
  ssrc = 0;
  /** 0-15; see {@link csrc}. */
  csrcCount = 0;
  hasExtension = false;
  /** "Defined by profile" half of the extension's first word, e.g. 0xBEDE (RFC 8285). */
  extensionProfile = 0;
  /** Where the extension's data starts, and its bytes (a multiple of 4). */
  extensionOffset = 0;
  extensionLength = 0;
  /** Where the payload starts, and its bytes without padding. */
  payloadOffset = 0;
  payloadLength = 0;
  /** Padding bytes, its count included. */
  paddingLength = 0;

  /**
   * Reads `data[0, length)`, with the validity checks of RFC 3550 appendix A.1 that need no state.
   *
   * @returns {@link RtpFault}.none, or what is wrong: then the fields mean nothing.
   */
  read(data: Uint8Array, length = data.length): RtpFault {
    if (length < RTP_HEADER_BYTES || length > data.length) return RtpFault.truncated;
    const first = data[0];
    if (first >> 6 !== 2) return RtpFault.version;
    const second = data[1];
    if (second >= 200 && second <= 204) return RtpFault.rtcp;
    const csrcCount = first & 0x0f;
    let at = RTP_HEADER_BYTES + csrcCount * 4;
    if (at > length) return RtpFault.truncated;
    let extensionLength = 0;
    if (first & 0x10) {
      if (at + 4 > length) return RtpFault.extension;
      this.extensionProfile = (data[at] << 8) | data[at + 1];
      extensionLength = ((data[at + 2] << 8) | data[at + 3]) * 4;
      this.extensionOffset = at + 4;
      at += 4 + extensionLength;
      if (at > length) return RtpFault.extension;
      this.hasExtension = true;
    } else {
      this.hasExtension = false;
      this.extensionProfile = 0;
      this.extensionOffset = at;
    }
    let padding = 0;
    if (first & 0x20) {
      padding = at < length ? data[length - 1] : 0;
      if (padding === 0 || at + padding > length) return RtpFault.padding;
    }
    this.data = data;
    this.length = length;
    this.marker = (second & 0x80) !== 0;
    this.payloadType = second & 0x7f;
    this.sequence = (data[2] << 8) | data[3];
    this.timestamp = ((data[4] << 24) | (data[5] << 16) | (data[6] << 8) | data[7]) >>> 0;
    this.ssrc = ((data[8] << 24) | (data[9] << 16) | (data[10] << 8) | data[11]) >>> 0;
    this.csrcCount = csrcCount;
    this.extensionLength = extensionLength;
    this.payloadOffset = at;
    this.payloadLength = length - at - padding;
    this.paddingLength = padding;
    return RtpFault.none;
  }

  /** Contributing source `index`. @throws RangeError when there are not that many. */
  csrc(index: number): number {
    if (!(index >= 0 && index < this.csrcCount)) throw new RangeError(`CSRC ${index} of ${this.csrcCount}`);
    const at = RTP_HEADER_BYTES + index * 4;
    const { data } = this;
    return ((data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3]) >>> 0;
  }
}

/** True for a datagram that is RTCP by its second byte (RFC 5761 section 4): 192 to 223. */
export function looksLikeRtcp(data: Uint8Array, length = data.length): boolean {
  return length >= 2 && data[0] >> 6 === 2 && data[1] >= 192 && data[1] <= 223;
}

/**
 * Writes a fixed header at the start of `out`: no CSRC, no extension, no padding.
 *
 * @returns 12, where the payload goes.
 */
export function writeRtpHeaderInto(
  out: Uint8Array,
  marker: boolean,
  payloadType: number,
  sequence: number,
  timestamp: number,
  ssrc: number,
): number {
  if (out.length < RTP_HEADER_BYTES) throw new RangeError("an RTP header needs 12 bytes");
  out[0] = 0x80;
  out[1] = (marker ? 0x80 : 0) | (payloadType & 0x7f);
  out[2] = sequence >> 8;
  out[3] = sequence;
  put32(out, 4, timestamp);
  put32(out, 8, ssrc);
  return RTP_HEADER_BYTES;
}

/**
 * Adds a contributing source to a header that has no extension yet.
 *
 * @param length bytes of the header so far
 * @returns the new length. @throws RangeError when there are 15 already or there is no room.
 */
export function addCsrc(out: Uint8Array, length: number, csrc: number): number {
  const count = out[0] & 0x0f;
  if (count === 15) throw new RangeError("an RTP packet names at most 15 contributing sources");
  if (length + 4 > out.length) throw new RangeError("no room for a contributing source");
  put32(out, length, csrc);
  out[0] = (out[0] & 0xf0) | (count + 1);
  return length + 4;
}

/**
 * Adds the header extension (RFC 3550 section 5.3.1). `extension` is filled up with zeros to a multiple of four bytes.
 *
 * @param length bytes of the header so far, contributing sources included
 * @returns the new length. @throws RangeError when there is one already or there is no room.
 */
export function addExtension(out: Uint8Array, length: number, profile: number, extension: Uint8Array): number {
  const words = Math.ceil(extension.length / 4);
  if (out[0] & 0x10) throw new RangeError("an RTP packet has one header extension");
  if (words > 0xffff || length + 4 + words * 4 > out.length) throw new RangeError("no room for the header extension");
  out[0] |= 0x10;
  put32(out, length, ((profile & 0xffff) << 16) | words);
  out.fill(0, length + 4 + extension.length, length + 4 + words * 4);
  out.set(extension, length + 4);
  return length + 4 + words * 4;
}

/**
 * Pads a whole packet by `count` bytes (1-255).
 *
 * @returns the new length. @throws RangeError when it is padded already or there is no room.
 */
export function addPadding(out: Uint8Array, length: number, count: number): number {
  if (out[0] & 0x20) throw new RangeError("the RTP packet is padded already");
  if (!(count >= 1 && count <= 255) || length + count > out.length)
    throw new RangeError(`padding of ${count} bytes after ${length} of ${out.length}`);
  out[0] |= 0x20;
  out.fill(0, length, length + count);
  out[length + count - 1] = count;
  return length + count;
}

/** How far sequence number `a` is ahead of `b`, -32768 to 32767. */
export function sequenceDistance(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** How far timestamp `a` is ahead of `b`, in clock ticks, signed 32 bits. */
export function timestampDistance(a: number, b: number): number {
  return (a - b) | 0;
}

function put32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}
