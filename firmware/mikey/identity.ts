// Whose ID payload is whose: the order of RFC 3830 section 3 decides (IDi before IDr in offers, IDr before IDi in answers).

import { sameSipIdentity, sipIdentity } from "../crypto/sip-identity.js";
import { remembering } from "../runtime/remembering.js";
import { ok } from "../runtime/result.js";
import { sameBytes } from "./bytes.js";
import { type MikeyResult, refuse } from "./errors.js";
import type { ParsedMessage } from "./message.js";
import { CertificateType, IdType } from "./numbers.js";
import type { CertificatePayload, IdPayload } from "./payloads/index.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false });

/** Most characters of an identity that an error text repeats. */
const SHOWN = 80;

/** The ID payload for a SIP URI: `scheme:user@host`, type URI; not to be changed. Throws TypeError for anything else. */
export const idPayload: (uri: string) => IdPayload = remembering((uri) => {
  const identity = sipIdentity(uri);
  if (identity === undefined) throw new TypeError(`not a SIP URI: ${uri}`);
  return { kind: "id", type: IdType.uri, data: encoder.encode(identity) };
});

/** What an ID payload says, as a SIP URI; a NAI (`user@realm`) is read as the SIP identity of that name. */
export function identityText(id: IdPayload): string {
  const text = decoder.decode(id.data);
  return id.type === IdType.nai ? `sip:${text}` : text;
}

/** Checks that an ID names whom we expect. */
export function checkIdentity(id: IdPayload | undefined, expectedUri: string, role: string): MikeyResult<undefined> {
  if (!id) return refuse("missing-identity", `the message does not name its ${role}`);
  // As we would write it ourselves: there is nothing to read.
  if (id.type === IdType.uri && sipIdentity(expectedUri) && sameBytes(id.data, idPayload(expectedUri).data))
    return ok(undefined);
  if (id.type !== IdType.uri && id.type !== IdType.nai)
    return refuse("identity-mismatch", `the ${role}'s ID type ${id.type} is not known`);
  const text = identityText(id);
  if (sameSipIdentity(text, expectedUri)) return ok(undefined);
  const shown = text.replace(/[^\x21-\x7e]/g, "?").slice(0, SHOWN);
  return refuse("identity-mismatch", `the message names ${shown} as its ${role}, expected ${expectedUri}`);
}

/** Identities and certificates of an offer. */
export interface OfferNames {
  readonly initiator: IdPayload | undefined;
  readonly responder: IdPayload | undefined;
  readonly certificates: readonly CertificatePayload[];
}

/**
 * Sorts `[IDi|CERTi], [IDr]`: of two IDs the first is the initiator's; a single one behind a certificate is the
 * responder's (the certificate stands for IDi), otherwise the initiator's.
 */
export function offerNames(message: ParsedMessage): MikeyResult<OfferNames> {
  const named = message.payloads.filter((payload) => payload.kind === "id" || payload.kind === "certificate");
  const ids = named.filter((payload): payload is IdPayload => payload.kind === "id");
  const certificates = named.filter((payload): payload is CertificatePayload => payload.kind === "certificate");
  if (ids.length > 2) return refuse("malformed-message", `${ids.length} identities in one message`);
  if (ids.length === 1 && named[0].kind === "certificate")
    return ok({ initiator: undefined, responder: ids[0], certificates });
  return ok({ initiator: ids[0], responder: ids[1], certificates });
}

/** Sorts `[IDr|CERTr], IDi` of a Diffie-Hellman answer: the last ID is the initiator's. */
export function answerNames(message: ParsedMessage): MikeyResult<OfferNames> {
  const ids = message.payloads.filter((payload): payload is IdPayload => payload.kind === "id");
  const certificates = message.payloads.filter(
    (payload): payload is CertificatePayload => payload.kind === "certificate",
  );
  if (ids.length > 2) return refuse("malformed-message", `${ids.length} identities in one message`);
  return ok({ initiator: ids[ids.length - 1], responder: ids.length === 2 ? ids[0] : undefined, certificates });
}

/** The DER certificates of a chain, the signer's first. URLs are recognised and not followed. */
export function chainOf(certificates: readonly CertificatePayload[]): MikeyResult<readonly Uint8Array[]> {
  if (certificates.length === 0) return refuse("missing-certificate", "the message brings no certificate");
  for (const { type } of certificates) {
    if (type === CertificateType.x509Url)
      return refuse("unsupported-certificate", "certificates named by URL are not fetched");
    if (type !== CertificateType.x509 && type !== CertificateType.x509Sign && type !== CertificateType.x509Encrypt)
      return refuse("unsupported-certificate", `certificate type ${type} is not known`);
  }
  const usable = certificates.filter(({ type }) => type !== CertificateType.x509Encrypt);
  if (usable.length === 0)
    return refuse("unsupported-certificate", "the certificate serves for encryption, not for signatures");
  return ok(usable.map((certificate) => certificate.data));
}
