// Every way an exchange can fail, with the number of RFC 3830 table 6.12 that tells the peer.

import { fail, type InputError, type Result } from "../runtime/result.js";
import type { Message } from "./message.js";
import { DataType, ErrorNumber, MapType } from "./numbers.js";
import type { PolicyPayload, TimestampPayload } from "./payloads/index.js";

/** Error number per code; `undefined`: the peer is told nothing (a discarded message, or a failure on our own side). */
export const errorNumbers = {
  "malformed-message": ErrorNumber.unspecified,
  "unsupported-version": ErrorNumber.unspecified,
  "unsupported-method": ErrorNumber.invalidDataType,
  "unsupported-prf": ErrorNumber.invalidPrf,
  "unsupported-timestamp": ErrorNumber.invalidTimestamp,
  "unsupported-cs-map": ErrorNumber.unspecified,
  "unsupported-crypto-sessions": ErrorNumber.unspecified,
  "unsupported-key-data": ErrorNumber.unspecified,
  "unsupported-encryption": ErrorNumber.invalidEncryption,
  "unsupported-mac": ErrorNumber.invalidMac,
  "unsupported-hash": ErrorNumber.invalidHash,
  "unsupported-signature": ErrorNumber.invalidCertificate,
  "unsupported-dh-group": ErrorNumber.invalidDh,
  "bad-dh-value": ErrorNumber.invalidDh,
  "unsupported-protocol": ErrorNumber.invalidPolicy,
  "unsupported-policy": ErrorNumber.invalidPolicyParameter,
  "clock-skew": ErrorNumber.invalidTimestamp,
  replayed: undefined,
  "replay-cache-full": undefined,
  "missing-identity": ErrorNumber.invalidId,
  "identity-mismatch": ErrorNumber.invalidId,
  "wrong-psk": ErrorNumber.authFailure,
  "bad-signature": ErrorNumber.authFailure,
  "bad-envelope": ErrorNumber.authFailure,
  "wrong-key-wrap": ErrorNumber.authFailure,
  "unknown-certificate": ErrorNumber.invalidCertificate,
  "unknown-certificate-hash": ErrorNumber.invalidCertificate,
  "unusable-public-key": ErrorNumber.invalidCertificate,
  "unknown-bundle": ErrorNumber.unspecified,
  "bidding-down": ErrorNumber.unspecified,
  "missing-certificate": ErrorNumber.invalidCertificate,
  "unsupported-certificate": ErrorNumber.invalidCertificate,
  "malformed-certificate": ErrorNumber.invalidCertificate,
  "certificate-expired": ErrorNumber.invalidCertificate,
  "certificate-not-yet-valid": ErrorNumber.invalidCertificate,
  "unknown-ca": ErrorNumber.invalidCertificate,
  "bad-key-usage": ErrorNumber.invalidCertificate,
  "bad-certificate-path": ErrorNumber.invalidCertificate,
  "unknown-critical-extension": ErrorNumber.invalidCertificate,
  "weak-certificate": ErrorNumber.invalidCertificate,
  "certificate-revoked": ErrorNumber.invalidCertificate,
  "revocation-unknown": ErrorNumber.invalidCertificate,
  "no-domain-key": ErrorNumber.invalidCertificate,
  "domain-key-revoked": ErrorNumber.invalidCertificate,
  "bad-domain-key": ErrorNumber.invalidCertificate,
  "domain-key-not-authenticated": ErrorNumber.invalidCertificate,
  "dns-failure": undefined,
  "unknown-recipient": undefined,
  "key-not-shareable": undefined,
  "response-mismatch": undefined,
  "refused-by-peer": undefined,
  "unsupported-identity": undefined,
  "own-identity-mismatch": undefined,
  "own-certificate-expired": undefined,
  "internal-error": undefined,
} as const;

/** Stable words for what went wrong. */
export type MikeyErrorCode = keyof typeof errorNumbers;

/** A failed exchange. */
export interface MikeyError extends InputError {
  readonly code: MikeyErrorCode;
  /** `refused-by-peer`: the SRTP policies it named (section 5.1.1), a hint for another offer. */
  readonly policies?: readonly PolicyPayload[];
}

/** A value, or why the exchange failed. */
export type MikeyResult<T> = Result<T, MikeyError>;

/** Makes a failed {@link MikeyResult}. */
export function refuse(
  code: MikeyErrorCode,
  text: string,
  offset?: number,
): { readonly ok: false; readonly error: MikeyError } {
  return fail(code, text, offset) as { readonly ok: false; readonly error: MikeyError };
}

/** Gives an error of a lower room (parser, certificates) one of this room's codes; unknown codes become `malformed-message`. */
export function adopt(error: InputError): { readonly ok: false; readonly error: MikeyError } {
  const code = Object.hasOwn(errorNumbers, error.code) ? (error.code as MikeyErrorCode) : "malformed-message";
  const text = code === error.code ? error.text : `${error.code}: ${error.text}`;
  return refuse(code, text, error.offset);
}

/**
 * The error message HDR, T, {ERR}, {SP} of section 5.1.2, unauthenticated. `policies` says what we could have accepted
 * (section 5.1.1).
 */
export function errorMessage(
  csbId: number,
  timestamp: TimestampPayload,
  number: number,
  policies: readonly PolicyPayload[],
): Message {
  const header = {
    dataType: DataType.error,
    verify: false,
    prf: 0,
    csbId,
    mapType: MapType.srtpId,
    sessionCount: 0,
    sessions: [],
  };
  return { header, payloads: [timestamp, { kind: "error", number }, ...policies] };
}
