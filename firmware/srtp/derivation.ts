// Session keys from a master key: the AES-CM PRF (RFC 3711 section 4.3).

import type { Aes } from "../crypto/index.js";

/** Labels of the six session keys (RFC 3711 sections 4.3.1 and 4.3.2). */
export const SrtpLabel = {
  rtpEncryption: 0,
  rtpAuthentication: 1,
  rtpSalt: 2,
  rtcpEncryption: 3,
  rtcpAuthentication: 4,
  rtcpSalt: 5,
} as const;

/**
 * Fills `out` with the session key of `label`, for key derivation rate 0 (index DIV 0 = 0).
 * @param out key to fill; its length is n / 8, up to 2^20 bytes
 * @param master the master key, expanded
 * @param masterSalt 14 bytes
 */
export function deriveInto(out: Uint8Array, master: Aes, masterSalt: Uint8Array, label: number): void {
  // x = (label * 2^48) XOR master_salt, 112 bits; the counter starts at x * 2^16. The label thus meets salt byte 7.
  const s = masterSalt;
  out.fill(0);
  master.counterXor(
    out,
    0,
    out.length,
    (s[0] << 24) | (s[1] << 16) | (s[2] << 8) | s[3],
    (s[4] << 24) | (s[5] << 16) | (s[6] << 8) | (s[7] ^ label),
    (s[8] << 24) | (s[9] << 16) | (s[10] << 8) | s[11],
    (s[12] << 24) | (s[13] << 16),
  );
}
