// Public-key encryption method (RFC 3830 section 3.2): a TGK in an RSA envelope, signed by its sender.

import { createPrivateKey, type KeyObject } from "node:crypto";
import { certificatesFromPem } from "../../crypto/certificates.js";
import { sameSipIdentity } from "../../crypto/sip-identity.js";
import { ok } from "../../runtime/result.js";
import { type MikeyResult, refuse } from "../errors.js";
import { checkIdentity, identityText, idPayload, offerNames } from "../identity.js";
import { copyKeys, wipeKeys } from "../key-data.js";
import { payloadsOf } from "../message.js";
import { DataType, MacAlgorithm } from "../numbers.js";
import type { CertificateHashPayload, Payload } from "../payloads/index.js";
import { wipeTransportKeys } from "../prf.js";
import { certificateHash, type EnvelopeOptions, envelopePayloads, isHashOf, seal, unseal } from "./envelope.js";
import {
  checkVerification,
  needKeys,
  printVerification,
  printVerified,
  provesErrorByMac,
  type Verifier,
} from "./mac.js";
import {
  allowOnly,
  closing,
  type Envelope,
  type KeyDirectory,
  type MikeyMethod,
  type PeerProof,
  single,
} from "./method.js";
import { type SignerOptions, SigningIdentity } from "./signer.js";

/** A key pair that envelopes may be addressed to. */
export interface DecryptionKey {
  /** PKCS#8 or PKCS#1, RSA, not encrypted. */
  readonly privateKeyPem: string;
  /** Its certificate, which CHASH names; absent: the key is found in a directory. */
  readonly certificatePem?: string;
}

export interface PkeOptions extends SignerOptions, EnvelopeOptions {
  /** Where the keys are found that our envelopes are addressed to. */
  readonly recipients: KeyDirectory;
  /** Further key pairs that envelopes to us may use; the signing one always may when it is RSA. */
  readonly decryptionKeys?: readonly DecryptionKey[];
}

interface OwnKey {
  readonly privateKey: KeyObject;
  readonly certificate: Uint8Array | undefined;
}

function ownKeys(own: SigningIdentity, more: readonly DecryptionKey[]): OwnKey[] {
  const first = { privateKey: own.privateKey, certificate: own.certificates[0]?.data };
  const others = more.map(({ privateKeyPem, certificatePem }) => ({
    privateKey: createPrivateKey(privateKeyPem),
    certificate: certificatePem === undefined ? undefined : certificatesFromPem(certificatePem)[0],
  }));
  return [first, ...others].filter((one) => one.privateKey.asymmetricKeyType === "rsa");
}

