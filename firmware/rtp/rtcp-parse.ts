// Reads compound RTCP packets with the checks of RFC 3550 appendix A.2.

import { fail, type InputError, ok, type Result } from "../runtime/result.js";
import { type ReportBlock, type RtcpPacket, RtcpType } from "./rtcp.js";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const REPORT_BYTES = 24;

/**
 * Reads an RTCP datagram.
 *
 * Checks of appendix A.2: version 2 throughout, the first packet is a report (unless `reducedSize`), lengths add up to the datagram,
 * padding only at the very end. The arrays of the result are views of `data`.
 *
 * @param options.reducedSize the compound may begin with anything (RFC 5506)
 * @returns the packets in order, or `"truncated"`, `"bad-version"`, `"not-a-report"`, `"bad-padding"`, `"bad-report"`, `"bad-sdes"`,
 *   `"bad-bye"`, `"bad-app"`, with the offset of the packet.
 */
export function parseRtcp(data: Uint8Array, options: { readonly reducedSize?: boolean } = {}): Result<RtcpPacket[]> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const packets: RtcpPacket[] = [];
  let at = 0;
  if (data.length === 0) return fail("truncated", "an empty datagram", 0);
  while (at < data.length) {
    if (at + 4 > data.length) return fail("truncated", "less than a header is left", at);
    const first = data[at];
    if (first >> 6 !== 2) return fail("bad-version", "RTCP has version 2", at);
    const packetType = data[at + 1];
    if (at === 0 && !options.reducedSize && packetType !== RtcpType.sr && packetType !== RtcpType.rr)
      return fail("not-a-report", "a compound packet begins with a sender or receiver report", at);
    const next = at + 4 + view.getUint16(at + 2) * 4;
    if (next > data.length) return fail("truncated", "a packet is longer than the datagram", at);
    let end = next;
    if (first & 0x20) {
      const padding = next > at + 4 ? data[next - 1] : 0;
      if (next !== data.length || padding === 0 || padding % 4 !== 0 || padding > next - at - 4)
        return fail("bad-padding", "padding is a multiple of four bytes at the end of the last packet", at);
      end -= padding;
    }
    const packet = readPacket(data, view, packetType, first & 0x1f, at + 4, end);
    if ("code" in packet) return { ok: false, error: { ...packet, offset: at } };
    packets.push(packet);
    at = next;
  }
  return ok(packets);
}

/** Reads one packet whose body is `[at, end)`. */
function readPacket(
  data: Uint8Array,
  view: DataView,
  packetType: number,
  count: number,
  at: number,
  end: number,
): RtcpPacket | InputError {
  switch (packetType) {
    case RtcpType.sr:
    case RtcpType.rr: {
      const isSender = packetType === RtcpType.sr;
      const reportsAt = at + (isSender ? 24 : 4);
      const extensionAt = reportsAt + count * REPORT_BYTES;
      if (extensionAt > end) return wrong("bad-report", "a report is shorter than its count says");
      const reports: ReportBlock[] = [];
      for (let i = reportsAt; i < extensionAt; i += REPORT_BYTES) reports.push(readReport(view, i));
      const ssrc = view.getUint32(at);
      const extension = extensionAt < end ? { extension: data.subarray(extensionAt, end) } : {};
      if (!isSender) return { type: "rr", ssrc, reports, ...extension };
      return {
        type: "sr",
        ssrc,
        ntp: view.getBigUint64(at + 4),
        rtpTimestamp: view.getUint32(at + 12),
        packets: view.getUint32(at + 16),
        octets: view.getUint32(at + 20),
        reports,
        ...extension,
      };
    }
    case RtcpType.sdes:
      return readSdes(data, view, count, at, end);
    case RtcpType.bye: {
      const reasonAt = at + count * 4;
      if (reasonAt > end) return wrong("bad-bye", "a goodbye is shorter than its count says");
      const sources: number[] = [];
      for (let i = at; i < reasonAt; i += 4) sources.push(view.getUint32(i));
      if (reasonAt === end) return { type: "bye", sources };
      const length = data[reasonAt];
      if (reasonAt + 1 + length > end) return wrong("bad-bye", "the reason runs past the packet");
      return { type: "bye", sources, reason: utf8.decode(data.subarray(reasonAt + 1, reasonAt + 1 + length)) };
    }
    case RtcpType.app: {
      if (at + 8 > end) return wrong("bad-app", "an application packet has a source and a name");
      const name = String.fromCharCode(data[at + 4], data[at + 5], data[at + 6], data[at + 7]);
      return { type: "app", ssrc: view.getUint32(at), subtype: count, name, data: data.subarray(at + 8, end) };
    }
    default:
      return { type: "other", packetType, count, body: data.subarray(at, end) };
  }
}

function readReport(view: DataView, at: number): ReportBlock {
  return {
    ssrc: view.getUint32(at),
    fractionLost: view.getUint8(at + 4),
    cumulativeLost: (view.getInt32(at + 4) << 8) >> 8,
    highestSequence: view.getUint32(at + 8),
    jitter: view.getUint32(at + 12),
    lastSenderReport: view.getUint32(at + 16),
    delaySinceLastSenderReport: view.getUint32(at + 20),
  };
}

/** Chunks: a source, items up to a null, zeros to the next multiple of four. */
function readSdes(data: Uint8Array, view: DataView, count: number, at: number, end: number): RtcpPacket | InputError {
  const chunks: { ssrc: number; items: { type: number; text: string }[] }[] = [];
  for (let chunk = 0; chunk < count; chunk++) {
    if (at + 4 > end) return wrong("bad-sdes", "a source description is shorter than its count says");
    const ssrc = view.getUint32(at);
    const items: { type: number; text: string }[] = [];
    const start = at;
    at += 4;
    for (;;) {
      if (at >= end) return wrong("bad-sdes", "the items of a source have no end");
      const type = data[at];
      if (type === 0) break;
      if (at + 2 > end || at + 2 + data[at + 1] > end) return wrong("bad-sdes", "an item runs past the packet");
      items.push({ type, text: utf8.decode(data.subarray(at + 2, at + 2 + data[at + 1])) });
      at += 2 + data[at + 1];
    }
    // The null ends the list; the chunk ends at the next multiple of four bytes after it.
    at = start + Math.ceil((at + 1 - start) / 4) * 4;
    if (at > end) return wrong("bad-sdes", "a source's padding runs past the packet");
    chunks.push({ ssrc, items });
  }
  return { type: "sdes", chunks };
}

function wrong(code: string, text: string): InputError {
  return { code, text };
}
