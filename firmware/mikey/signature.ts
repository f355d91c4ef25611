// Signature algorithms of the SIGN payload (RFC 3830 sections 4.2.6, 6.5). Another algorithm is one more object.

import {
  constants,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
  type VerifyKeyObjectInput,
  verify,
} from "node:crypto";
import { SignatureType } from "./numbers.js";

/**
 * One "S type". Signing with RSA, which takes long, runs on node's thread pool, so that the event loop is not held up. All else is done where it is
 * called for: a call waits for it in any case, and the way to another thread and back takes as long as the work, and many times as long on a
 * busy device.
 */
export interface SignatureAlgorithm {
  /** Table 6.5. */
  readonly type: number;
  readonly name: string;
  /** Whether a key can be used with it. */
  fits(key: KeyObject): boolean;
  /** Bytes of a signature; part of what is signed. */
  length(key: KeyObject): number;
  sign(data: Uint8Array, privateKey: KeyObject): Promise<Uint8Array>;
  /** False for any signature that does not verify; never rejects. */
  verify(data: Uint8Array, publicKey: KeyObject, signature: Uint8Array): Promise<boolean>;
}

type Way = SignKeyObjectInput & VerifyKeyObjectInput;

function signAsync(digest: string, data: Uint8Array, way: Way): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(digest, data, way, (error, signature) => (error ? reject(error) : resolve(signature)));
  });
}

const isRsa = (key: KeyObject) => key.asymmetricKeyType === "rsa";
const isP256 = (key: KeyObject) =>
  key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
const rsaLength = (key: KeyObject) => Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);

function algorithm(
  type: number,
  name: string,
  hash: string | null,
  fits: (key: KeyObject) => boolean,
  length: (key: KeyObject) => number,
  how: Omit<Way, "key">,
): SignatureAlgorithm {
  // Node's types leave null out, which names the algorithms that bring their hash along.
  const digest = hash as string;
  return {
    type,
    name,
    fits,
    length,
    sign: async (data, key) =>
      isRsa(key) ? signAsync(digest, data, { key, ...how }) : sign(digest, data, { key, ...how }),
    async verify(data, key, signature) {
      if (!fits(key) || signature.length !== length(key)) return false;
      try {
        return verify(digest, data, { key, ...how }, signature);
      } catch {
        // OpenSSL calls some malformed signatures an error instead of "no".
        return false;
      }
    },
  };
}

/** RSA PKCS#1 v1.5 with SHA-1, the mandatory one (sections 4.2.1 and 4.2.6). */
export const rsaPkcs1Sha1 = algorithm(SignatureType.rsaPkcs1, "RSA PKCS#1 v1.5 with SHA-1", "sha1", isRsa, rsaLength, {
  padding: constants.RSA_PKCS1_PADDING,
});

/** RSASSA-PSS with SHA-1, MGF1 with SHA-1 and a salt of 20 bytes: the default parameters of RFC 8017, section A.2.3. */
export const rsaPssSha1 = algorithm(SignatureType.rsaPss, "RSA PSS with SHA-1", "sha1", isRsa, rsaLength, {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: 20,
});

/** RSA PKCS#1 v1.5 with SHA-256, between phones that both know it. */
export const rsaPkcs1Sha256 = algorithm(
  SignatureType.rsaPkcs1Sha256,
  "RSA PKCS#1 v1.5 with SHA-256",
  "sha256",
  isRsa,
  rsaLength,
  { padding: constants.RSA_PKCS1_PADDING },
);

/** ECDSA on P-256 with SHA-256, 64 bytes. */
export const ecdsaP256Sha256 = algorithm(
  SignatureType.ecdsaP256Sha256,
  "ECDSA P-256 with SHA-256",
  "sha256",
  isP256,
  () => 64,
  { dsaEncoding: "ieee-p1363" },
);

/** Ed25519, 64 bytes. */
export const ed25519 = algorithm(
  SignatureType.ed25519,
  "Ed25519",
  null,
  (key) => key.asymmetricKeyType === "ed25519",
  () => 64,
  {},
);

/** Those of RFC 3830; their hash is SHA-1. */
export const rfc3830Signatures: readonly SignatureAlgorithm[] = [rsaPkcs1Sha1, rsaPssSha1];
/** Those between phones of ours, under numbers of our own. */
export const strongSignatures: readonly SignatureAlgorithm[] = [rsaPkcs1Sha256, ecdsaP256Sha256, ed25519];
