// Signed Diffie-Hellman method (RFC 3830 section 3.3).

import type { DhKeyPair } from "../../crypto/dh.js";
import { ok } from "../../runtime/result.js";
import { announced, type Capabilities } from "../capabilities.js";
import { type MikeyResult, refuse } from "../errors.js";
import { answerNames, checkIdentity, idPayload, offerNames } from "../identity.js";
import { type ParsedMessage, payloadsOf } from "../message.js";
import { DataType } from "../numbers.js";
import type { DhPayload, IdPayload, Payload } from "../payloads/index.js";
import { briefPolicy } from "../srtp-policy.js";
import {
  agreeTgk,
  agreeWith,
  checkDh,
  type DhPolicy,
  dhPayload,
  groupWords,
  labelWith,
  type ResponderHalf,
  responderValue,
  respondTo,
} from "./dh-values.js";
import {
  type AuthenticOffer,
  allowOnly,
  closing,
  type MikeyMethod,
  type OfferFrame,
  type OpenOffer,
  type PeerProof,
  type ReceivedFrame,
} from "./method.js";
import { errorCertificates, type SignerOptions, SigningIdentity } from "./signer.js";

/** For the screen; the group goes with it. */
const words = "MIKEY signed Diffie-Hellman";

export type { CertificateVerifier } from "./signer.js";

/** Keys, certificates and policy of the signed Diffie-Hellman method. */
export type DhOptions = SignerOptions & DhPolicy;

/** Who received an offer, and of whom. */
interface Received {
  readonly theirs: DhPayload | undefined;
  readonly initiator: IdPayload;
  readonly peer: PeerProof;
  readonly said: Capabilities;
  readonly frame: ReceivedFrame;
}

/**
 * The signed Diffie-Hellman method. Throws TypeError when certificate and key cannot be read or do not belong together.
 */
