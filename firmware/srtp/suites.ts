// The protection profiles, as numbers (RFC 4568 section 6.2, RFC 3711 section 5).

import type { SrtpSuiteName } from "./keys.js";

/** Sizes that make up a profile, all in bytes. */
export interface SrtpSuite {
  readonly name: SrtpSuiteName;
  /** Master key and session encryption key (n_e). */
  readonly keyBytes: number;
  /** Master salt and session salt (n_s). */
  readonly saltBytes: number;
  /** Session authentication key (n_a). */
  readonly authKeyBytes: number;
  /** Authentication tag of an RTP packet (n_tag). */
  readonly rtpTagBytes: number;
  /** Authentication tag of an RTCP packet; never shorter than 10 (RFC 3711 section 5.2). */
  readonly rtcpTagBytes: number;
}

/** Every profile this library implements. */
export const srtpSuites: Readonly<Record<SrtpSuiteName, SrtpSuite>> = {
  AES_CM_128_HMAC_SHA1_80: {
    name: "AES_CM_128_HMAC_SHA1_80",
    keyBytes: 16,
    saltBytes: 14,
    authKeyBytes: 20,
    rtpTagBytes: 10,
    rtcpTagBytes: 10,
  },
};

/** Longest master key identifier, bytes (RFC 4568 section 6.1 bounds it at 128). */
export const MKI_MAX_BYTES = 128;
/** Room a packet buffer needs behind an RTP packet of any profile with an MKI of `mki` bytes (10-byte tag). */
export const SRTP_MAX_TRAILER = 10 + MKI_MAX_BYTES;
/** Room a packet buffer needs behind an RTCP packet: E flag and index (4 bytes), MKI, tag. */
export const SRTCP_MAX_TRAILER = 4 + SRTP_MAX_TRAILER;
