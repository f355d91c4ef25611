// Signed Diffie-Hellman method (RFC 3830 section 3.3), group OAKLEY 5.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { alternativeUris, parseCertificate } from "../../crypto/certificate-path.js";
import { certificatesFromPem, type VerifiedCertificate } from "../../crypto/certificates.js";
import { type DhKeyPair, isOakley5PublicValue } from "../../crypto/dh.js";
import { sameSipIdentity, sipIdentity } from "../../crypto/sip-identity.js";
import { ok, type Result } from "../../runtime/result.js";
import { sameBytes } from "../bytes.js";
import type { AgreedKey } from "../crypto-sessions.js";
import { adopt, type MikeyResult, refuse } from "../errors.js";
import { answerNames, chainOf, checkIdentity, idPayload, offerNames } from "../identity.js";
import { type Message, type ParsedMessage, payloadsOf, printMessage } from "../message.js";
import { CertificateType, DataType, DhGroup } from "../numbers.js";
import type { CertificatePayload, DhPayload, IdPayload, Payload, SignPayload } from "../payloads/index.js";
import { rsaPkcs1Sha1, type SignatureAlgorithm } from "../signature.js";
import { covered } from "../transport.js";
import {
  type AuthenticOffer,
  allowOnly,
  closing,
  type MikeyMethod,
  type OfferFrame,
  type OpenOffer,
  type PeerProof,
  type ReceivedFrame,
  single,
} from "./method.js";

/** Who vouches for certificates; a `TrustStore` is one. */
export interface CertificateVerifier {
  verify(chain: readonly Uint8Array[], uri: string, atMs: number): Promise<Result<VerifiedCertificate>>;
}

export interface DhOptions {
  /** Our certificate first, then intermediates. */
  readonly certificateChainPem: string;
  /** PKCS#8 or PKCS#1, not encrypted. */
  readonly privateKeyPem: string;
  readonly trust: CertificateVerifier;
  /** Gives a fresh key pair that nobody else gets; a pool may have made it long before. */
  readonly takeDhKeyPair: () => DhKeyPair | Promise<DhKeyPair>;
  /** How we sign; default {@link rsaPkcs1Sha1}. */
  readonly signature?: SignatureAlgorithm;
  /** What we accept; default only {@link rsaPkcs1Sha1}. */
  readonly accepted?: readonly SignatureAlgorithm[];
}

interface OwnIdentity {
  readonly certificates: readonly CertificatePayload[];
  readonly uris: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly privateKey: KeyObject;
}

function readOwnIdentity(options: DhOptions, signature: SignatureAlgorithm): OwnIdentity {
  const chain = certificatesFromPem(options.certificateChainPem);
  if (chain.length === 0) throw new TypeError("the certificate chain holds no certificate");
  const leaf = parseCertificate(chain[0]);
  if (!leaf.ok) throw new TypeError("our own certificate cannot be read");
  const privateKey = createPrivateKey(options.privateKeyPem);
  if (!new X509Certificate(chain[0]).checkPrivateKey(privateKey))
    throw new TypeError("the private key does not belong to the certificate");
  if (!signature.fits(privateKey)) throw new TypeError(`our key cannot sign with ${signature.name}`);
  return {
    certificates: chain.map((data) => ({ kind: "certificate", type: CertificateType.x509Sign, data })),
    uris: alternativeUris(leaf.value),
    fromMs: leaf.value.notBefore.value.getTime(),
    toMs: leaf.value.notAfter.value.getTime(),
    privateKey,
  };
}

function dhPayload(value: Uint8Array): DhPayload {
  return { kind: "dh", group: DhGroup.oakley5, value, validity: { kind: "none" } };
}

function checkDh(dh: DhPayload): MikeyResult<undefined> {
  if (dh.group !== DhGroup.oakley5)
    return refuse("unsupported-dh-group", `DH group ${dh.group} is not OAKLEY 5, the only one our policy takes`);
  if (dh.validity.kind === "interval")
    return refuse("unsupported-key-data", "keys valid for an interval are not supported");
  if (!isOakley5PublicValue(dh.value)) return refuse("bad-dh-value", "the Diffie-Hellman value is outside the group");
  return ok(undefined);
}

function sameValidity(a: DhPayload, b: DhPayload): boolean {
  if (a.validity.kind === "spi" && b.validity.kind === "spi") return sameBytes(a.validity.spi, b.validity.spi);
  return a.validity.kind === b.validity.kind;
}