export function createDhMethod(options: DhOptions): MikeyMethod {
  const own = new SigningIdentity(options);
  const group = options.group ?? "oakley5";

  function openOffer(
    message: Uint8Array,
    pair: DhKeyPair | undefined,
    ours: DhPayload | undefined,
    frame: OfferFrame,
    isAbridged: boolean,
  ): OpenOffer {
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
        if (!frame.compat || names.value.initiator) {
          const isForUs = checkIdentity(names.value.initiator, frame.localUri, "initiator");
          if (!isForUs.ok) return isForUs;
        }
        if (names.value.responder) {
          const isFromPeer = checkIdentity(names.value.responder, frame.peerUri, "responder");
          if (!isFromPeer.ok) return isFromPeer;
        }
        const theirs = ours ? responderValue(answer, ours, options) : noValues(answer);
        if (!theirs.ok) return theirs;
        const peer = await own.verify(answer, names.value.certificates, frame.peerUri, nowMs);
        if (!peer.ok) return peer;
        if (isWiped) return refuse("internal-error", "the exchange was given up");
        const { proof } = peer.value;
        if (!ours || !pair || !theirs.value) return ok({ keys: [], peer: proof });
        const tgk = agreeTgk(pair, theirs.value.value, ours.validity, frame.compat);
        return tgk.ok ? ok({ keys: [tgk.value], peer: proof }) : tgk;
      },
      async provesError(error, nowMs) {
        const proved = await own.verify(error, errorCertificates(error), frame.peerUri, nowMs);
        return proved.ok;
      },
      wipe() {
        isWiped = true;
        pair?.wipe();
      },
      ...(isAbridged ? { named: own.chain, recant: () => own.choice.memory.forgetCertificate(frame.peerUri) } : {}),
    };
  }

  function authenticOffer({ theirs, initiator, peer, said, frame }: Received): AuthenticOffer {
    const { timestamp, compat, peerUri } = frame;
    const names = compat ? [] : [initiator];
    let half: ResponderHalf | undefined;
    let isWiped = false;
    return {
      peer,
      isAnswerNeeded: true,
      async answer({ header, extensions }) {
        const before: Payload[] = [timestamp, ...own.introduction(frame, said), ...names, ...extensions];
        if (!theirs) {
          const message = await own.print({ header, payloads: before }, peerUri, said);
          return ok({ message, agree: () => ok({ keys: [], peer }) });
        }
        const answering = await respondTo(theirs, options, compat);
        if (!answering.ok) return answering;
        if (isWiped) {
          answering.value.wipe();
          return refuse("internal-error", "the exchange was given up");
        }
        half = answering.value;
        const payloads = [...before, half.ours, theirs];
        return ok({ message: await own.print({ header, payloads }, peerUri, said), agree: agreeWith(half, peer) });
      },
      // The sender has proved who it is: only then is an error worth a signature (section 5.1.2).
      async sealError(error) {
        const payloads = [...error.payloads, ...own.introduction(frame)];
        return own.print({ header: error.header, payloads }, peerUri, said);
      },
      wipe() {
        isWiped = true;
        half?.wipe();
      },
      ...labelWith(words, theirs),
    };
  }

  return {
    name: "dh",
    label: `${words} (${groupWords[group]})`,
    offerType: DataType.dhInit,
    answerType: DataType.dhResponse,
    isKeyTransport: false,
    announces: own.choice.announces,
    markOf: (peerUri) => own.markOf(peerUri),
    proofLength(offer) {
      const sign = closing(offer, "sign");
      return sign.ok ? ok(sign.value.signature.length) : sign;
    },
    async offer(frame) {
      const usable = own.checkOwn(frame.localUri, frame.nowMs);
      if (!usable.ok) return usable;
      if (frame.keys.kind === "given")
        return refuse("key-not-shareable", "Diffie-Hellman makes a key between two, it cannot carry one");
      const pair = frame.keys.kind === "fresh" ? await options.takeDhKeyPair(group) : undefined;
      const validity = frame.keys.kind === "fresh" ? frame.keys.validity : { kind: "none" as const };
      const ours = pair && dhPayload(group, pair.publicValue, validity);
      const introduction = own.firstIntroduction(frame);
      const payloads: Payload[] = [
        frame.timestamp,
        ...(frame.isUpdate ? [] : [{ kind: "rand" as const, rand: frame.rand }]),
        ...introduction.payloads,
        ...(frame.compat ? [] : [idPayload(frame.peerUri)]),
        ...(introduction.isAbridged ? frame.policies.map(briefPolicy) : frame.policies),
        ...frame.extensions,
        ...(ours ? [ours] : []),
      ];
      const message = await own.print({ header: frame.header, payloads }, frame.peerUri, undefined);
      return ok(openOffer(message, pair, ours, frame, introduction.isAbridged));
    },
    async authenticate(offer, frame) {
      const allowed = allowOnly(offer, ["timestamp", "rand", "id", "certificate", "policy", "dh", "sign"]);
      if (!allowed.ok) return allowed;
      const sign = closing(offer, "sign");
      if (!sign.ok) return sign;
      const theirs = oneValue(offer, frame.isUpdate);
      if (!theirs.ok) return theirs;
      if (theirs.value) {
        const value = checkDh(theirs.value, options);
        if (!value.ok) return value;
      }
      const names = offerNames(offer);
      if (!names.ok) return names;
      const { initiator, responder, certificates } = names.value;
      if (!frame.compat || responder) {
        const isForUs = checkIdentity(responder, frame.localUri, "responder");
        if (!isForUs.ok) return isForUs;
      }
      if (initiator) {
        const isFromPeer = checkIdentity(initiator, frame.peerUri, "initiator");
        if (!isFromPeer.ok) return isFromPeer;
      }
      const usable = own.checkOwn(frame.localUri, frame.nowMs);
      if (!usable.ok) return usable;
      const signer = await own.verifyOffer(offer, certificates, frame);
      if (!signer.ok) return signer;
      const peer = signer.value.proof;
      return ok(
        authenticOffer({
          theirs: theirs.value,
          initiator: initiator ?? idPayload(peer.identity),
          peer,
          said: announced(offer),
          frame,
        }),
      );
    },
    prepare: (nowMs) => own.prepare(nowMs),
    // The private key lives inside OpenSSL, which clears it when the last reference goes.
    wipe() {},
  };
}

/** The one DH value of an offer; an update that keeps the key has none (section 4.5). */
function oneValue(offer: ParsedMessage, isUpdate: boolean): MikeyResult<DhPayload | undefined> {
  const values = payloadsOf(offer, "dh");
  if (values.length === 1 || (values.length === 0 && isUpdate)) return ok(values[0]);
  return refuse("malformed-message", `${values.length} payloads of kind dh, exactly one is needed`);
}

function noValues(answer: ParsedMessage): MikeyResult<undefined> {
  return payloadsOf(answer, "dh").length === 0
    ? ok(undefined)
    : refuse("response-mismatch", "the answer brings Diffie-Hellman values, the offer had none");
}

export { noValues, oneValue as offeredValue };
