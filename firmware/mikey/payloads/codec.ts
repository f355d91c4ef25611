// What a payload's codec is; the table of them is open, so that another RFC's payload is one more file.

import type { ByteReader, ByteWriter } from "../bytes.js";

/** Reads and writes the fields of one payload type, without its "next payload" byte (the message knows what follows). */
export interface PayloadCodec<P extends { readonly kind: string }> {
  /** Number in a "next payload" field (table 6.1.b). */
  readonly type: number;
  readonly kind: P["kind"];
  /** True for SIGN, which has no "next payload" byte and so ends the message (section 6.5). */
  readonly ends?: boolean;
  /** Reads the fields; on bad input it fails the reader and the value is not used. */
  parse(reader: ByteReader): P;
  /** Writes the fields; throws RangeError when a value does not fit its field. */
  print(writer: ByteWriter, payload: P): void;
}

/** A codec of whatever payload. */
export type AnyCodec = PayloadCodec<{ readonly kind: string }>;

/** Codecs by payload type. */
export type CodecTable = ReadonlyMap<number, AnyCodec>;