function agreed(secret: Uint8Array, initiators: DhPayload): AgreedKey {
  const { validity } = initiators;
  return validity.kind === "spi" ? { tgk: secret, mki: validity.spi } : { tgk: secret };
}

function proofOf(certificate: VerifiedCertificate): PeerProof {
  const { uri, subject, ca, fingerprint, notAfterMs } = certificate;
  return { kind: "certificate", identity: sipIdentity(uri) ?? uri, subject, ca, fingerprint, notAfterMs };
}

/** The two DH values of an answer: ours, echoed, tells which one is the responder's (the order is only recommended). */
function responderValue(answer: ParsedMessage, ours: DhPayload): MikeyResult<DhPayload> {
  const values = payloadsOf(answer, "dh");
  if (values.length !== 2)
    return refuse("malformed-message", `${values.length} Diffie-Hellman values in the answer, 2 are needed`);
  const isOurs = values.map((dh) => dh.group === ours.group && sameBytes(dh.value, ours.value));
  if (!isOurs[0] && !isOurs[1])
    return refuse("response-mismatch", "the answer does not repeat our Diffie-Hellman value");
  if (isOurs[0] && isOurs[1]) return refuse("bad-dh-value", "the answer's Diffie-Hellman value is our own");
  const theirs = values[isOurs[0] ? 1 : 0];
  if (!values.every((dh) => sameValidity(dh, ours)))
    return refuse("response-mismatch", "the answer changes the key's validity");
  const usable = checkDh(theirs);
  return usable.ok ? ok(theirs) : usable;
}

/**
 * The signed Diffie-Hellman method. Throws TypeError when certificate and key cannot be read or do not belong together.
 */
