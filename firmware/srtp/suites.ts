// The protection profiles, as numbers (RFC 3711 section 5, RFC 4568 section 6.2, RFC 6188, RFC 7714 section 12).

import type { PacketCipherMode } from "../crypto/packet-cipher.js";
import type { SrtpSuiteName } from "./keys.js";

/** Sizes that make up a profile, all in bytes. */
export interface SrtpSuite {
  readonly name: SrtpSuiteName;
  /** The encryption transform. */
  readonly mode: PacketCipherMode;
  /** Master key and session encryption key (n_e). */
  readonly keyBytes: number;
  /** Master salt and session salt (n_s). */
  readonly saltBytes: number;
  /** Session authentication key (n_a); 0 for the AEAD profiles. */
  readonly authKeyBytes: number;
  /** Authentication tag of an RTP packet (n_tag). */
  readonly rtpTagBytes: number;
  /** Authentication tag of an RTCP packet; never shorter than 10 (RFC 3711 section 5.2). */
  readonly rtcpTagBytes: number;
}

function hmacSuite(name: SrtpSuiteName, mode: PacketCipherMode, keyBytes: number, rtpTagBytes: number): SrtpSuite {
  return { name, mode, keyBytes, saltBytes: 14, authKeyBytes: 20, rtpTagBytes, rtcpTagBytes: 10 };
}

function aeadSuite(name: SrtpSuiteName, keyBytes: number): SrtpSuite {
  return { name, mode: "gcm", keyBytes, saltBytes: 12, authKeyBytes: 0, rtpTagBytes: 16, rtcpTagBytes: 16 };
}

/** Every profile this library implements. */
export const srtpSuites: Readonly<Record<SrtpSuiteName, SrtpSuite>> = {
  AES_CM_128_HMAC_SHA1_80: hmacSuite("AES_CM_128_HMAC_SHA1_80", "counter", 16, 10),
  AES_CM_128_HMAC_SHA1_32: hmacSuite("AES_CM_128_HMAC_SHA1_32", "counter", 16, 4),
  AES_192_CM_HMAC_SHA1_80: hmacSuite("AES_192_CM_HMAC_SHA1_80", "counter", 24, 10),
  AES_192_CM_HMAC_SHA1_32: hmacSuite("AES_192_CM_HMAC_SHA1_32", "counter", 24, 4),
  AES_256_CM_HMAC_SHA1_80: hmacSuite("AES_256_CM_HMAC_SHA1_80", "counter", 32, 10),
  AES_256_CM_HMAC_SHA1_32: hmacSuite("AES_256_CM_HMAC_SHA1_32", "counter", 32, 4),
  F8_128_HMAC_SHA1_80: hmacSuite("F8_128_HMAC_SHA1_80", "f8", 16, 10),
  AEAD_AES_128_GCM: aeadSuite("AEAD_AES_128_GCM", 16),
  AEAD_AES_256_GCM: aeadSuite("AEAD_AES_256_GCM", 32),
  NULL_HMAC_SHA1_80: hmacSuite("NULL_HMAC_SHA1_80", "null", 16, 10),
  NULL_HMAC_SHA1_32: hmacSuite("NULL_HMAC_SHA1_32", "null", 16, 4),
};

/** Longest master key identifier, bytes (RFC 4568 section 6.1 bounds it at 128). */
export const MKI_MAX_BYTES = 128;
/** Room a packet buffer needs behind an RTP packet of any profile with the longest MKI (16-byte tag). */
export const SRTP_MAX_TRAILER = 16 + MKI_MAX_BYTES;
/** Room a packet buffer needs behind an RTCP packet: E flag and index (4 bytes), MKI, tag. */
export const SRTCP_MAX_TRAILER = 4 + SRTP_MAX_TRAILER;
