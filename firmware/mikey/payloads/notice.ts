// Error payload ERR (RFC 3830 section 6.12) and general extension (6.15).

import { requireField } from "../bytes.js";
import { PayloadType } from "../numbers.js";
import type { PayloadCodec } from "./codec.js";

export interface ErrorPayload {
  readonly kind: "error";
  /** Table 6.12. */
  readonly number: number;
}

export const errorCodec: PayloadCodec<ErrorPayload> = {
  type: PayloadType.error,
  kind: "error",
  parse(reader) {
    const number = reader.u8("error number");
    reader.u16("reserved field");
    return { kind: "error", number };
  },
  print: (writer, payload) => void writer.u8(payload.number).u16(0),
};

export interface ExtensionPayload {
  readonly kind: "extension";
  /** Table 6.15; unknown types are kept and otherwise ignored. */
  readonly type: number;
  readonly data: Uint8Array;
}

export const extensionCodec: PayloadCodec<ExtensionPayload> = {
  type: PayloadType.extension,
  kind: "extension",
  parse: (reader) => ({
    kind: "extension",
    type: reader.u8("extension type"),
    data: reader.take(reader.u16("extension length"), "extension"),
  }),
  print(writer, payload) {
    requireField("extension length", payload.data.length, 0xffff);
    writer.u8(payload.type).u16(payload.data.length).put(payload.data);
  },
};
