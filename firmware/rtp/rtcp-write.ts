// Writes compound RTCP packets (RFC 3550 section 6).

import { type ReportBlock, type RtcpPacket, RtcpType } from "./rtcp.js";

const encoder = new TextEncoder();

/**
 * Writes `packets` as one compound at the start of `out`.
 *
 * @returns bytes written.
 * @throws RangeError when there is no room, or a count, text or number is out of its field's range; TypeError when an array is not a multiple
 *   of four bytes or a name not four ASCII characters. What is written then is of no use.
 */
export function writeRtcpInto(out: Uint8Array, packets: readonly RtcpPacket[]): number {
  const writer = new Writer(out);
  for (const packet of packets) {
    const start = writer.at;
    writer.room(4);
    writer.at += 4;
    const [packetType, count] = writeBody(writer, packet);
    if (count > 31) throw new RangeError(`an RTCP packet holds at most 31 entries, got ${count}`);
    out[start] = 0x80 | count;
    out[start + 1] = packetType;
    writer.view.setUint16(start + 2, (writer.at - start) / 4 - 1);
  }
  return writer.at;
}

function writeBody(writer: Writer, packet: RtcpPacket): [packetType: number, count: number] {
  switch (packet.type) {
    case "sr":
      writer.uint32(packet.ssrc);
      writer.room(8);
      writer.view.setBigUint64(writer.at, packet.ntp);
      writer.at += 8;
      writer.uint32(packet.rtpTimestamp);
      writer.uint32(packet.packets);
      writer.uint32(packet.octets);
      for (const report of packet.reports) writeReport(writer, report);
      if (packet.extension) writer.words(packet.extension);
      return [RtcpType.sr, packet.reports.length];
    case "rr":
      writer.uint32(packet.ssrc);
      for (const report of packet.reports) writeReport(writer, report);
      if (packet.extension) writer.words(packet.extension);
      return [RtcpType.rr, packet.reports.length];
    case "sdes":
      for (const { ssrc, items } of packet.chunks) {
        writer.uint32(ssrc);
        for (const { type, text } of items) {
          if (!(type >= 1 && type <= 255)) throw new RangeError(`an SDES item type is 1 to 255, got ${type}`);
          writer.byte(type);
          writer.text(text);
        }
        writer.byte(0);
        writer.align();
      }
      return [RtcpType.sdes, packet.chunks.length];
    case "bye":
      for (const source of packet.sources) writer.uint32(source);
      if (packet.reason !== undefined) {
        writer.text(packet.reason);
        writer.align();
      }
      return [RtcpType.bye, packet.sources.length];
    case "app":
      if (!/^[\x00-\x7f]{4}$/.test(packet.name))
        throw new TypeError("the name of an APP packet is four ASCII characters");
      writer.uint32(packet.ssrc);
      for (let i = 0; i < 4; i++) writer.byte(packet.name.charCodeAt(i));
      writer.words(packet.data);
      return [RtcpType.app, packet.subtype];
    case "other":
      if (!(packet.packetType >= 0 && packet.packetType <= 255))
        throw new RangeError(`an RTCP packet type is 0 to 255, got ${packet.packetType}`);
      writer.words(packet.body);
      return [packet.packetType, packet.count];
  }
}

function writeReport(writer: Writer, report: ReportBlock): void {
  const lost = Math.max(-0x80_0000, Math.min(0x7f_ffff, report.cumulativeLost));
  writer.uint32(report.ssrc);
  writer.uint32(((report.fractionLost & 0xff) << 24) | (lost & 0xff_ffff));
  writer.uint32(report.highestSequence);
  writer.uint32(report.jitter);
  writer.uint32(report.lastSenderReport);
  writer.uint32(report.delaySinceLastSenderReport);
}

class Writer {
  at = 0;
  readonly view: DataView;

  constructor(private readonly out: Uint8Array) {
    this.view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  }
  room(bytes: number): void {
    if (this.at + bytes > this.out.length)
      throw new RangeError(`no room for the RTCP packet in ${this.out.length} bytes`);
  }
  byte(value: number): void {
    this.room(1);
    this.out[this.at++] = value;
  }
  uint32(value: number): void {
    this.room(4);
    this.view.setUint32(this.at, value);
    this.at += 4;
  }
  words(bytes: Uint8Array): void {
    if (bytes.length % 4 !== 0) throw new TypeError(`RTCP data is a multiple of four bytes, got ${bytes.length}`);
    this.room(bytes.length);
    this.out.set(bytes, this.at);
    this.at += bytes.length;
  }
  /** A length byte and UTF-8. */
  text(text: string): void {
    const bytes = encoder.encode(text);
    if (bytes.length > 255) throw new RangeError(`an RTCP text has at most 255 bytes, got ${bytes.length}`);
    this.byte(bytes.length);
    this.room(bytes.length);
    this.out.set(bytes, this.at);
    this.at += bytes.length;
  }
  /** Zeros to the next multiple of four bytes. */
  align(): void {
    while (this.at % 4 !== 0) this.byte(0);
  }
}
