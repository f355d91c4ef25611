// Certificates of people we may send keys to, or who name theirs by its fingerprint: from files, or seen in an earlier exchange (RFC 3830 section 4.3.1).

import { certificatesFromPem } from "../crypto/certificates.js";
import { sameSipIdentity } from "../crypto/sip-identity.js";
import { ok } from "../runtime/result.js";
import { chainFingerprint } from "./certificate-names.js";
import { adopt, type MikeyResult, refuse } from "./errors.js";
import type { DirectoryKey, KeyDirectory } from "./methods/method.js";
import { type CertificateVerifier, proofOf } from "./methods/signer.js";

/** Certificates somebody has shown. */
interface Learned {
  readonly chain: readonly Uint8Array[];
  readonly fingerprint: Uint8Array;
}

/** Certificate chains of peers; each is verified anew whenever it is used. Bounded: the oldest learned goes first. */
export class CertificateDirectory implements KeyDirectory {
  private readonly chains: (readonly Uint8Array[])[] = [];
  private readonly learned: Learned[] = [];

  /**
   * @param chainsPem one PEM text per person, their certificate first.
   * @param capacity how many chains of others are remembered ({@link learn}).
   */
  constructor(
    private readonly trust: CertificateVerifier,
    chainsPem: readonly string[] = [],
    private readonly capacity = 64,
  ) {
    this.chains = chainsPem.map((pem, i) => {
      const chain = certificatesFromPem(pem);
      if (chain.length === 0) throw new TypeError(`no certificate found in text ${i + 1}`);
      return chain;
    });
  }

  /** Remembers a chain of one or more certificates that a peer showed in an authentic message. Returns what {@link named} finds it by. */
  learn(chain: readonly Uint8Array[]): Uint8Array {
    const latest = this.learned.at(-1);
    if (latest && isSame(latest.chain, chain)) return latest.fingerprint;
    const same = this.learned.findIndex((one) => Buffer.compare(one.chain[0], chain[0]) === 0);
    if (same >= 0) this.learned.splice(same, 1);
    else if (this.learned.length >= this.capacity) this.learned.shift();
    const fingerprint = chainFingerprint(chain);
    this.learned.push({ chain: chain.map((der) => new Uint8Array(der)), fingerprint });
    return fingerprint;
  }

  /** The chain that was learned under a {@link chainFingerprint}; undefined when it is not known any more. Not to be changed. */
  named(fingerprint: Uint8Array): readonly Uint8Array[] | undefined {
    return this.learned.findLast((one) => Buffer.compare(one.fingerprint, fingerprint) === 0)?.chain;
  }

  /** The key of somebody's certificate that is good now and allows the use; `unknown-recipient` when there is none. */
  async find(uri: string, use: "signature" | "encryption", nowMs: number): Promise<MikeyResult<DirectoryKey>> {
    let why: MikeyResult<never> = refuse("unknown-recipient", `no certificate of ${uri} is known`);
    const learned = this.learned.map(({ chain }) => chain).reverse();
    for (const chain of [...this.chains, ...learned]) {
      const verified = await this.trust.verify(chain, uri, nowMs, use);
      if (verified.ok && sameSipIdentity(verified.value.uri, uri))
        return ok({ publicKey: verified.value.publicKey, proof: proofOf(verified.value), certificate: chain[0] });
      // Of several reasons the one about this person's own certificate is worth telling.
      if (!verified.ok && verified.error.code !== "identity-mismatch") why = adopt(verified.error);
    }
    return why;
  }
}

function isSame(these: readonly Uint8Array[], those: readonly Uint8Array[]): boolean {
  return these.length === those.length && these.every((der, i) => Buffer.compare(der, those[i]) === 0);
}

/** Asks several directories, the first that knows somebody answers. */
export function anyDirectory(directories: readonly KeyDirectory[]): KeyDirectory {
  return {
    async find(uri, use, nowMs) {
      let why: MikeyResult<DirectoryKey> = refuse("unknown-recipient", `no public key of ${uri} is known`);
      for (const directory of directories) {
        const found = await directory.find(uri, use, nowMs);
        if (found.ok) return found;
        why = found;
      }
      return why;
    },
  };
}
