// Diffie-Hellman in OAKLEY group 5 (RFC 2409 section 6, RFC 3526 section 2: 1536-bit MODP, generator 2).

import { createDiffieHellman, getDiffieHellman } from "node:crypto";
import { fail, ok, type Result } from "../runtime/result.js";

/** Bytes of a value or secret of the group. */
export const OAKLEY5_BYTES = 192;

const prime = getDiffieHellman("modp5").getPrime();
const generator = Uint8Array.of(2);
const primeMinusOne = prime.map((byte, i) => (i === prime.length - 1 ? byte - 1 : byte));

/** Fills on the left: node leaves out leading zero bytes, protocols count them. */
function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(OAKLEY5_BYTES);
  out.set(bytes, OAKLEY5_BYTES - bytes.length);
  return out;
}

/**
 * True for a public value y with 1 < y < p - 1 and exactly 192 bytes. 0, 1 and p - 1 would make the secret known to all;
 * the prime is a safe one, so no other small subgroup exists.
 */
export function isOakley5PublicValue(value: Uint8Array): boolean {
  if (value.length !== OAKLEY5_BYTES) return false;
  const isSmall = value.every((byte, i) => (i === OAKLEY5_BYTES - 1 ? byte <= 1 : byte === 0));
  return !isSmall && Buffer.compare(value, primeMinusOne) < 0;
}

/** A private value and its public one; use it for one exchange and wipe it. */
export interface DhKeyPair {
  /** g^x mod p, 192 bytes, left-padded. */
  readonly publicValue: Uint8Array;
  /**
   * The shared secret, 192 bytes, left-padded. `bad-dh-value`: the peer's value is not one of the group.
   * Throws TypeError after {@link wipe}.
   */
  secret(peerValue: Uint8Array): Result<Uint8Array>;
  /** Forgets the private value; OpenSSL clears its memory when it is replaced. */
  wipe(): void;
}

/** Makes a key pair; the private value comes from node's generator. About 0.2 ms on a PC, ten times that on a small ARM. */
export function generateOakley5KeyPair(): DhKeyPair {
  const dh = createDiffieHellman(prime, generator);
  const publicValue = padded(dh.generateKeys());
  let wiped = false;
  return {
    publicValue,
    secret(peerValue) {
      if (wiped) throw new TypeError("the Diffie-Hellman key pair was wiped");
      if (!isOakley5PublicValue(peerValue)) return fail("bad-dh-value", "Diffie-Hellman value outside the group");
      const raw = dh.computeSecret(peerValue);
      const secret = padded(raw);
      raw.fill(0);
      return ok(secret);
    },
    wipe() {
      wiped = true;
      dh.setPrivateKey(generator);
    },
  };
}
