// Diffie-Hellman: the MODP groups of RFC 2409 and RFC 3526 with generator 2, and X25519 (RFC 7748).

import {
  createDiffieHellman,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPair,
  generateKeyPairSync,
  getDiffieHellman,
  type KeyObject,
} from "node:crypto";
import * as asn1 from "asn1js";
import { fail, ok, type Result } from "../runtime/result.js";

/** Groups by name: OAKLEY 1, 2 and 5 have 768, 1024 and 1536 bits (the first two are for peers that know nothing else). */
export type DhGroupName = "oakley1" | "oakley2" | "oakley5" | "modp2048" | "modp3072" | "x25519";

/** Bytes of a value and of a secret, by group. */
export const dhGroupBytes: Readonly<Record<DhGroupName, number>> = {
  oakley1: 96,
  oakley2: 128,
  oakley5: 192,
  modp2048: 256,
  modp3072: 384,
  x25519: 32,
};

/** Bytes of a value or secret of OAKLEY 5. */
export const OAKLEY5_BYTES = dhGroupBytes.oakley5;

/** Names of the MODP groups in node. */
const nodeNames: Readonly<Record<Exclude<DhGroupName, "x25519">, string>> = {
  oakley1: "modp1",
  oakley2: "modp2",
  oakley5: "modp5",
  modp2048: "modp14",
  modp3072: "modp15",
};
const generator = Uint8Array.of(2);
const primes = new Map<DhGroupName, Uint8Array>();

function primeOf(group: Exclude<DhGroupName, "x25519">): Uint8Array {
  let prime = primes.get(group);
  if (!prime) {
    prime = new Uint8Array(getDiffieHellman(nodeNames[group]).getPrime());
    primes.set(group, prime);
  }
  return prime;
}

/** Fills on the left: node leaves out leading zero bytes, protocols count them. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out.set(bytes, length - bytes.length);
  return out;
}

/**
 * True for a public value of the group with exactly its length: of a MODP group 1 < y < p - 1 (0, 1 and p - 1 would make the
 * secret known to all; the primes are safe ones, so no other small subgroup exists), of X25519 any 32 bytes that are not zero
 * (points of small order show when the secret is computed).
 */
export function isDhPublicValue(group: DhGroupName, value: Uint8Array): boolean {
  if (value.length !== dhGroupBytes[group]) return false;
  if (group === "x25519") return value.some((byte) => byte !== 0);
  const last = value.length - 1;
  const isSmall = value.every((byte, i) => (i === last ? byte <= 1 : byte === 0));
  const prime = primeOf(group);
  // p ends in a one bit: p - 1 differs from it in the last byte alone.
  const order = Buffer.compare(value.subarray(0, last), prime.subarray(0, last));
  return !isSmall && (order < 0 || (order === 0 && value[last] < prime[last] - 1));
}

/** {@link isDhPublicValue} for OAKLEY 5. */
export function isOakley5PublicValue(value: Uint8Array): boolean {
  return isDhPublicValue("oakley5", value);
}

/** A private value and its public one; use it for one exchange and wipe it. */
export interface DhKeyPair {
  /** The public value, of the group's length, left-padded. */
  readonly publicValue: Uint8Array;
  /**
   * The shared secret, of the group's length, left-padded. `bad-dh-value`: the peer's value is not one of the group.
   * Throws TypeError after {@link wipe}.
   */
  secret(peerValue: Uint8Array): Result<Uint8Array>;
  /** Forgets the private value; OpenSSL clears its memory when it is replaced or let go. */
  wipe(): void;
}

const outside = () => fail("bad-dh-value", "Diffie-Hellman value outside the group");

function modpKeyPair(
  group: Exclude<DhGroupName, "x25519">,
  privateValue?: Uint8Array,
  knownPublicValue?: Uint8Array,
): DhKeyPair {
  const length = dhGroupBytes[group];
  const dh = createDiffieHellman(primeOf(group), generator);
  if (privateValue) dh.setPrivateKey(privateValue);
  // Node derives no public value from a given private one; g^x is the secret shared with the value g.
  const publicValue = padded(
    knownPublicValue ?? (privateValue ? dh.computeSecret(generator) : dh.generateKeys()),
    length,
  );
  let wiped = false;
  return {
    publicValue,
    secret(peerValue) {
      if (wiped) throw new TypeError("the Diffie-Hellman key pair was wiped");
      if (!isDhPublicValue(group, peerValue)) return outside();
      const raw = dh.computeSecret(peerValue);
      const secret = padded(raw, length);
      raw.fill(0);
      return ok(secret);
    },
    wipe() {
      wiped = true;
      dh.setPrivateKey(generator);
    },
  };
}

