// What makes a message new: timestamp T (RFC 3830 section 6.6) and RAND (6.11).

import { requireField } from "../bytes.js";
import { PayloadType, timestampLengths } from "../numbers.js";
import type { PayloadCodec } from "./codec.js";

export interface TimestampPayload {
  readonly kind: "timestamp";
  /** Table 6.6; it fixes the length of `value`. */
  readonly type: number;
  /** 8 bytes of NTP time (seconds since 1900, fraction), or a 4-byte counter. */
  readonly value: Uint8Array;
}

export const timestampCodec: PayloadCodec<TimestampPayload> = {
  type: PayloadType.timestamp,
  kind: "timestamp",
  parse(reader) {
    const at = reader.offset;
    const type = reader.u8("timestamp type");
    const length = timestampLengths.get(type);
    if (length === undefined) reader.fail("unsupported-timestamp", `timestamp type ${type} is not known`, at);
    return { kind: "timestamp", type, value: reader.take(length ?? 0, "timestamp") };
  },
  print(writer, payload) {
    if (payload.value.length !== timestampLengths.get(payload.type))
      throw new RangeError(`timestamp of ${payload.value.length} bytes does not fit type ${payload.type}`);
    writer.u8(payload.type).put(payload.value);
  },
};

export interface RandPayload {
  readonly kind: "rand";
  /** At most 255 bytes, at least 16 for use (section 4.1.1). */
  readonly rand: Uint8Array;
}

export const randCodec: PayloadCodec<RandPayload> = {
  type: PayloadType.rand,
  kind: "rand",
  parse: (reader) => ({ kind: "rand", rand: reader.take(reader.u8("RAND length"), "RAND") }),
  print(writer, payload) {
    requireField("RAND length", payload.rand.length, 0xff);
    writer.u8(payload.rand.length).put(payload.rand);
  },
};
