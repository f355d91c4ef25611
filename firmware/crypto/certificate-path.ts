// X.509 path validation (RFC 5280 section 6): pkijs checks the path, this file what pkijs leaves open.

import { webcrypto } from "node:crypto";
import { fromBER } from "asn1js";
import {
  BasicConstraints,
  Certificate,
  CertificateChainValidationEngine,
  CryptoEngine,
  type Extension,
  type ExtKeyUsage,
  type GeneralNames,
  type NameConstraints,
} from "pkijs";
import { fail, ok, type Result } from "../runtime/result.js";

const engine = new CryptoEngine({ name: "node", crypto: webcrypto, subtle: webcrypto.subtle });

/** Most certificates of a chain, the anchor not counted. */
export const MAX_CHAIN = 5;
/** Largest certificate read, in bytes. */
export const MAX_CERTIFICATE_BYTES = 8192;

const Oid = {
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  certificatePolicies: "2.5.29.32",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
} as const;

/** Critical extensions that pkijs or this file act on. */
const understood = new Set<string>(Object.values(Oid));

/** Extended key usages that allow signing on behalf of a SIP user; an absent extension allows every use. */
const fittingUsages = new Set(["2.5.29.37.0", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"]);

/** RSA or ECDSA with SHA-256, -384 or -512, and Ed25519: what may sign certificates. */
const strongSignatures = new Set([
  "1.2.840.113549.1.1.11",
  "1.2.840.113549.1.1.12",
  "1.2.840.113549.1.1.13",
  "1.2.840.10045.4.3.2",
  "1.2.840.10045.4.3.3",
  "1.2.840.10045.4.3.4",
]);

/** Reads one DER certificate. `malformed-certificate`: it is none, or bytes follow it. */
export function parseCertificate(der: Uint8Array): Result<Certificate> {
  if (der.length > MAX_CERTIFICATE_BYTES)
    return fail(
      "malformed-certificate",
      `certificate of ${der.length} bytes, at most ${MAX_CERTIFICATE_BYTES} are read`,
    );
  try {
    const asn1 = fromBER(Uint8Array.from(der).buffer);
    if (asn1.offset !== der.length) return fail("malformed-certificate", "certificate is not one whole DER value");
    const certificate = new Certificate({ schema: asn1.result });
    // The outer algorithm and the padding of the signature are not signed: nothing but the signed values may stand there.
    const algorithms = [certificate.signatureAlgorithm, certificate.signature].map((one) => one.toSchema().toBER());
    const isCanonical =
      Buffer.compare(new Uint8Array(algorithms[0]), new Uint8Array(algorithms[1])) === 0 &&
      certificate.signatureValue.valueBlock.unusedBits === 0;
    return isCanonical ? ok(certificate) : fail("malformed-certificate", "the signature fields contradict each other");
  } catch {
    // pkijs and asn1js say "malformed" by throwing.
    return fail("malformed-certificate", "certificate cannot be read");
  }
}

function extension(certificate: Certificate, id: string): Extension | undefined {
  return certificate.extensions?.find((one) => one.extnID === id);
}

/** Bits of keyUsage, most significant first, or undefined when the extension is absent. */
function keyUsage(certificate: Certificate): number | undefined {
  const found = extension(certificate, Oid.keyUsage)?.parsedValue as
    | { valueBlock: { valueHexView: Uint8Array } }
    | undefined;
  return found?.valueBlock.valueHexView[0];
}

function alternativeNames(certificate: Certificate, type: number): GeneralNames["names"] {
  const names = extension(certificate, Oid.subjectAltName)?.parsedValue as Partial<GeneralNames> & {
    altNames?: GeneralNames["names"];
  };
  return (names?.altNames ?? names?.names ?? []).filter((name) => name.type === type);
}

/** URIs of the subject alternative name. */
export function alternativeUris(certificate: Certificate): string[] {
  return alternativeNames(certificate, 6).map((name) => String(name.value));
}

/** DNS names of the subject alternative name. */
export function alternativeHosts(certificate: Certificate): string[] {
  return alternativeNames(certificate, 2).map((name) => String(name.value));
}

/** The common name of a subject, or its first attribute. */
export function subjectName(certificate: Certificate): string {
  const values = certificate.subject.typesAndValues;
  const named = values.find((value) => value.type === "2.5.4.3") ?? values[0];
  return named ? String((named.value as { valueBlock: { value: unknown } }).valueBlock.value) : "";
}

/** Extensions: none twice, none critical and unknown. */
function checkExtensions(certificate: Certificate): Result<undefined> {
  const seen = new Set<string>();
  for (const one of certificate.extensions ?? []) {
    if (seen.has(one.extnID)) return fail("malformed-certificate", `extension ${one.extnID} appears twice`);
    seen.add(one.extnID);
    if (one.critical && !understood.has(one.extnID))
      return fail("unknown-critical-extension", `critical extension ${one.extnID} is not understood`);
    if (understood.has(one.extnID) && (one.parsedValue === undefined || one.parsedValue === null))
      return fail("malformed-certificate", `extension ${one.extnID} cannot be read`);
  }
  return ok(undefined);
}

/** What a certificate's key is to do: sign messages, or open what others encrypt with it. */
export type CertificateUse = "signature" | "encryption";

/** What an end-entity certificate must and must not say. */
function checkLeaf(leaf: Certificate, use: CertificateUse): Result<undefined> {
  const basic = extension(leaf, Oid.basicConstraints)?.parsedValue;
  if (basic instanceof BasicConstraints && basic.cA)
    return fail("bad-key-usage", "the certificate is an authority's, not a person's");
  const usage = keyUsage(leaf);
  if (use === "signature" && usage !== undefined && (usage & 0x80) === 0)
    return fail("bad-key-usage", "the certificate's key usage does not allow digital signatures");
  if (use === "encryption" && usage !== undefined && (usage & 0x20) === 0)
    return fail("bad-key-usage", "the certificate's key usage does not allow encrypting keys");
  const extended = extension(leaf, Oid.extendedKeyUsage)?.parsedValue as ExtKeyUsage | undefined;
  if (extended && !extended.keyPurposes.some((purpose) => fittingUsages.has(purpose)))
    return fail("bad-key-usage", "the certificate's extended key usage does not fit");
  return ok(undefined);
}

/** What every authority of the path must say; `below` counts the intermediate authorities under it. */
function checkAuthority(authority: Certificate, below: number): Result<undefined> {
  const basic = extension(authority, Oid.basicConstraints)?.parsedValue;
  if (!(basic instanceof BasicConstraints) || !basic.cA)
    return fail("bad-certificate-path", `${subjectName(authority)} is not an authority but signed a certificate`);
  const usage = keyUsage(authority);
  if (usage !== undefined && (usage & 0x04) === 0)
    return fail("bad-certificate-path", `${subjectName(authority)} may not sign certificates`);
  const limit = basic.pathLenConstraint;
  if (limit !== undefined) {
    const most = typeof limit === "number" ? limit : Number.MAX_SAFE_INTEGER;
    if (below > most)
      return fail("bad-certificate-path", `${subjectName(authority)} allows ${most} authorities below it`);
  }
  const constraints = extension(authority, Oid.nameConstraints)?.parsedValue as NameConstraints | undefined;
  const subtrees = [...(constraints?.permittedSubtrees ?? []), ...(constraints?.excludedSubtrees ?? [])];
  // pkijs splits URIs at slashes; a SIP URI has none, so an excluded host would slip through. Nothing unchecked is let in.
  if (subtrees.some((subtree) => subtree.base.type === 6))
    return fail("bad-certificate-path", `${subjectName(authority)} constrains URIs, which is not supported`);
  return ok(undefined);
}

/** Key and signature strength of one certificate. */
function checkStrength(certificate: Certificate, isAnchor: boolean): Result<undefined> {
  if (!isAnchor && !strongSignatures.has(certificate.signatureAlgorithm.algorithmId))
    return fail(
      "weak-certificate",
      `signature algorithm ${certificate.signatureAlgorithm.algorithmId} is not accepted`,
    );
  const key = certificate.subjectPublicKeyInfo.parsedKey as { modulus?: { valueBlock: { valueHexView: Uint8Array } } };
  const modulus = key?.modulus?.valueBlock.valueHexView;
  if (modulus) {
    const first = modulus.findIndex((byte) => byte !== 0);
    const bits = first < 0 ? 0 : (modulus.length - first) * 8 - Math.clz32(modulus[first]) + 24;
    if (bits < 2048) return fail("weak-certificate", `RSA key of ${bits} bits, at least 2048 are needed`);
  }
  return ok(undefined);
}

function checkDates(certificate: Certificate, atMs: number): Result<undefined> {
  const name = subjectName(certificate);
  if (certificate.notAfter.value.getTime() < atMs)
    return fail("certificate-expired", `the certificate of ${name} ended ${certificate.notAfter.value.toISOString()}`);
  if (certificate.notBefore.value.getTime() > atMs)
    return fail(
      "certificate-not-yet-valid",
      `the certificate of ${name} begins ${certificate.notBefore.value.toISOString()}`,
    );
  return ok(undefined);
}

/**
 * Puts the chain in order by names, leaf first, anchor last. The order decides everything later, so what an attacker sends
 * can neither branch nor loop: each certificate is used once and each link costs one signature check.
 */
function orderPath(chain: readonly Certificate[], anchors: readonly Certificate[]): Certificate[] | undefined {
  const path = [chain[0]];
  const rest = chain.slice(1);
  for (;;) {
    const last = path[path.length - 1];
    const anchor = anchors.find((one) => one.subject.isEqual(last.issuer) && matchesKeyIdentifier(last, one));
    if (anchor) return [...path, anchor];
    const at = rest.findIndex((one) => one.subject.isEqual(last.issuer));
    if (at < 0) return undefined;
    path.push(...rest.splice(at, 1));
  }
}

/** Two anchors may share a name (a renewed authority): the authority key identifier tells them apart. */
function matchesKeyIdentifier(certificate: Certificate, anchor: Certificate): boolean {
  const wanted = (
    extension(certificate, "2.5.29.35")?.parsedValue as { keyIdentifier?: { valueBlock: { valueHexView: Uint8Array } } }
  )?.keyIdentifier?.valueBlock.valueHexView;
  const has = (extension(anchor, "2.5.29.14")?.parsedValue as { valueBlock?: { valueHexView?: Uint8Array } })
    ?.valueBlock?.valueHexView;
  return !wanted || !has || Buffer.compare(wanted, has) === 0;
}

/**
 * Validates a chain at a time.
 * @param chain the end-entity certificate first, then intermediates in any order.
 * @param anchors trusted authorities.
 * @returns the path, leaf first, anchor last; or `unknown-ca`, `certificate-expired`, `certificate-not-yet-valid`,
 * `bad-key-usage`, `bad-certificate-path`, `unknown-critical-extension`, `weak-certificate`, `malformed-certificate`.
 */
export async function validatePath(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
  atMs: number,
  use: CertificateUse = "signature",
): Promise<Result<readonly Certificate[]>> {
  if (chain.length === 0 || chain.length > MAX_CHAIN)
    return fail("malformed-certificate", `a chain has 1 to ${MAX_CHAIN} certificates, not ${chain.length}`);
  const path = orderPath(chain, anchors);
  if (!path) return fail("unknown-ca", `no trusted authority vouches for ${subjectName(chain[0])}`);
  for (const [i, certificate] of path.entries()) {
    const isAnchor = i === path.length - 1;
    for (const check of [
      checkExtensions(certificate),
      checkDates(certificate, atMs),
      checkStrength(certificate, isAnchor),
      i === 0 ? checkLeaf(certificate, use) : checkAuthority(certificate, i - 1),
    ])
      if (!check.ok) return check;
  }
  // Each issuer is known: pkijs verifies the signatures, names, policies and name constraints along this one path.
  const issuers = new Map(path.slice(0, -1).map((certificate, i) => [certificate, path[i + 1]]));
  const anchor = path[path.length - 1];
  const validation = new CertificateChainValidationEngine({
    trustedCerts: [anchor],
    certs: path.slice(0, -1).reverse(),
    checkDate: new Date(atMs),
    findIssuer: async (certificate) => {
      const issuer = issuers.get(certificate);
      return issuer && (await certificate.verify(issuer, engine)) ? [issuer] : [];
    },
  });
  try {
    const verdict = await validation.verify({}, engine);
    if (verdict.result) return ok(path);
    return fail(
      verdict.resultCode === -1 ? "unknown-ca" : "bad-certificate-path",
      `path refused: ${verdict.resultMessage}`,
    );
  } catch {
    return fail("bad-certificate-path", "path cannot be checked");
  }
}
