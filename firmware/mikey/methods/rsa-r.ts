// RSA-R method (RFC 4738): the initiator shows its certificate, the responder chooses the keys and puts them into an envelope for it.

import { sipIdentity } from "../../crypto/sip-identity.js";
import { ok } from "../../runtime/result.js";
import { announced } from "../capabilities.js";
import { type MikeyResult, refuse } from "../errors.js";
import { csbIdExtension, parseCsbId } from "../extensions.js";
import { checkIdentity, identityText, idPayload, offerNames } from "../identity.js";
import { wipeKeys } from "../key-data.js";
import { type ParsedMessage, payloadsOf } from "../message.js";
import { DataType, ExtensionType } from "../numbers.js";
import type { IdPayload, Payload } from "../payloads/index.js";
import { wipeTransportKeys } from "../prf.js";
import { type EnvelopeOptions, envelopePayloads, seal, unseal } from "./envelope.js";
import {
  type AuthenticOffer,
  allowOnly,
  closing,
  type MikeyMethod,
  type OfferFrame,
  type Outcome,
  single,
} from "./method.js";
import { checkInside, copyEnvelope } from "./pke.js";
import { errorCertificates, type SignerOptions, SigningIdentity } from "./signer.js";

export interface RsaROptions extends SignerOptions, EnvelopeOptions {}

/** What SIGNr covers behind the answer: IDi || IDr || T (RFC 4738 section 3.6); in minisip's dialect IDr || T. */
function appended(
  initiator: IdPayload,
  responder: IdPayload,
  timestamp: Uint8Array,
  isMinisip: boolean,
): readonly Uint8Array[] {
  return isMinisip ? [responder.data, timestamp] : [initiator.data, responder.data, timestamp];
}

/** The RAND and CSB ID that count: the initiator's, or those the responder gave a group. */
function freshness(answer: ParsedMessage, frame: OfferFrame): MikeyResult<{ rand: Uint8Array; csbId: number }> {
  const rands = payloadsOf(answer, "rand");
  const groups = payloadsOf(answer, "extension").filter(({ type }) => type === ExtensionType.csbId);
  const { csbId } = frame.header;
  if (groups.length === 0) {
    // Minisip sends a RAND that nobody uses.
    if (rands.length > 0 && !frame.compat)
      return refuse("response-mismatch", "the answer brings a RAND of its own although the offer had one");
    return ok({ rand: frame.rand, csbId });
  }
  const group = parseCsbId(groups[0].data);
  if (!group.ok || groups.length > 1) return refuse("malformed-message", "the group's CSB ID cannot be read");
  if (rands.length !== 1 || rands[0].rand.length < 16)
    return refuse("malformed-message", "a group's answer needs one RAND of at least 16 bytes");
  return ok({ rand: rands[0].rand, csbId: group.value });
}

