// Making certificates: an authority of one's own, intermediates, and end-entity certificates for SIP URIs.

import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import { BitString, fromBER, Integer, OctetString, Utf8String } from "asn1js";
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  PublicKeyInfo,
} from "pkijs";
import { parseSipIdentity } from "./sip-identity.js";

const engine = new CryptoEngine({ name: "node", crypto: webcrypto, subtle: webcrypto.subtle });

/** Kinds of keys: RSA with 2048 bits, ECDSA on P-256, Ed25519. Authorities are RSA or P-256. */
export type IssuedKeyType = "rsa" | "p256" | "ed25519";

/** How a private key signs certificates, for webcrypto. */
const signing = {
  rsa: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  ec: { name: "ECDSA", namedCurve: "P-256" },
} as const;

function makeKeyPair(type: IssuedKeyType): { publicKey: KeyObject; privateKey: KeyObject } {
  if (type === "rsa") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  return type === "p256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
}

/** Bits of the keyUsage extension (RFC 5280 section 4.2.1.3), in the first byte. */
const usageBits = { digitalSignature: 0x80, keyEncipherment: 0x20, keyCertSign: 0x04, cRLSign: 0x02 } as const;

/** Uses a key may be put to. */
export type KeyUsage = keyof typeof usageBits;

/** First and last moment of validity, wall-clock ms since 1970 (certificates count whole seconds). */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A certificate, its private key, and the certificates between it and the authority. */
export interface IssuedIdentity {
  /** This certificate alone. */
  readonly certificatePem: string;
  /** This certificate and every intermediate above it, without the root: what is sent to peers. */
  readonly chainPem: string;
  /** PKCS#8. */
  readonly privateKeyPem: string;
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function unpem(text: string): ArrayBuffer {
  const body = /-----BEGIN [A-Z ]+-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1];
  if (!body) throw new TypeError("PEM text expected");
  return Uint8Array.from(Buffer.from(body, "base64")).buffer;
}

interface Request extends Validity {
  readonly commonName: string;
  readonly keyType?: IssuedKeyType;
  readonly isCa: boolean;
  readonly pathLength?: number;
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage?: readonly string[];
  readonly uris: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly issuer?: IssuedIdentity;
  readonly extraExtensions?: readonly { readonly oid: string; readonly critical: boolean; readonly der: Uint8Array }[];
}

/** The issuer's key as webcrypto signs certificates with it. Throws TypeError for a key of another kind. */
async function importSigningKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const type = key.asymmetricKeyType;
  if (type !== "rsa" && type !== "ec") throw new TypeError("an authority's key is RSA or ECDSA");
  const der = key.export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", der, signing[type], false, ["sign"]);
}

function addExtensions(certificate: Certificate, request: Request, own: ArrayBuffer, issuers: ArrayBuffer): void {
  const add = (extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }) =>
    certificate.extensions?.push(new Extension({ extnID, critical, extnValue: value.toBER() }));
  certificate.extensions = [];
  // An absent constraint means none; given as undefined it would be written as 0.
  const { pathLength } = request;
  const limit = pathLength === undefined ? {} : { pathLenConstraint: pathLength };
  const basic = request.isCa ? { cA: true, ...limit } : { cA: false };
  add("2.5.29.19", true, new BasicConstraints(basic).toSchema());
  const bits = request.keyUsage.reduce((sum, usage) => sum | usageBits[usage], 0);
  // DER: a named bit list ends with its last set bit.
  const unusedBits = bits === 0 ? 0 : 31 - Math.clz32(bits & -bits);
  add("2.5.29.15", true, new BitString({ valueHex: Uint8Array.of(bits).buffer, unusedBits }));
  if (request.extendedKeyUsage)
    add("2.5.29.37", false, new ExtKeyUsage({ keyPurposes: [...request.extendedKeyUsage] }).toSchema());
  const names = [
    ...request.uris.map((value) => new GeneralName({ type: 6, value })),
    ...(request.dnsNames ?? []).map((value) => new GeneralName({ type: 2, value })),
  ];
  if (names.length > 0) add("2.5.29.17", false, new GeneralNames({ names }).toSchema());
  add("2.5.29.14", false, new OctetString({ valueHex: own }));
  add(
    "2.5.29.35",
    false,
    new AuthorityKeyIdentifier({ keyIdentifier: new OctetString({ valueHex: issuers }) }).toSchema(),
  );
  for (const { oid, critical, der } of request.extraExtensions ?? [])
    certificate.extensions.push(new Extension({ extnID: oid, critical, extnValue: Uint8Array.from(der).buffer }));
}

