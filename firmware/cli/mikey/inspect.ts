// `sotto mikey inspect`: what a message or an exchange says, and what the keys at hand prove and open.

import { type KeyObject, X509Certificate } from "node:crypto";
import type { TrustStore } from "../../crypto/certificates.js";
import {
  type AgreedKey,
  acceptPolicies,
  computeMac,
  covered,
  DataType,
  type Dialect,
  deriveSessions,
  deriveTransportKeys,
  ExtensionType,
  identityText,
  MAC_BYTES,
  MapType,
  macsEqual,
  mikeySuites,
  openEnvelopePayloads,
  openKeyData,
  type ParsedMessage,
  PayloadType,
  parseCsbId,
  parseMessage,
  payloadsOf,
  prfOf,
  readKeyData,
  rfc3830Signatures,
  strongSignatures,
  type TransportKeys,
} from "../../mikey/index.js";
import { type Explained, explain, explainPayloads } from "./explain.js";

/** What is at hand. */
export interface InspectKeys {
  readonly psk?: Uint8Array;
  /** Private keys that envelopes may be addressed to. */
  readonly privateKeys: readonly KeyObject[];
  /** DER of certificates of signers who send none. */
  readonly certificates: readonly Uint8Array[];
  readonly trust?: TrustStore;
  readonly compat?: Dialect;
  /** Wall-clock ms for the validity of certificates. */
  readonly nowMs: number;
}

/** One thing checked. `undefined`: nothing at hand can tell. */
export interface Check {
  readonly what: string;
  readonly result: boolean | undefined;
  readonly text: string;
}

/** Keys of a crypto session, hexadecimal. */
export interface SessionReport {
  readonly csId: number;
  readonly ssrc: string;
  readonly suite: string;
  readonly tek: string;
  readonly salt: string;
  readonly mki?: string;
}

