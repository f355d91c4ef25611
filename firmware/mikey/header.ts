// Common header HDR with its CS ID map (RFC 3830 sections 6.1 and 6.1.1, empty map: RFC 4563 section 5).

import { type ByteReader, type ByteWriter, requireField } from "./bytes.js";
import { MapType, MIKEY_VERSION } from "./numbers.js";

/** One crypto session of the SRTP-ID map; its CS ID is its place in the map, counted from 1. */
export interface SrtpSession {
  readonly policy: number;
  /** 0: its sender has not chosen it yet. */
  readonly ssrc: number;
  readonly roc: number;
}

export interface Header {
  /** Table 6.1.a. */
  readonly dataType: number;
  /** The initiator wants an answer. */
  readonly verify: boolean;
  /** Table 6.1.c, 7 bits. */
  readonly prf: number;
  readonly csbId: number;
  /** Table 6.1.d. */
  readonly mapType: number;
  /** #CS. Equals `sessions.length` for the SRTP-ID map; the empty map names no sessions. */
  readonly sessionCount: number;
  readonly sessions: readonly SrtpSession[];
}

/** Reads HDR from its first byte; also returns the type of the payload that follows. */
export function parseHeader(reader: ByteReader): { header: Header; next: number } {
  const start = reader.offset;
  const version = reader.u8("version");
  if (!reader.failure && version !== MIKEY_VERSION)
    reader.fail("unsupported-version", `version ${version} is not known`, start);
  const dataType = reader.u8("data type");
  const next = reader.u8("next payload");
  const flags = reader.u8("V and PRF");
  const csbId = reader.u32("CSB ID");
  const sessionCount = reader.u8("#CS");
  const mapAt = reader.offset;
  const mapType = reader.u8("CS ID map type");
  const sessions: SrtpSession[] = [];
  if (mapType === MapType.srtpId) {
    for (let i = 0; i < sessionCount && !reader.failure; i++)
      sessions.push({ policy: reader.u8("policy number"), ssrc: reader.u32("SSRC"), roc: reader.u32("ROC") });
  } else if (mapType !== MapType.empty) {
    reader.fail("unsupported-cs-map", `CS ID map type ${mapType} is not known`, mapAt);
  }
  const verify = (flags & 0x80) !== 0;
  return { header: { dataType, verify, prf: flags & 0x7f, csbId, mapType, sessionCount, sessions }, next };
}

/** Writes HDR; `next` is the type of the first payload. */
export function printHeader(writer: ByteWriter, header: Header, next: number): void {
  requireField("data type", header.dataType, 0xff);
  requireField("PRF function", header.prf, 0x7f);
  requireField("CSB ID", header.csbId, 0xffffffff);
  requireField("#CS", header.sessionCount, 0xff);
  if (header.mapType === MapType.srtpId && header.sessions.length !== header.sessionCount)
    throw new RangeError(`#CS is ${header.sessionCount} but the map names ${header.sessions.length} sessions`);
  writer.u8(MIKEY_VERSION).u8(header.dataType).u8(next);
  writer
    .u8((header.verify ? 0x80 : 0) | header.prf)
    .u32(header.csbId)
    .u8(header.sessionCount)
    .u8(header.mapType);
  if (header.mapType !== MapType.srtpId) return;
  for (const { policy, ssrc, roc } of header.sessions) {
    requireField("policy number", policy, 0xff);
    requireField("SSRC", ssrc, 0xffffffff);
    requireField("ROC", roc, 0xffffffff);
    writer.u8(policy).u32(ssrc).u32(roc);
  }
}