export function createDhMethod(options: DhOptions): MikeyMethod {
  const signature = options.signature ?? rsaPkcs1Sha1;
  const accepted = options.accepted ?? [rsaPkcs1Sha1];
  const own = readOwnIdentity(options, signature);

  /** Writes a message and signs it: everything but the signature's own bytes is covered (section 5.2). */
  async function printSigned(message: Message): Promise<Uint8Array> {
    const length = signature.length(own.privateKey);
    const sign: SignPayload = { kind: "sign", type: signature.type, signature: new Uint8Array(length) };
    const bytes = printMessage({ header: message.header, payloads: [...message.payloads, sign] });
    bytes.set(await signature.sign(covered(bytes, length), own.privateKey), bytes.length - length);
    return bytes;
  }

  /** Whether our certificate can speak for us now: better said here than by the peer's refusal. */
  function checkOwn(localUri: string, nowMs: number): MikeyResult<undefined> {
    if (!own.uris.some((uri) => sameSipIdentity(uri, localUri)))
      return refuse(
        "own-identity-mismatch",
        `our certificate is for ${own.uris[0] ?? "no SIP URI"}, not for ${localUri}`,
      );
    if (nowMs < own.fromMs || nowMs > own.toMs)
      return refuse("own-certificate-expired", "our own certificate is not valid at this time");
    return ok(undefined);
  }

  async function verifySigner(
    message: ParsedMessage,
    sign: SignPayload,
    certificates: readonly CertificatePayload[],
    uri: string,
    nowMs: number,
  ): Promise<MikeyResult<PeerProof>> {
    const algorithm = accepted.find((one) => one.type === sign.type);
    if (!algorithm) return refuse("unsupported-signature", `signature type ${sign.type} is not accepted`);
    const chain = chainOf(certificates);
    if (!chain.ok) return chain;
    const verified = await options.trust.verify(chain.value, uri, nowMs);
    if (!verified.ok) return adopt(verified.error);
    if (!algorithm.fits(verified.value.publicKey))
      return refuse("unsupported-signature", `the certificate's key does not fit ${algorithm.name}`);
    const bytes = covered(message.bytes, sign.signature.length);
    if (!(await algorithm.verify(bytes, verified.value.publicKey, sign.signature)))
      return refuse("bad-signature", "the message's signature does not verify");
    return ok(proofOf(verified.value));
  }

  function openOffer(message: Uint8Array, pair: DhKeyPair, ours: DhPayload, frame: OfferFrame): OpenOffer {
    let isWiped = false;
    return {
      message,
      async finish(answer, nowMs) {
        const allowed = allowOnly(answer, ["timestamp", "id", "certificate", "dh", "sign"]);
        if (!allowed.ok) return allowed;
        const sign = closing(answer, "sign");
        if (!sign.ok) return sign;
        const names = answerNames(answer);
        if (!names.ok) return names;
        const isForUs = checkIdentity(names.value.initiator, frame.localUri, "initiator");
        if (!isForUs.ok) return isForUs;
        if (names.value.responder) {
          const isFromPeer = checkIdentity(names.value.responder, frame.peerUri, "responder");
          if (!isFromPeer.ok) return isFromPeer;
        }
        const theirs = responderValue(answer, ours);
        if (!theirs.ok) return theirs;
        const peer = await verifySigner(answer, sign.value, names.value.certificates, frame.peerUri, nowMs);
        if (!peer.ok) return peer;
        if (isWiped) return refuse("internal-error", "the exchange was given up");
        const secret = pair.secret(theirs.value.value);
        return secret.ok ? ok({ key: agreed(secret.value, ours), peer: peer.value }) : adopt(secret.error);
      },
      // An error message brings no certificate (section 5.1.2), so its signature could not be checked.
      provesError: () => false,
      wipe() {
        isWiped = true;
        pair.wipe();
      },
    };
  }

  function authenticOffer(
    theirs: DhPayload,
    initiator: IdPayload,
    peer: PeerProof,
    frame: ReceivedFrame,
  ): AuthenticOffer {
    return {
      peer,
      async answer(header) {
        const pair = await options.takeDhKeyPair();
        try {
          const secret = pair.secret(theirs.value);
          if (!secret.ok) return adopt(secret.error);
          const ours: DhPayload = { ...theirs, value: pair.publicValue };
          const payloads: Payload[] = [frame.timestamp, ...own.certificates, initiator, ours, theirs];
          return ok({ message: await printSigned({ header, payloads }), key: agreed(secret.value, theirs) });
        } finally {
          pair.wipe();
        }
      },
      // A signature for whoever sends a bad offer would be an invitation (section 5.1.2).
      sealError: (error) => printMessage(error),
      wipe() {},
    };
  }

  return {
    name: "dh",
    label: "MIKEY signed Diffie-Hellman (OAKLEY 5)",
    offerType: DataType.dhInit,
    answerType: DataType.dhResponse,
    proofLength(offer) {
      const sign = closing(offer, "sign");
      return sign.ok ? ok(sign.value.signature.length) : sign;
    },
    async offer(frame) {
      const usable = checkOwn(frame.localUri, frame.nowMs);
      if (!usable.ok) return usable;
      const pair = await options.takeDhKeyPair();
      const ours = dhPayload(pair.publicValue);
      const payloads: Payload[] = [
        frame.timestamp,
        { kind: "rand", rand: frame.rand },
        ...own.certificates,
        idPayload(frame.peerUri),
        ...frame.policies,
        ...frame.extensions,
        ours,
      ];
      return ok(openOffer(await printSigned({ header: frame.header, payloads }), pair, ours, frame));
    },
    async authenticate(offer, frame) {
      const allowed = allowOnly(offer, ["timestamp", "rand", "id", "certificate", "policy", "dh", "sign"]);
      if (!allowed.ok) return allowed;
      const sign = closing(offer, "sign");
      if (!sign.ok) return sign;
      const theirs = single(offer, "dh");
      if (!theirs.ok) return theirs;
      const value = checkDh(theirs.value);
      if (!value.ok) return value;
      const names = offerNames(offer);
      if (!names.ok) return names;
      const { initiator, responder, certificates } = names.value;
      const isForUs = checkIdentity(responder, frame.localUri, "responder");
      if (!isForUs.ok) return isForUs;
      if (initiator) {
        const isFromPeer = checkIdentity(initiator, frame.peerUri, "initiator");
        if (!isFromPeer.ok) return isFromPeer;
      }
      const usable = checkOwn(frame.localUri, frame.nowMs);
      if (!usable.ok) return usable;
      const peer = await verifySigner(offer, sign.value, certificates, frame.peerUri, frame.nowMs);
      if (!peer.ok) return peer;
      return ok(authenticOffer(theirs.value, initiator ?? idPayload(peer.value.identity), peer.value, frame));
    },
    async prepare(nowMs) {
      // OpenSSL sets up blinding and Montgomery values of a key when it is first used, and the path checks run cold.
      await signature.sign(Uint8Array.of(0), own.privateKey);
      const chain = own.certificates.map((certificate) => certificate.data);
      if (own.uris.length > 0) await options.trust.verify(chain, own.uris[0], nowMs);
    },
    // The private key lives inside OpenSSL, which clears it when the last reference goes.
    wipe() {},
  };
}
