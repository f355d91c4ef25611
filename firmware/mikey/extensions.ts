// What general extensions carry: key IDs (RFC 4563 section 4) and a group's CSB ID (RFC 4738 section 3.6).

import { ok, type Result } from "../runtime/result.js";
import { ByteReader, ByteWriter, requireField } from "./bytes.js";
import { ExtensionType } from "./numbers.js";
import type { ExtensionPayload } from "./payloads/index.js";

/** Type and identity of a key. */
export interface KeyId {
  /** RFC 4563 table 2. */
  readonly type: number;
  /** At most 255 bytes. */
  readonly id: Uint8Array;
}

/** Reads the key IDs of an extension of type 3. Errors carry the offset inside its data. */
export function parseKeyIds(data: Uint8Array): Result<readonly KeyId[]> {
  const reader = new ByteReader(data);
  const ids: KeyId[] = [];
  while (reader.remaining > 0 && !reader.failure)
    ids.push({ type: reader.u8("key ID type"), id: reader.take(reader.u8("key ID length"), "key ID") });
  return reader.failure ? { ok: false, error: reader.failure } : ok(ids);
}

/** The extension that names keys. Throws RangeError when a field does not fit. */
export function keyIdExtension(ids: readonly KeyId[]): ExtensionPayload {
  const writer = new ByteWriter();
  for (const { type, id } of ids) {
    requireField("key ID type", type, 0xff);
    requireField("key ID length", id.length, 0xff);
    writer.u8(type).u8(id.length).put(id);
  }
  return { kind: "extension", type: ExtensionType.keyId, data: writer.finish() };
}

/** The extension by which a responder gives a group its CSB ID. */
export function csbIdExtension(csbId: number): ExtensionPayload {
  requireField("CSB ID", csbId, 0xffffffff);
  return { kind: "extension", type: ExtensionType.csbId, data: new ByteWriter().u32(csbId).finish() };
}

/** Reads it. */
export function parseCsbId(data: Uint8Array): Result<number> {
  const reader = new ByteReader(data);
  const csbId = reader.u32("CSB ID");
  if (reader.remaining > 0) reader.fail("trailing", `${reader.remaining} bytes after the CSB ID`);
  return reader.failure ? { ok: false, error: reader.failure } : ok(csbId);
}
