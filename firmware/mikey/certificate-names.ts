// Names for certificates between phones of ours: who has seen one need not be sent it again.

import { createHash } from "node:crypto";

/** Bytes of a {@link chainFingerprint}. */
export const FINGERPRINT_BYTES = 16;

/**
 * What certificates are named by between phones of ours: the first 16 bytes of SHA-256 over the DER certificates in order, each behind its length (4 bytes,
 * big-endian). It finds them among those that are known, and proves nothing: they are verified as if they had been sent.
 */
export function chainFingerprint(chain: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const der of chain) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(der.length);
    hash.update(length).update(der);
  }
  return new Uint8Array(hash.digest().subarray(0, FINGERPRINT_BYTES));
}

/** The first four bytes of a fingerprint: enough to tell one's own certificate of before from that of now. */
export function chainMark(fingerprint: Uint8Array): number {
  return new DataView(fingerprint.buffer, fingerprint.byteOffset).getUint32(0);
}
