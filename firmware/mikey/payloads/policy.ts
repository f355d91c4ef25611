// Security policy payload SP (RFC 3830 section 6.10): a list of type/length/value parameters of one security protocol.

import { ByteReader, copy, requireField } from "../bytes.js";
import { PayloadType } from "../numbers.js";
import type { PayloadCodec } from "./codec.js";

export interface PolicyParameter {
  /** For SRTP: table 6.10.1.a. */
  readonly type: number;
  /** At most 255 bytes. */
  readonly value: Uint8Array;
}

export interface PolicyPayload {
  readonly kind: "policy";
  /** What the CS ID map calls this policy. */
  readonly number: number;
  /** Table 6.10. */
  readonly protocol: number;
  /** Not to be changed: policies that say the same may share it. */
  readonly parameters: readonly PolicyParameter[];
}

/** Longest list that is remembered, bytes. */
const REMEMBERED = 256;

/** More parameters than any protocol has: table 6.10.1.a has 13. */
const MAX_PARAMETERS = 64;

/** Parameters read last and their bytes: policies are few, and nearly every message brings the same. */
let last: { readonly bytes: Uint8Array; readonly parameters: readonly PolicyParameter[] } | undefined;

function isLast(bytes: Uint8Array, start: number, length: number): boolean {
  if (last?.bytes.length !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== last.bytes[i]) return false;
  return true;
}

export const policyCodec: PayloadCodec<PolicyPayload> = {
  type: PayloadType.policy,
  kind: "policy",
  parse(reader) {
    const number = reader.u8("policy number");
    const protocol = reader.u8("policy protocol");
    const length = reader.u16("policy length");
    const start = reader.offset;
    reader.skip(length, "policy parameters");
    // Who wants to be told of every field has them read.
    if (last && !reader.failure && !reader.observe && isLast(reader.bytes, start, length))
      return { kind: "policy", number, protocol, parameters: last.parameters };
    const parameters: PolicyParameter[] = [];
    if (!reader.failure) {
      const inside = new ByteReader(reader.bytes, start, start + length, reader.observe);
      while (inside.remaining > 0 && !inside.failure) {
        if (parameters.length === MAX_PARAMETERS) inside.fail("too-many", `more than ${MAX_PARAMETERS} parameters`);
        const type = inside.u8("policy parameter type");
        parameters.push({ type, value: inside.take(inside.u8("policy parameter length"), "policy parameter") });
      }
      if (inside.failure) reader.fail(inside.failure.code, inside.failure.text, inside.failure.offset);
      else if (length <= REMEMBERED) last = { bytes: copy(reader.bytes.subarray(start, start + length)), parameters };
    }
    return { kind: "policy", number, protocol, parameters };
  },
  print(writer, payload) {
    const length = payload.parameters.reduce((sum, parameter) => sum + 2 + parameter.value.length, 0);
    requireField("policy number", payload.number, 0xff);
    requireField("policy length", length, 0xffff);
    writer.u8(payload.number).u8(payload.protocol).u16(length);
    for (const { type, value } of payload.parameters) {
      requireField("policy parameter length", value.length, 0xff);
      writer.u8(type).u8(value.length).put(value);
    }
  },
};
