// Who speaks: ID and CERT (RFC 3830 section 6.7, one layout for both) and the certificate hash CHASH (6.8).

import { requireField } from "../bytes.js";
import { hashLengths, PayloadType } from "../numbers.js";
import type { PayloadCodec } from "./codec.js";

export interface IdPayload {
  readonly kind: "id";
  /** Table 6.7.a. */
  readonly type: number;
  readonly data: Uint8Array;
}

export interface CertificatePayload {
  readonly kind: "certificate";
  /** Table 6.7.b. */
  readonly type: number;
  /** DER, or an ASCII URL for type 1. */
  readonly data: Uint8Array;
}

export const idCodec: PayloadCodec<IdPayload> = {
  type: PayloadType.id,
  kind: "id",
  parse: (reader) => ({
    kind: "id",
    type: reader.u8("ID type"),
    data: reader.take(reader.u16("ID length"), "ID"),
  }),
  print(writer, payload) {
    requireField("ID length", payload.data.length, 0xffff);
    writer.u8(payload.type).u16(payload.data.length).put(payload.data);
  },
};

export const certificateCodec: PayloadCodec<CertificatePayload> = {
  type: PayloadType.certificate,
  kind: "certificate",
  parse: (reader) => ({
    kind: "certificate",
    type: reader.u8("certificate type"),
    data: reader.take(reader.u16("certificate length"), "certificate"),
  }),
  print(writer, payload) {
    requireField("certificate length", payload.data.length, 0xffff);
    writer.u8(payload.type).u16(payload.data.length).put(payload.data);
  },
};

export interface CertificateHashPayload {
  readonly kind: "certificate-hash";
  /** Table 6.8; it fixes the length of `hash`. */
  readonly hashFunction: number;
  readonly hash: Uint8Array;
}

export const certificateHashCodec: PayloadCodec<CertificateHashPayload> = {
  type: PayloadType.certificateHash,
  kind: "certificate-hash",
  parse(reader) {
    const at = reader.offset;
    const hashFunction = reader.u8("hash function");
    const length = hashLengths.get(hashFunction);
    if (length === undefined) reader.fail("unsupported-hash", `hash function ${hashFunction} is not known`, at);
    return { kind: "certificate-hash", hashFunction, hash: reader.take(length ?? 0, "certificate hash") };
  },
  print(writer, payload) {
    if (payload.hash.length !== hashLengths.get(payload.hashFunction))
      throw new RangeError(`hash of ${payload.hash.length} bytes does not fit hash function ${payload.hashFunction}`);
    writer.u8(payload.hashFunction).put(payload.hash);
  },
};