/** DER of an X25519 SubjectPublicKeyInfo before its 32 bytes (RFC 8410). */
const x25519Prefix = Buffer.from("302a300506032b656e032100", "hex");

/** DER of an X25519 PKCS#8 key before its 32 bytes. */
const x25519PrivatePrefix = Buffer.from("302e020100300506032b656e04220420", "hex");

function x25519KeyPair(given: KeyObject): DhKeyPair {
  let privateKey: KeyObject | undefined = given;
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  return {
    publicValue: new Uint8Array(spki.subarray(spki.length - 32)),
    secret(peerValue) {
      if (!privateKey) throw new TypeError("the Diffie-Hellman key pair was wiped");
      if (!isDhPublicValue("x25519", peerValue)) return outside();
      try {
        const key = Buffer.concat([x25519Prefix, peerValue]);
        const publicKey = createPublicKey({ key, format: "der", type: "spki" });
        const raw = diffieHellman({ privateKey, publicKey });
        const secret = new Uint8Array(raw);
        raw.fill(0);
        return ok(secret);
      } catch {
        // OpenSSL refuses points of small order (RFC 7748 section 6.1).
        return outside();
      }
    },
    wipe() {
      privateKey = undefined;
    },
  };
}

/** Makes a key pair; the private value comes from node's generator. OAKLEY 5: about 0.2 ms on a PC, ten times that on a small ARM. */
export function generateDhKeyPair(group: DhGroupName): DhKeyPair {
  return group === "x25519" ? x25519KeyPair(generateKeyPairSync("x25519").privateKey) : modpKeyPair(group);
}

/** The two integers of a MODP pair: the private one of its PKCS #8 (RFC 5958), the public one of its SubjectPublicKeyInfo (RFC 5280). */
function modpValues(pkcs8: Buffer, spki: Buffer): { privateValue: Uint8Array; publicValue: Uint8Array } {
  try {
    const [, , wrapped] = sequenceOf(pkcs8) as [unknown, unknown, asn1.OctetString];
    const [, bits] = sequenceOf(spki) as [unknown, asn1.BitString];
    return {
      privateValue: integerIn(wrapped.valueBlock.valueHexView),
      publicValue: integerIn(bits.valueBlock.valueHexView),
    };
  } finally {
    pkcs8.fill(0);
  }
}

function sequenceOf(der: Uint8Array): unknown[] {
  return (asn1.fromBER(der).result as asn1.Sequence).valueBlock.value;
}

/** The bytes of a DER integer, without the zero that keeps it positive. */
function integerIn(der: Uint8Array): Uint8Array {
  const bytes = (asn1.fromBER(der).result as asn1.Integer).valueBlock.valueHexView;
  return new Uint8Array(bytes[0] === 0 ? bytes.subarray(1) : bytes);
}

/** Node's types leave "dh" out. Keys in DER are made on the other thread too; taken out of key objects they are made on this one. */
const generateModp = generateKeyPair as unknown as (
  type: "dh",
  options: { readonly group: string; readonly publicKeyEncoding: object; readonly privateKeyEncoding: object },
  done: (error: Error | null, spki: Buffer, pkcs8: Buffer) => void,
) => void;
const inDer = {
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "der" },
};

/**
 * {@link generateDhKeyPair} on a thread of node's pool: whoever is on this thread meanwhile is not held up. Rejects only with what
 * node's generator fails with.
 */
export function generateDhKeyPairAside(group: DhGroupName): Promise<DhKeyPair> {
  return new Promise((resolve, reject) => {
    if (group === "x25519") {
      generateKeyPair("x25519", undefined, (error, _, privateKey) =>
        error ? reject(error) : resolve(x25519KeyPair(privateKey)),
      );
      return;
    }
    generateModp("dh", { group: nodeNames[group], ...inDer }, (error, spki, pkcs8) => {
      if (error) return reject(error);
      const { privateValue, publicValue } = modpValues(pkcs8, spki);
      try {
        resolve(modpKeyPair(group, privateValue, publicValue));
      } finally {
        privateValue.fill(0);
      }
    });
  });
}

/**
 * The key pair of a known private value, for test vectors and rehearsals: nobody who can be heard may use one twice.
 * @param publicValue of a MODP group, where it is known: working it out is what a pair costs.
 */
export function dhKeyPairFrom(group: DhGroupName, privateValue: Uint8Array, publicValue?: Uint8Array): DhKeyPair {
  if (group !== "x25519") return modpKeyPair(group, privateValue, publicValue);
  const key = Buffer.concat([x25519PrivatePrefix, privateValue]);
  return x25519KeyPair(createPrivateKey({ key, format: "der", type: "pkcs8" }));
}

/** {@link generateDhKeyPair} of OAKLEY 5. */
export function generateOakley5KeyPair(): DhKeyPair {
  return generateDhKeyPair("oakley5");
}
