// Other implementations' readings of the RFCs, by name; off unless a peer is configured for one.

import { mikey1, PRF_BLOCK, type Prf, PrfKey } from "./prf.js";

/**
 * `minisip`: minisip 0.7's library. `minisip-rfc-prf`: the same with its pseudo-random function repaired. What differs:
 * the PRF keys its last HMAC with nothing when the input key has a multiple of 32 bytes; identities are left out; the answer has
 * a timestamp of its own; V covers the answer and the offer's timestamp alone; Diffie-Hellman secrets lose leading zero bytes
 * and get them back at their end; an RSA-R answer brings a RAND that nobody uses and no policy, and its signature covers
 * the answer, its own IDr and its own timestamp.
 */
export type Dialect = "minisip" | "minisip-rfc-prf";

/** Minisip's PRF: RFC 3830 section 4.1.2, but with an empty key for the last block when the input key fills its blocks. */
const minisipPrf: Prf = (inkey) => {
  if (inkey.length === 0 || inkey.length % PRF_BLOCK !== 0) return mikey1(inkey);
  return new PrfKey(inkey.subarray(0, inkey.length - PRF_BLOCK), inkey.length / PRF_BLOCK);
};

/** The PRF a peer uses. */
export function prfOf(dialect: Dialect | undefined): Prf {
  return dialect === "minisip" ? minisipPrf : mikey1;
}

/** A Diffie-Hellman secret as the peer counts it. */
export function dhSecretFor(dialect: Dialect | undefined, secret: Uint8Array): Uint8Array {
  if (!dialect) return secret;
  const zeros = secret.findIndex((byte) => byte !== 0);
  if (zeros <= 0) return secret;
  const shifted = new Uint8Array(secret.length);
  shifted.set(secret.subarray(zeros));
  secret.fill(0);
  return shifted;
}