async function issue(request: Request): Promise<IssuedIdentity> {
  if (!(request.notBeforeMs < request.notAfterMs)) throw new RangeError("validity must end after it begins");
  const pair = makeKeyPair(request.keyType ?? "rsa");
  const spki = Uint8Array.from(pair.publicKey.export({ type: "spki", format: "der" })).buffer;
  const certificate = new Certificate();
  certificate.version = 2;
  const serial = randomBytes(16);
  serial[0] = (serial[0] & 0x7f) | 0x40;
  certificate.serialNumber = new Integer({ valueHex: Uint8Array.from(serial).buffer });
  const name = new AttributeTypeAndValue({ type: "2.5.4.3", value: new Utf8String({ value: request.commonName }) });
  certificate.subject.typesAndValues.push(name);
  certificate.notBefore.value = new Date(request.notBeforeMs);
  certificate.notAfter.value = new Date(request.notAfterMs);
  certificate.subjectPublicKeyInfo = new PublicKeyInfo({ schema: fromBER(spki).result });
  let signingKey = pair.privateKey;
  const own = await webcrypto.subtle.digest("SHA-1", spki);
  let issuers = own;
  if (request.issuer) {
    const above = new Certificate({ schema: fromBER(unpem(request.issuer.certificatePem)).result });
    certificate.issuer = above.subject;
    signingKey = createPrivateKey(request.issuer.privateKeyPem);
    const info = above.subjectPublicKeyInfo.toSchema().toBER();
    issuers = await webcrypto.subtle.digest("SHA-1", info);
  } else {
    certificate.issuer.typesAndValues.push(name);
  }
  addExtensions(certificate, request, own, issuers);
  await certificate.sign(await importSigningKey(signingKey), "SHA-256", engine);
  const certificatePem = pem("CERTIFICATE", certificate.toSchema(true).toBER());
  const isBelowRoot = request.issuer !== undefined && !isSelfSigned(request.issuer);
  return {
    certificatePem,
    chainPem: certificatePem + (isBelowRoot ? request.issuer?.chainPem : ""),
    privateKeyPem: String(pair.privateKey.export({ type: "pkcs8", format: "pem" })),
  };
}

function isSelfSigned(identity: IssuedIdentity): boolean {
  const certificate = new Certificate({ schema: fromBER(unpem(identity.certificatePem)).result });
  return certificate.issuer.isEqual(certificate.subject);
}

/** Makes a self-signed authority; `pathLength`: how many authorities may stand below it, without it any number. Keys and serial numbers come from node's generator. */
export function createAuthority(
  request: Validity & { commonName: string; pathLength?: number; keyType?: "rsa" | "p256" },
): Promise<IssuedIdentity> {
  return issue({ ...request, isCa: true, keyUsage: ["keyCertSign", "cRLSign"], uris: [] });
}

/** Makes an authority below another. */
export function createIntermediate(
  issuer: IssuedIdentity,
  request: Validity & { commonName: string; pathLength?: number; keyType?: "rsa" | "p256" },
): Promise<IssuedIdentity> {
  return issue({ ...request, issuer, isCa: true, keyUsage: ["keyCertSign", "cRLSign"], uris: [] });
}

/** What an end-entity certificate says. */
export interface IdentityRequest extends Validity {
  /** `sip:user@host`; becomes the subjectAltName URI. Throws TypeError when it is no SIP URI. */
  readonly uri: string;
  /** Default: the URI. */
  readonly commonName?: string;
  /** Default `rsa`. Only RSA keys can open MIKEY's envelopes (public-key encryption, RSA-R). */
  readonly keyType?: IssuedKeyType;
  /** Default `digitalSignature`: what MIKEY's signed Diffie-Hellman needs. Envelopes need `keyEncipherment` as well. */
  readonly keyUsage?: readonly KeyUsage[];
  /** OIDs; default none, which allows every purpose (no registered purpose means "signs key agreements"). */
  readonly extendedKeyUsage?: readonly string[];
  /** Further extensions, DER of their values. */
  readonly extraExtensions?: readonly { readonly oid: string; readonly critical: boolean; readonly der: Uint8Array }[];
}

/** Makes an end-entity certificate for a SIP URI, signed with SHA-256. */
export async function issueIdentity(issuer: IssuedIdentity, request: IdentityRequest): Promise<IssuedIdentity> {
  if (!parseSipIdentity(request.uri)) throw new TypeError(`not a SIP URI: ${request.uri}`);
  return issue({
    ...request,
    issuer,
    isCa: false,
    commonName: request.commonName ?? request.uri,
    keyUsage: request.keyUsage ?? ["digitalSignature"],
    uris: [request.uri],
  });
}

/** What the certificate of a SIP server says (RFC 5922 section 7.1). */
export interface ServerRequest extends Validity {
  /** Not looked at by who follows RFC 5922; default the first name. */
  readonly commonName?: string;
  /** `sip:example.com`: the domains it serves; become subjectAltName URIs. */
  readonly uris?: readonly string[];
  /** Names of domain or host; become subjectAltName DNS names. */
  readonly dnsNames?: readonly string[];
}

/** Makes an RSA-2048 certificate for a TLS server or client that speaks for a domain, signed with SHA-256. */
export async function issueServer(issuer: IssuedIdentity, request: ServerRequest): Promise<IssuedIdentity> {
  const { uris = [], dnsNames = [] } = request;
  return issue({
    ...request,
    issuer,
    isCa: false,
    commonName: request.commonName ?? dnsNames[0] ?? uris[0] ?? "SIP server",
    keyUsage: ["digitalSignature", "keyEncipherment"],
    uris,
    dnsNames,
  });
}
