// Trust: does this certificate chain prove this SIP identity? Verified chains are remembered for a while.

import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import type { Certificate } from "pkijs";
import { fail, ok, type Result } from "../runtime/result.js";
import {
  alternativeUris,
  type CertificateUse,
  parseCertificate,
  subjectName,
  validatePath,
} from "./certificate-path.js";
import type { RevocationLists } from "./revocation.js";
import { sameSipIdentity } from "./sip-identity.js";

/** A certificate whose path and identity were verified. */
export interface VerifiedCertificate {
  /** The subject alternative name that matched. */
  readonly uri: string;
  readonly publicKey: KeyObject;
  /** Common name of the subject, or the URI when it has none. */
  readonly subject: string;
  /** Common name of the trust anchor. */
  readonly ca: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly notAfterMs: number;
}

/** What a path was found to be good for. */
interface Verified {
  /** What it is verified for: one for each of its URIs. */
  readonly certificates: readonly VerifiedCertificate[];
  readonly verifiedMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** {@link Verified}, and what it is known by: the chain itself, its use and how new the revocation lists were. */
interface Remembered extends Verified {
  readonly chain: readonly Uint8Array[];
  readonly use: CertificateUse;
  readonly generation: number;
}

export interface TrustOptions {
  /** How long a verified path is taken for granted, in ms; default ten minutes. Never past its end of validity. */
  readonly rememberMs?: number;
  /** How many paths are remembered; default 64. */
  readonly capacity?: number;
  /** Certificates withdrawn before their time; default: none are known. */
  readonly revocation?: RevocationLists;
}

const block = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** The DER certificates of a PEM text, in order. */
export function certificatesFromPem(pem: string): Uint8Array[] {
  return [...pem.matchAll(block)].map((found) => new Uint8Array(Buffer.from(found[1], "base64")));
}

/** Authorities one believes, and the memory of what they vouched for. */
export class TrustStore {
  private readonly anchors: readonly Certificate[];
  /** The latest first. */
  private remembered: readonly Remembered[] = [];
  private readonly rememberMs: number;
  private readonly capacity: number;
  private readonly revocation: RevocationLists | undefined;

  /** @param anchorsPem certificates of the trusted authorities; throws TypeError when one cannot be read or there is none. */
  constructor(anchorsPem: string | readonly string[], options: TrustOptions = {}) {
    const pem = typeof anchorsPem === "string" ? anchorsPem : anchorsPem.join("\n");
    this.anchors = certificatesFromPem(pem).map((der, i) => {
      const parsed = parseCertificate(der);
      if (!parsed.ok) throw new TypeError(`trust anchor ${i + 1} cannot be read as a certificate`);
      return parsed.value;
    });
    if (this.anchors.length === 0) throw new TypeError("no certificate found among the trust anchors");
    this.rememberMs = options.rememberMs ?? 600_000;
    this.capacity = options.capacity ?? 64;
    this.revocation = options.revocation;
  }

  /**
   * Verifies a chain and that it speaks for `uri`.
   * @param chain DER, end-entity certificate first.
   * @param uri the SIP URI it must be for: a subjectAltName URI has to match (no common name is ever taken for it).
   * @param atMs wall-clock ms since 1970.
   * @param use what the certificate's key is to do.
   * @returns codes of {@link validatePath}, `certificate-revoked`, `revocation-unknown` and `identity-mismatch`.
   */
  async verify(
    chain: readonly Uint8Array[],
    uri: string,
    atMs: number,
    use: CertificateUse = "signature",
  ): Promise<Result<VerifiedCertificate>> {
    // What was verified before newer lists came does not count.
    const generation = this.revocation?.generation ?? 0;
    let known = this.recall(chain, use, generation, atMs);
    if (!known) {
      const fresh = await this.validate(chain, atMs, use);
      if (!fresh.ok) return fresh;
      known = { ...fresh.value, chain: chain.map((der) => new Uint8Array(der)), use, generation };
      this.remembered = [known, ...this.remembered].slice(0, this.capacity);
    }
    const { certificates } = known;
    const match = certificates.find((one) => sameSipIdentity(one.uri, uri));
    return match
      ? ok(match)
      : fail("identity-mismatch", `the certificate is for ${certificates[0]?.uri ?? "no SIP URI"}, not for ${uri}`);
  }

  /** Certificates are compared byte for byte, which takes less than hashing them. */
  private recall(
    chain: readonly Uint8Array[],
    use: CertificateUse,
    generation: number,
    atMs: number,
  ): Remembered | undefined {
    const known = this.remembered.find(
      (one) => one.use === use && one.generation === generation && isSameChain(one.chain, chain),
    );
    if (!known) return undefined;
    const age = Math.abs(atMs - known.verifiedMs);
    if (age <= this.rememberMs && atMs >= known.notBeforeMs && atMs <= known.notAfterMs) return known;
    this.remembered = this.remembered.filter((one) => one !== known);
    return undefined;
  }

  private async validate(chain: readonly Uint8Array[], atMs: number, use: CertificateUse): Promise<Result<Verified>> {
    const certificates: Certificate[] = [];
    for (const der of chain) {
      const parsed = parseCertificate(der);
      if (!parsed.ok) return parsed;
      certificates.push(parsed.value);
    }
    const path = await validatePath(certificates, this.anchors, atMs, use);
    if (!path.ok) return path;
    const revoked = await this.revocation?.check(path.value, atMs);
    if (revoked && !revoked.ok) return revoked;
    const [leaf] = path.value;
    const uris = alternativeUris(leaf);
    let publicKey: KeyObject;
    try {
      publicKey = new X509Certificate(chain[0]).publicKey;
    } catch {
      return fail("malformed-certificate", "the certificate's public key cannot be read");
    }
    const times = path.value.map((one) => ({ from: one.notBefore.value.getTime(), to: one.notAfter.value.getTime() }));
    const certificate = {
      publicKey,
      subject: subjectName(leaf) || (uris[0] ?? ""),
      ca: subjectName(path.value[path.value.length - 1]),
      fingerprint: createHash("sha256").update(chain[0]).digest("hex"),
      notAfterMs: leaf.notAfter.value.getTime(),
    };
    return ok({
      certificates: uris.map((uri) => ({ ...certificate, uri })),
      verifiedMs: atMs,
      notBeforeMs: Math.max(...times.map((one) => one.from)),
      notAfterMs: Math.min(...times.map((one) => one.to)),
    });
  }
}

function isSameChain(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  return one.length === other.length && one.every((der, i) => Buffer.compare(der, other[i]) === 0);
}
