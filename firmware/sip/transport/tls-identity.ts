// Whom a certificate speaks for: the identity of SIP servers and of people (RFC 5922 section 7, RFC 5280; thesis section 3.3.1).

import type { X509Certificate } from "node:crypto";
import { alternativeHosts, alternativeUris, parseCertificate } from "../../crypto/certificate-path.js";
import { parseSipIdentity, sameSipIdentity } from "../../crypto/sip-identity.js";
import type { SipAddress } from "../contract.js";
import { canonicalHost, isNumeric } from "../grammar/index.js";

/** The SIP URIs of a certificate's subjectAltName; empty when it cannot be read. */
export function sipIdentities(der: Uint8Array): readonly string[] {
  const parsed = parseCertificate(der);
  return parsed.ok ? alternativeUris(parsed.value).filter((uri) => parseSipIdentity(uri) !== undefined) : [];
}

/**
 * The SIP domains a certificate speaks for (RFC 5922 section 7.1): URIs without a user; only where there are none, its DNS names. Never the
 * common name.
 */
export function sipDomains(der: Uint8Array): readonly string[] {
  const parsed = parseCertificate(der);
  if (!parsed.ok) return [];
  const domains = alternativeUris(parsed.value).flatMap((uri) => {
    const identity = parseSipIdentity(uri);
    return identity?.scheme === "sip" && identity.user === "" ? [identity.host] : [];
  });
  return domains.length > 0 ? domains : alternativeHosts(parsed.value);
}

/**
 * Undefined when the certificate, whose path is already verified, is that of the server `to` names; else why not. Names are compared whole
 * and without case: a wildcard matches nothing (section 7.2). Beyond the RFC, where the address is a person's: a certificate for exactly
 * that person's URI will do, and where it is numeric, one for that address.
 */
export function identityProblem(
  certificate: Pick<X509Certificate, "raw" | "checkIP">,
  to: SipAddress,
): string | undefined {
  const wanted = to.name ?? to.host;
  const person = to.person;
  const uris = sipIdentities(certificate.raw);
  if (person !== undefined && uris.some((uri) => parseSipIdentity(uri)?.user !== "" && sameSipIdentity(uri, person)))
    return undefined;
  const domains = sipDomains(certificate.raw);
  if (domains.some((domain) => canonicalHost(domain) === canonicalHost(wanted) && !domain.includes("*")))
    return undefined;
  if (isNumeric(wanted) && certificate.checkIP(canonicalHost(wanted)) !== undefined) return undefined;
  const found = [...uris, ...domains.filter((domain) => !uris.some((uri) => parseSipIdentity(uri)?.host === domain))];
  return `the certificate is for ${found.slice(0, 3).join(", ") || "nobody that SIP knows"}, not for ${wanted}`;
}

/** Whether what the other end of a connection proved lets requests for `to` go over it. */
export function identitiesCover(identities: readonly string[], to: SipAddress): boolean {
  return identities.some((uri) => {
    const identity = parseSipIdentity(uri);
    if (!identity) return false;
    if (identity.user !== "") return to.person !== undefined && sameSipIdentity(uri, to.person);
    return canonicalHost(identity.host) === canonicalHost(to.name ?? to.host);
  });
}
