// What SRTP needs to know of one direction's keys, whoever agreed on them.

/** Names of protection profiles, as RFC 4568 section 6.2 writes them. */
export type SrtpSuiteName = "AES_CM_128_HMAC_SHA1_80";

/** Master key of one direction (RFC 3711 section 3.2.1). The holder wipes `masterKey` and `masterSalt` when it is done. */
export interface SrtpKeys {
  readonly suite: SrtpSuiteName;
  /** 16 bytes for the AES-128 suites. */
  readonly masterKey: Uint8Array;
  /** 14 bytes (112 bits). */
  readonly masterSalt: Uint8Array;
  /** Master key identifier carried in every packet (RFC 3711 section 3.1); absent or empty: none. */
  readonly mki?: Uint8Array;
  /** Roll-over counter the stream starts with (a late joiner is told it; MIKEY's CS ID map carries it). Default 0. */
  readonly roc?: number;
}