/** What became of a message. */
export interface Inspection {
  readonly bytes: number;
  readonly explained: Explained;
  readonly checks: readonly Check[];
  /** The decrypted contents of its KEMAC. */
  readonly inside?: Explained;
  /** Hexadecimal. */
  readonly keys: readonly { readonly kind: string; readonly key: string; readonly salt?: string }[];
  readonly sessions: readonly SessionReport[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What came before a message. */
interface Before {
  /** The offer it answers; none when it is an offer itself. */
  readonly offer?: ParsedMessage | undefined;
  /** The bundle's first message and the answer to it: updates have neither RAND nor, perhaps, policies. */
  readonly first?: ParsedMessage | undefined;
  readonly answer?: ParsedMessage | undefined;
}

/** A group's CSB ID and RAND stand in the answer (RFC 4738 section 3.2). */
function groupOf(message: ParsedMessage | undefined): { csbId: number; rand: Uint8Array | undefined } | undefined {
  const extension = message && payloadsOf(message, "extension").find(({ type }) => type === ExtensionType.csbId);
  const csbId = extension && parseCsbId(extension.data);
  return message && csbId?.ok ? { csbId: csbId.value, rand: payloadsOf(message, "rand")[0]?.rand } : undefined;
}

/** RAND and CSB ID an exchange's transport keys are made with, and the CSB ID of the media keys. */
function contextOf(message: ParsedMessage, { offer, first, answer }: Before) {
  const group = groupOf(message) ?? groupOf(answer);
  const offered = [first, offer, message].map((one) => one && payloadsOf(one, "rand")[0]?.rand).find(Boolean);
  const timestamp = payloadsOf(message, "timestamp")[0];
  const { csbId } = message.header;
  return { rand: group?.rand ?? offered, csbId, mediaCsbId: group?.csbId ?? csbId, timestamp: timestamp?.value };
}

class Inspector {
  readonly checks: Check[] = [];
  readonly keys: AgreedKey[] = [];
  inside: Explained | undefined;
  /** The key of an envelope that may be kept: it proves what updates the bundle. */
  envelopeKey: Uint8Array | undefined;

  constructor(
    private readonly message: ParsedMessage,
    private readonly before: Before,
    private readonly at: InspectKeys,
  ) {}

  private get offer(): ParsedMessage | undefined {
    return this.before.offer;
  }

  async run(): Promise<void> {
    const { dataType } = this.message.header;
    await this.signature();
    if (dataType === DataType.psk || dataType === DataType.dhHmacInit || dataType === DataType.dhHmacResponse)
      this.sharedKeyMac();
    if (payloadsOf(this.message, "pke").length > 0) this.envelope(this.message, true);
    this.verification();
  }

  private say(what: string, result: boolean | undefined, text: string): void {
    this.checks.push({ what, result, text });
  }

  private transportKeys(): TransportKeys | undefined {
    const { rand, csbId } = contextOf(this.message, this.before);
    const { psk, compat } = this.at;
    return psk && rand ? deriveTransportKeys(psk, csbId, rand, prfOf(compat)) : undefined;
  }

  /** MAC of the whole message, and the key data under the shared key. */
  private sharedKeyMac(): void {
    const [kemac] = payloadsOf(this.message, "kemac");
    if (!kemac) return;
    const keys = this.transportKeys();
    if (kemac.macAlgorithm === 0) this.say("MAC", undefined, "none: the message proves nothing");
    else if (!keys) this.say("MAC", undefined, "the shared key (--psk) is needed, and the offer's RAND");
    else {
      const isRight = macsEqual(computeMac(keys.authentication, covered(this.message.bytes, MAC_BYTES)), kemac.mac);
      this.say("MAC", isRight, isRight ? "fits the shared key" : "does not fit the shared key");
      if (!isRight) return;
    }
    if (kemac.data.length === 0) return;
    if (kemac.encryption !== 0 && !keys) return;
    const { csbId, timestamp } = contextOf(this.message, this.before);
    const plain = openKeyData(kemac.encryption, keys ?? emptyKeys, csbId, timestamp ?? new Uint8Array(8), kemac.data);
    this.open(plain.ok ? plain.value : undefined, false);
  }

  private open(plain: Uint8Array | undefined, wantsIdentity: boolean): void {
    if (!plain) return this.say("key data", false, "cannot be decrypted");
    this.inside = explainPayloads(plain, wantsIdentity ? PayloadType.id : PayloadType.keyData);
    const read = readKeyData(plain, wantsIdentity);
    if (!read.ok) return this.say("key data", false, read.error.text);
    if (read.value.identity) this.say("identity inside", true, identityText(read.value.identity));
    this.keys.push(...read.value.keys);
  }

  private envelope(message: ParsedMessage, tell: boolean): TransportKeys | undefined {
    const [kemac] = payloadsOf(message, "kemac");
    const [pke] = payloadsOf(message, "pke");
    const { rand, csbId, timestamp } = contextOf(message, this.before);
    if (!kemac || !pke || !rand || !timestamp) {
      if (tell) this.say("envelope", undefined, "the offer's RAND is needed: give offer and answer");
      return undefined;
    }
    if (this.at.privateKeys.length === 0) {
      if (tell) this.say("envelope", undefined, "the receiver's private key (--key) is needed");
      return undefined;
    }
    const context = { csbId, rand, timestamp, compat: this.at.compat };
    for (const padding of ["pkcs1", "oaep"] as const)
      for (const key of this.at.privateKeys) {
        const opened = openEnvelopePayloads(key, kemac, pke, context, { padding });
        if (!opened.ok) continue;
        const { identity, keys, transport, envelope } = opened.value;
        if (tell) {
          this.envelopeKey = envelope?.key;
          this.say("envelope", true, `opened (RSA ${padding === "pkcs1" ? "PKCS#1 v1.5" : "OAEP"}), its MAC fits`);
          this.say("identity inside", true, identityText(identity));
          this.keys.push(...keys);
          const plain = openKeyData(kemac.encryption, transport, csbId, timestamp, kemac.data);
          if (plain.ok) this.inside = explainPayloads(plain.value, PayloadType.id);
        }
        return transport;
      }
    if (tell) this.say("envelope", false, "not for this private key, or changed");
    return undefined;
  }

  /** V of an answer: under the shared key, or the key of the offer's envelope. */
  private verification(): void {
    const [v] = payloadsOf(this.message, "verification");
    if (!v) return;
    const { offer } = this;
    if (!offer) return this.say("V", undefined, "the offer is needed: its RAND, timestamp and identities");
    const isEnvelope = payloadsOf(offer, "pke").length > 0;
    const keys = isEnvelope ? this.envelope(offer, false) : this.transportKeys();
    if (!keys)
      return this.say("V", undefined, isEnvelope ? "the responder's private key (--key) is needed" : "--psk is needed");
    const [t] = payloadsOf(offer, "timestamp");
    const ids = this.identities(offer);
    const also = this.at.compat ? [t.value] : [...ids, t.value];
    const isRight = macsEqual(computeMac(keys.authentication, covered(this.message.bytes, MAC_BYTES), ...also), v.mac);
    this.say("V", isRight, isRight ? "fits the offer and the key" : "does not fit");
  }

  /** IDi and IDr as they were transported. */
  private identities(offer: ParsedMessage): Uint8Array[] {
    const ids = payloadsOf(offer, "id");
    const answered = payloadsOf(this.message, "id");
    const isSingle = ids.length === 1 && payloadsOf(offer, "certificate").length > 0;
    const inside = isSingle ? this.insideOf(offer) : undefined;
    const initiator = inside ?? ids[0]?.data;
    const responder = answered[0]?.data ?? (isSingle ? ids[0] : ids[1])?.data;
    return [initiator, responder].filter((one) => one !== undefined);
  }

  private insideOf(offer: ParsedMessage): Uint8Array | undefined {
    const inspector = new Inspector(offer, { first: this.before.first }, this.at);
    inspector.envelope(offer, true);
    const said = inspector.checks.find((one) => one.what === "identity inside");
    return said && new TextEncoder().encode(said.text);
  }

  private async signature(): Promise<void> {
    const [sign] = payloadsOf(this.message, "sign");
    if (!sign) return;
    const algorithm = [...rfc3830Signatures, ...strongSignatures].find((one) => one.type === sign.type);
    if (!algorithm) return this.say("signature", false, `type ${sign.type} is not known`);
    const sent = payloadsOf(this.message, "certificate").filter((one) => one.type !== 1);
    const chain = sent.map((one) => one.data);
    const candidates = chain.length > 0 ? [chain[0]] : this.at.certificates;
    if (candidates.length === 0)
      return this.say("signature", undefined, "no certificate in the message; the signer's (--cert) is needed");
    const data = this.signedData(sign.signature.length);
    if (!data) return this.say("signature", undefined, "the offer is needed: the signature covers its identities");
    for (const der of candidates) {
      const certificate = readCertificate(der);
      if (!certificate || !(await algorithm.verify(data, certificate.publicKey, sign.signature))) continue;
      this.say("signature", true, `${algorithm.name}, by ${certificate.subject.replaceAll("\n", ", ")}`);
      await this.path(chain.length > 0 ? chain : [der], certificate);
      return;
    }
    this.say("signature", false, `${algorithm.name}: does not verify`);
  }

  /** What SIGN covers: the message, and in an RSA-R answer IDi || IDr || T behind it. */
  private signedData(length: number): Uint8Array | undefined {
    const { message, offer } = this;
    const data = covered(message.bytes, length);
    if (message.header.dataType !== DataType.rsaRResponse) return data;
    const [responder] = payloadsOf(message, "id");
    const [t] = payloadsOf(message, "timestamp");
    const initiator = offer && payloadsOf(offer, "id")[0];
    if (!responder || !t) return undefined;
    if (this.at.compat) return Buffer.concat([data, responder.data, t.value]);
    return initiator && Buffer.concat([data, initiator.data, responder.data, t.value]);
  }

  private async path(chain: readonly Uint8Array[], certificate: X509Certificate): Promise<void> {
    const { trust, nowMs } = this.at;
    const uri = /URI:(sips?:[^,\s]+)/.exec(certificate.subjectAltName ?? "")?.[1] ?? "";
    if (!trust) return this.say("certificate", undefined, "nobody vouches for it here (--ca)");
    const verified = await trust.verify(chain, uri, nowMs);
    this.say(
      "certificate",
      verified.ok,
      verified.ok ? `for ${verified.value.uri}, issued by ${verified.value.ca}` : verified.error.text,
    );
  }
}

const emptyKeys: TransportKeys = {
  encryption: new Uint8Array(16),
  salt: new Uint8Array(14),
  authentication: new Uint8Array(20),
};

function readCertificate(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

/** What the messages say is shown, whatever it is worth. */
const anyProtection = { unencryptedRtp: true, unencryptedRtcp: true, unauthenticatedRtp: true };

/** Keys of the sessions, where the message or its offer names policies. */
function sessionsOf(
  message: ParsedMessage,
  before: Before,
  keys: readonly AgreedKey[],
  compat: Dialect | undefined,
): SessionReport[] {
  const { rand, mediaCsbId: csbId } = contextOf(message, before);
  if (keys.length === 0 || !rand || message.header.mapType !== MapType.srtpId) return [];
  const said = [message, before.offer, before.answer, before.first].map((one) =>
    one ? payloadsOf(one, "policy") : [],
  );
  const policies = said.find((list) => list.length > 0) ?? [];
  const chosen = acceptPolicies(message.header, policies, mikeySuites, true, anyProtection);
  if (!chosen.ok) return [];
  const { sessions } = message.header;
  const uses = chosen.value.map(({ use }) => use);
  const derived = deriveSessions({ keys, csbId, rand, prf: prfOf(compat) }, sessions, uses, () => true);
  if (!derived.ok) return [];
  return derived.value.map((one) => ({
    csId: one.csId,
    ssrc: one.ssrc.toString(16).padStart(8, "0"),
    suite: one.suite,
    tek: hex(one.tek),
    salt: hex(one.salt),
    ...(one.mki ? { mki: hex(one.mki) } : {}),
  }));
}

const offerTypes: ReadonlySet<number> = new Set([
  DataType.psk,
  DataType.publicKey,
  DataType.dhInit,
  DataType.dhHmacInit,
  DataType.rsaRInit,
]);

/**
 * Inspects an offer, or an offer and its answer, and updates of the bundle with their answers, in this order. Never throws for what the
 * messages say.
 */
export async function inspectMessages(
  messages: readonly Uint8Array[],
  at: InspectKeys,
): Promise<readonly Inspection[]> {
  const done: Inspection[] = [];
  let before: Before = {};
  let secret = at.psk;
  let carried: readonly AgreedKey[] = [];
  for (const bytes of messages) {
    const parsed = parseMessage(bytes);
    const explained = explain(bytes);
    if (!parsed.ok) {
      done.push({ bytes: bytes.length, explained, checks: [], keys: [], sessions: [] });
      continue;
    }
    const message = parsed.value;
    const isOffer = offerTypes.has(message.header.dataType);
    if (isOffer) before = { ...before, offer: undefined };
    const inspector = new Inspector(message, before, { ...at, ...(secret ? { psk: secret } : {}) });
    await inspector.run();
    // The answer's CS ID map has every SSRC: the offer's keys are shown with it too.
    const keys = inspector.keys.length > 0 ? inspector.keys : carried;
    done.push({
      bytes: bytes.length,
      explained,
      checks: inspector.checks,
      ...(inspector.inside ? { inside: inspector.inside } : {}),
      keys: inspector.keys.map(({ kind, key, salt }) => ({
        kind: kind.toUpperCase(),
        key: hex(key),
        ...(salt ? { salt: hex(salt) } : {}),
      })),
      sessions: sessionsOf(message, before, keys, at.compat),
    });
    carried = keys;
    secret ??= inspector.envelopeKey;
    if (isOffer) before = { ...before, first: before.first ?? message, offer: message };
    else before = { ...before, answer: before.answer ?? message };
  }
  return done;
}
