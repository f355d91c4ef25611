// Every payload of RFC 3830 section 6 and the table that finds its codec.

import { type SignPayload, signCodec, type VerificationPayload, verificationCodec } from "./authentication.js";
import type { AnyCodec, CodecTable } from "./codec.js";
import { type DhPayload, dhCodec } from "./dh.js";
import { type RandPayload, randCodec, type TimestampPayload, timestampCodec } from "./freshness.js";
import {
  type CertificateHashPayload,
  type CertificatePayload,
  certificateCodec,
  certificateHashCodec,
  type IdPayload,
  idCodec,
} from "./identity.js";
import {
  type KemacPayload,
  type KeyDataPayload,
  kemacCodec,
  keyDataCodec,
  type PkePayload,
  pkeCodec,
} from "./key-transport.js";
import { type ErrorPayload, type ExtensionPayload, errorCodec, extensionCodec } from "./notice.js";
import { type PolicyPayload, policyCodec } from "./policy.js";

export type { SignPayload, VerificationPayload } from "./authentication.js";
export type { AnyCodec, CodecTable, PayloadCodec } from "./codec.js";
export type { DhPayload } from "./dh.js";
export type { RandPayload, TimestampPayload } from "./freshness.js";
export type { CertificateHashPayload, CertificatePayload, IdPayload } from "./identity.js";
export type { KemacPayload, KeyDataPayload, PkePayload } from "./key-transport.js";
export type { KeyValidity } from "./key-validity.js";
export type { ErrorPayload, ExtensionPayload } from "./notice.js";
export type { PolicyParameter, PolicyPayload } from "./policy.js";

/**
 * A payload whose type no codec knows. RFC 3830 gives payloads no common length field, so nothing after it can be found:
 * `data` is the rest of the message, from this payload's first byte on.
 */
export interface OpaquePayload {
  readonly kind: "opaque";
  readonly type: number;
  readonly data: Uint8Array;
}

/** Any payload. */
export type Payload =
  | KemacPayload
  | PkePayload
  | DhPayload
  | SignPayload
  | TimestampPayload
  | IdPayload
  | CertificatePayload
  | CertificateHashPayload
  | VerificationPayload
  | PolicyPayload
  | RandPayload
  | ErrorPayload
  | KeyDataPayload
  | ExtensionPayload
  | OpaquePayload;

/** Makes a table out of codecs; add another specification's to {@link rfc3830Codecs}. */
export function codecTable(codecs: readonly AnyCodec[]): CodecTable {
  return new Map(codecs.map((codec) => [codec.type, codec]));
}

/** The codecs of RFC 3830 section 6. */
export const rfc3830Codecs: readonly AnyCodec[] = [
  kemacCodec,
  pkeCodec,
  dhCodec,
  signCodec,
  timestampCodec,
  idCodec,
  certificateCodec,
  certificateHashCodec,
  verificationCodec,
  policyCodec,
  randCodec,
  errorCodec,
  keyDataCodec,
  extensionCodec,
];

/** The table used unless another is given. */
export const standardCodecs: CodecTable = codecTable(rfc3830Codecs);
