// Signature algorithms of the SIGN payload (RFC 3830 sections 4.2.6, 6.5). Another algorithm is one more object.

import { constants, type KeyObject, sign, verify } from "node:crypto";
import { promisify } from "node:util";
import { SignatureType } from "./numbers.js";

/** One "S type". Signing and verifying run on node's thread pool: the event loop is not held up. */
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

const signAsync = promisify(sign);
const verifyAsync = promisify(verify);

/** RSA PKCS#1 v1.5 with SHA-1, the mandatory one (sections 4.2.1 and 4.2.6). */
export const rsaPkcs1Sha1: SignatureAlgorithm = {
  type: SignatureType.rsaPkcs1,
  name: "RSA PKCS#1 v1.5 with SHA-1",
  fits: (key) => key.asymmetricKeyType === "rsa",
  length: (key) => Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8),
  sign: (data, key) => signAsync("sha1", data, { key, padding: constants.RSA_PKCS1_PADDING }),
  async verify(data, key, signature) {
    try {
      return await verifyAsync("sha1", data, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    } catch {
      // OpenSSL calls some malformed signatures an error instead of "no".
      return false;
    }
  },
};
