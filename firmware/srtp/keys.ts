// What SRTP needs to know of one direction's keys, whoever agreed on them.

/** Names of protection profiles, as RFC 4568 section 6.2, RFC 6188, RFC 7714 and RFC 5764 section 4.1.2 (NULL) write them. */
export type SrtpSuiteName =
  | "AES_CM_128_HMAC_SHA1_80"
  | "AES_CM_128_HMAC_SHA1_32"
  | "AES_192_CM_HMAC_SHA1_80"
  | "AES_192_CM_HMAC_SHA1_32"
  | "AES_256_CM_HMAC_SHA1_80"
  | "AES_256_CM_HMAC_SHA1_32"
  | "F8_128_HMAC_SHA1_80"
  | "AEAD_AES_128_GCM"
  | "AEAD_AES_256_GCM"
  | "NULL_HMAC_SHA1_80"
  | "NULL_HMAC_SHA1_32";

/** Master key of one direction (RFC 3711 section 3.2.1). The holder wipes `masterKey` and `masterSalt` when it is done. */
export interface SrtpKeys {
  readonly suite: SrtpSuiteName;
  /** 16, 24 or 32 bytes: see `srtpSuites`. */
  readonly masterKey: Uint8Array;
  /** 14 bytes (112 bits); 12 for the AEAD suites. */
  readonly masterSalt: Uint8Array;
  /** Master key identifier carried in every packet (RFC 3711 section 3.1); absent or empty: none. */
  readonly mki?: Uint8Array;
  /** Roll-over counter the stream starts with (a late joiner is told it; MIKEY's CS ID map carries it). Default 0. */
  readonly roc?: number;
  /** Key derivation rate (RFC 3711 section 4.3.1): 0 (default) or a power of two up to 2^24, in packets. */
  readonly kdr?: number;
  /** First and last RTP packet index this key is for (`<From, To>`, RFC 3711 section 8.1.1). Default: all, 0 to 2^48 - 1. */
  readonly from?: number;
  readonly to?: number;
  /** Packets this master key may protect or verify: RTP up to 2^48, RTCP up to 2^31, which are also the defaults (section 9.2). */
  readonly lifetime?: number;
  /** RTP goes unencrypted but authenticated (UNENCRYPTED_SRTP of RFC 4568 section 6.3.2). Default false. */
  readonly unencryptedRtp?: boolean;
  /** RTCP goes unencrypted but authenticated, E flag 0. Default false. What arrives encrypted is taken either way. */
  readonly unencryptedRtcp?: boolean;
  /** RTP goes without a tag (RFC 3711 section 9.5, UNAUTHENTICATED_SRTP). Never RTCP; not with an AEAD suite. Default false. */
  readonly unauthenticatedRtp?: boolean;
}