/** The public-key encryption method. Throws TypeError when certificates and keys cannot be read or do not belong together. */
export function createPkeMethod(options: PkeOptions): MikeyMethod {
  const own = new SigningIdentity(options);
  const keys = ownKeys(own, options.decryptionKeys ?? []);

  /** The key pair an envelope is addressed to: the one CHASH names, else the first. */
  function addressed(hashes: readonly CertificateHashPayload[]): MikeyResult<OwnKey> {
    if (hashes.length > 1) return refuse("malformed-message", `${hashes.length} certificate hashes in one message`);
    const [hash] = hashes;
    const found = hash ? keys.find((one) => one.certificate && isHashOf(hash, one.certificate)) : keys[0];
    if (found) return ok(found);
    return hash
      ? refuse("unknown-certificate-hash", "the envelope is addressed to a certificate that is not ours")
      : refuse("unusable-public-key", "we have no RSA key that an envelope could be addressed to");
  }

  return {
    name: "pke",
    label: "MIKEY public-key encryption (RSA)",
    offerType: DataType.publicKey,
    answerType: DataType.publicKeyVerification,
    isKeyTransport: true,
    announces: own.choice.announces,
    proofLength(offer) {
      const sign = closing(offer, "sign");
      return sign.ok ? ok(sign.value.signature.length) : sign;
    },
    async offer(frame) {
      const { header, timestamp, rand, compat, localUri, peerUri } = frame;
      const usable = own.checkOwn(localUri, frame.nowMs);
      if (!usable.ok) return usable;
      const recipient = await options.recipients.find(peerUri, "encryption", frame.nowMs);
      if (!recipient.ok) return recipient;
      const names = { initiator: idPayload(localUri), responder: idPayload(peerUri) };
      const context = { csbId: header.csbId, rand, timestamp: timestamp.value, compat };
      const closed = seal(recipient.value.publicKey, names.initiator, frame.keys, frame.random, context, options);
      if (!closed.ok) return closed;
      const sealed = closed.value;
      // Minisip's library aborts at a CHASH.
      const { certificate, proof } = recipient.value;
      const hash = certificate && !compat ? certificateHash(certificate) : undefined;
      const payloads: Payload[] = [
        timestamp,
        ...(frame.isUpdate ? [] : [{ kind: "rand" as const, rand }]),
        ...(own.certificates.length > 0 ? own.certificates : [names.initiator]),
        ...(compat ? [] : [names.responder]),
        ...frame.policies,
        ...frame.extensions,
        ...envelopePayloads(sealed, hash),
      ];
      const message = await own.print({ header, payloads }, peerUri, undefined);
      const verifier: Verifier = {
        keys: sealed.transport,
        macAlgorithm: MacAlgorithm.hmacSha1,
        names,
        timestamp,
        compat,
      };
      // Whoever could open the envelope holds the key it is addressed to.
      const outcome = () => ({
        keys: copyKeys(sealed.keys),
        peer: proof,
        ...(sealed.envelope ? { envelope: copyEnvelope(sealed.envelope) } : {}),
      });
      return ok({
        message,
        async finish(answer) {
          const good = checkVerification(verifier, answer, peerUri);
          if (good.ok) return ok(outcome());
          return good.error.code === "wrong-psk"
            ? refuse("bad-envelope", "the answer's verification MAC does not fit our envelope")
            : good;
        },
        assume: outcome,
        provesError: async (error) => provesErrorByMac(verifier, error),
        wipe() {
          wipeTransportKeys(sealed.transport);
          wipeKeys(sealed.keys);
          sealed.envelopeKey.fill(0);
          sealed.envelope?.key.fill(0);
        },
      });
    },
    async authenticate(offer, frame) {
      const allowed = allowOnly(offer, [
        "timestamp",
        "rand",
        "id",
        "certificate",
        "policy",
        "kemac",
        "certificate-hash",
        "pke",
        "sign",
      ]);
      if (!allowed.ok) return allowed;
      const kemac = single(offer, "kemac");
      if (!kemac.ok) return kemac;
      const pke = single(offer, "pke");
      if (!pke.ok) return pke;
      const key = addressed(payloadsOf(offer, "certificate-hash"));
      if (!key.ok) return key;
      const sorted = offerNames(offer);
      if (!sorted.ok) return sorted;
      const { initiator, responder, certificates } = sorted.value;
      if (responder || !frame.compat) {
        const isForUs = checkIdentity(responder, frame.localUri, "responder");
        if (!isForUs.ok) return isForUs;
      }
      if (initiator) {
        const isFromPeer = checkIdentity(initiator, frame.peerUri, "initiator");
        if (!isFromPeer.ok) return isFromPeer;
      }
      // The signature comes first: the private key works for nobody who has not proved who it is.
      const signer = await own.verify(offer, certificates, frame.peerUri, frame.nowMs);
      if (!signer.ok) return signer;
      const { timestamp, compat } = frame;
      const context = { csbId: offer.header.csbId, rand: frame.rand, timestamp: timestamp.value, compat };
      const opened = unseal(key.value.privateKey, kemac.value, pke.value, context, options);
      if (!opened.ok) return opened;
      const { identity, transport, envelope } = opened.value;
      const named = checkInside(identityText(identity), signer.value.proof, frame.peerUri);
      const brought = needKeys(ok(opened.value.keys), frame.isUpdate);
      const inside = named.ok ? brought : named;
      if (!inside.ok) {
        wipeTransportKeys(transport);
        wipeKeys(opened.value.keys);
        envelope?.key.fill(0);
        return inside;
      }
      const names = { initiator: identity, responder: responder ?? idPayload(frame.localUri) };
      const verifier: Verifier = { keys: transport, macAlgorithm: MacAlgorithm.hmacSha1, names, timestamp, compat };
      const peer = signer.value.proof;
      const outcome = () => ({
        keys: copyKeys(opened.value.keys),
        peer,
        ...(envelope ? { envelope: copyEnvelope(envelope) } : {}),
      });
      return ok({
        peer,
        isAnswerNeeded: false,
        keys: opened.value.keys,
        async answer({ header, extensions }) {
          return ok({ message: printVerification(verifier, header, extensions), agree: () => ok(outcome()) });
        },
        assume: outcome,
        sealError: async (error) => printVerified(verifier, error),
        wipe() {
          wipeTransportKeys(transport);
          wipeKeys(opened.value.keys);
          envelope?.key.fill(0);
        },
      });
    },
    prepare: (nowMs) => own.prepare(nowMs),
    wipe() {},
  };
}

export function copyEnvelope(envelope: Envelope): Envelope {
  return { ...envelope, key: new Uint8Array(envelope.key) };
}

/** The identity inside the envelope must be the sender's: else a signed message could be redirected (section 3.2). */
export function checkInside(inside: string, proof: PeerProof, peerUri: string): MikeyResult<undefined> {
  return sameSipIdentity(inside, peerUri) && sameSipIdentity(inside, proof.identity)
    ? ok(undefined)
    : refuse("identity-mismatch", "the identity inside the envelope is not its sender's");
}
