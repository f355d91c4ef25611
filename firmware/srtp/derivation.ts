// Session keys from a master key: the AES-CM PRF (RFC 3711 section 4.3; RFC 6188 section 3; RFC 7714 section 11).

import type { PacketCipher } from "../crypto/packet-cipher.js";

/** Labels of the six session keys (RFC 3711 sections 4.3.1 and 4.3.2). */
export const SrtpLabel = {
  rtpEncryption: 0,
  rtpAuthentication: 1,
  rtpSalt: 2,
  rtcpEncryption: 3,
  rtcpAuthentication: 4,
  rtcpSalt: 5,
} as const;

const counter = new Int32Array(4);

/**
 * Fills `out` with the session key of `label`.
 * @param out key to fill; its length is n / 8, up to 2^20 bytes
 * @param master AES in counter mode under the master key
 * @param masterSalt 14 bytes, or 12 (RFC 7714): then two zero bytes follow on the right
 * @param r index DIV key derivation rate, 0 to 2^48 - 1; 0 when the rate is 0
 */
export function deriveInto(
  out: Uint8Array,
  master: PacketCipher,
  masterSalt: Uint8Array,
  label: number,
  r: number,
): void {
  // x = (label * 2^48 + r) XOR master_salt, 112 bits; the counter starts at x * 2^16. The label thus meets salt byte 7.
  const s = (i: number) => (i < masterSalt.length ? masterSalt[i] : 0);
  const word = (i: number) => (s(i) << 24) | (s(i + 1) << 16) | (s(i + 2) << 8) | s(i + 3);
  const low = r % 0x10000;
  const high = (r - low) / 0x10000;
  counter[0] = word(0);
  counter[1] = word(4) ^ label;
  counter[2] = word(8) ^ high;
  counter[3] = (s(12) << 24) | (s(13) << 16) | 0;
  counter[3] ^= low << 16;
  master.keystreamInto(out, counter);
  counter.fill(0);
}