/** The RSA-R method; the private key signs and opens envelopes. Throws TypeError like the other signing methods, and for keys that are not RSA. */
export function createRsaRMethod(options: RsaROptions): MikeyMethod {
  const own = new SigningIdentity(options);
  if (own.privateKey.asymmetricKeyType !== "rsa") throw new TypeError("RSA-R needs an RSA key");

  async function finish(answer: ParsedMessage, frame: OfferFrame, initiator: IdPayload, nowMs: number) {
    const allowed = allowOnly(answer, ["timestamp", "rand", "id", "certificate", "policy", "kemac", "pke", "sign"]);
    if (!allowed.ok) return allowed;
    const kemac = single(answer, "kemac");
    if (!kemac.ok) return kemac;
    const pke = single(answer, "pke");
    if (!pke.ok) return pke;
    const timestamp = single(answer, "timestamp");
    if (!timestamp.ok) return timestamp;
    const fresh = freshness(answer, frame);
    if (!fresh.ok) return fresh;
    const ids = payloadsOf(answer, "id");
    if (ids.length > 1) return refuse("malformed-message", `${ids.length} identities in the answer`);
    const responder = ids[0] ?? idPayload(frame.peerUri);
    const isFromPeer = checkIdentity(responder, frame.peerUri, "responder");
    if (!isFromPeer.ok) return isFromPeer;
    const also = appended(initiator, responder, timestamp.value.value, frame.compat !== undefined);
    const signer = await own.verify(answer, payloadsOf(answer, "certificate"), frame.peerUri, nowMs, ...also);
    if (!signer.ok) return signer;
    // The transport keys are made with the CSB ID of the header; a group's CSB ID serves the media keys alone.
    const context = {
      csbId: frame.header.csbId,
      rand: fresh.value.rand,
      timestamp: timestamp.value.value,
      compat: frame.compat,
    };
    const opened = unseal(own.privateKey, kemac.value, pke.value, context, options);
    if (!opened.ok) return opened;
    const { identity, keys, transport, envelope } = opened.value;
    wipeTransportKeys(transport);
    const inside = checkInside(identityText(identity), signer.value.proof, frame.peerUri);
    if (!inside.ok) {
      wipeKeys(keys);
      envelope?.key.fill(0);
      return inside;
    }
    if (keys.length === 0) return refuse("malformed-message", "the answer brings no key");
    const outcome: Outcome = { keys, peer: signer.value.proof, ...(envelope ? { envelope } : {}), ...fresh.value };
    return ok(outcome);
  }

  return {
    name: "rsa-r",
    label: "MIKEY public-key encryption by the called side (RSA-R)",
    offerType: DataType.rsaRInit,
    answerType: DataType.rsaRResponse,
    isKeyTransport: false,
    responderChooses: true,
    announces: own.choice.announces,
    proofLength(offer) {
      const sign = closing(offer, "sign");
      return sign.ok ? ok(sign.value.signature.length) : sign;
    },
    async offer(frame) {
      const { header, timestamp, rand, localUri, peerUri } = frame;
      const usable = own.checkOwn(localUri, frame.nowMs);
      if (!usable.ok) return usable;
      if (frame.keys.kind !== "fresh") return refuse("key-not-shareable", "in RSA-R the responder chooses the keys");
      const initiator = idPayload(localUri);
      // IDi beside CERTi: the answer's signature covers IDi, so it is said and not guessed from the certificate.
      const payloads: Payload[] = [
        timestamp,
        ...(frame.isUpdate ? [] : [{ kind: "rand" as const, rand }]),
        initiator,
        ...own.certificates,
        idPayload(peerUri),
        ...frame.policies,
        ...frame.extensions,
      ];
      const message = await own.print({ header, payloads }, peerUri, undefined);
      let isWiped = false;
      return ok({
        message,
        async finish(answer, nowMs) {
          const done = await finish(answer, frame, initiator, nowMs);
          if (!isWiped) return done;
          if (done.ok) wipeKeys(done.value.keys);
          return refuse("internal-error", "the exchange was given up");
        },
        async provesError(error, nowMs) {
          const proved = await own.verify(error, errorCertificates(error), peerUri, nowMs);
          return proved.ok;
        },
        wipe() {
          isWiped = true;
        },
      });
    },
    async authenticate(offer, frame) {
      const allowed = allowOnly(offer, ["timestamp", "rand", "id", "certificate", "policy", "sign"]);
      if (!allowed.ok) return allowed;
      const sorted = offerNames(offer);
      if (!sorted.ok) return sorted;
      const { initiator, responder, certificates } = sorted.value;
      if (initiator) {
        const isFromPeer = checkIdentity(initiator, frame.peerUri, "initiator");
        if (!isFromPeer.ok) return isFromPeer;
      }
      // The initiator may leave open who answers (section 3.4).
      if (responder) {
        const isForUs = checkIdentity(responder, frame.localUri, "responder");
        if (!isForUs.ok) return isForUs;
      }
      const usable = own.checkOwn(frame.localUri, frame.nowMs);
      if (!usable.ok) return usable;
      const signer = await own.verify(offer, certificates, frame.peerUri, frame.nowMs);
      if (!signer.ok) return signer;
      const peer = signer.value.proof;
      const said = announced(offer);
      const { timestamp, compat, localUri, peerUri } = frame;
      const named = initiator ?? idPayload(peer.identity);
      /** Keys made for an answer, until they are asked for. */
      let waiting: Outcome | undefined;
      const received: AuthenticOffer = {
        peer,
        isAnswerNeeded: true,
        async answer({ header, extensions, policies, keys: wish, group }) {
          const us = idPayload(localUri);
          const rand = group?.rand ?? (frame.rand.length > 0 ? frame.rand : frame.random(16));
          const isRandSent = group !== undefined || frame.rand.length === 0;
          const context = { csbId: header.csbId, rand, timestamp: timestamp.value, compat };
          const closed = seal(signer.value.publicKey, us, wish, frame.random, context, options);
          if (!closed.ok) return closed;
          const sealed = closed.value;
          const payloads: Payload[] = [
            ...(group ? [csbIdExtension(group.csbId)] : []),
            timestamp,
            ...(isRandSent ? [{ kind: "rand" as const, rand }] : []),
            us,
            ...own.certificates,
            ...policies,
            ...extensions,
            ...envelopePayloads(sealed),
          ];
          const also = appended(named, us, timestamp.value, compat !== undefined);
          const message = await own.print({ header, payloads }, peerUri, said, ...also);
          wipeTransportKeys(sealed.transport);
          sealed.envelopeKey.fill(0);
          const { keys, envelope } = sealed;
          const outcome: Outcome = {
            keys,
            peer,
            rand,
            csbId: group?.csbId ?? header.csbId,
            ...(envelope ? { envelope: copyEnvelope(envelope) } : {}),
          };
          waiting = outcome;
          return ok({
            message,
            agree() {
              waiting = undefined;
              return ok(outcome);
            },
          });
        },
        async sealError(error) {
          const ids = sipIdentity(localUri) ? [idPayload(localUri)] : [];
          const payloads = [...error.payloads, ...(own.certificates.length > 0 ? own.certificates : ids)];
          return own.print({ header: error.header, payloads }, peerUri, said);
        },
        wipe() {
          if (!waiting) return;
          wipeKeys(waiting.keys);
          waiting.envelope?.key.fill(0);
        },
      };
      return ok(received);
    },
    prepare: (nowMs) => own.prepare(nowMs),
    wipe() {},
  };
}
