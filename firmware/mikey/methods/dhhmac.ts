// Diffie-Hellman authenticated by a pre-shared key (RFC 4650).

import type { DhKeyPair } from "../../crypto/dh.js";
import { sipIdentity } from "../../crypto/sip-identity.js";
import { ok } from "../../runtime/result.js";
import { copy } from "../bytes.js";
import { type MikeyResult, refuse } from "../errors.js";
import { answerNames, checkIdentity, idPayload, offerNames } from "../identity.js";
import type { ParsedMessage } from "../message.js";
import { DataType, EncryptionAlgorithm, MacAlgorithm } from "../numbers.js";
import type { DhPayload, Payload } from "../payloads/index.js";
import { wipeTransportKeys } from "../prf.js";
import { computeMac, covered, MAC_BYTES, macsEqual } from "../transport.js";
import { noValues, offeredValue } from "./dh.js";
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
  authenticationKey,
  emptyMac,
  offerParties,
  printVerified,
  printWithMac,
  provesErrorByMac,
  type Verifier,
} from "./mac.js";
import {
  type AuthenticOffer,
  allowOnly,
  closing,
  type MikeyMethod,
  type OfferFrame,
  type OpenOffer,
  type PeerProof,
  withoutKey,
} from "./method.js";
import type { SharedKey } from "./psk.js";

/** For the screen; the group goes with it. */
const words = "MIKEY Diffie-Hellman with a shared key";

/** Shared key and groups of the DHHMAC method. */
export type DhHmacOptions = Pick<SharedKey, "key" | "name"> & DhPolicy;

/** KEMAC without key data: the MAC over the whole message. */
const seal: Payload = {
  kind: "kemac",
  encryption: EncryptionAlgorithm.null,
  data: new Uint8Array(0),
  macAlgorithm: MacAlgorithm.hmacSha1,
  mac: emptyMac(MacAlgorithm.hmacSha1),
};

/** Checks the MAC that ends a message. */
function checkSeal(message: ParsedMessage, key: Uint8Array, whose: string): MikeyResult<undefined> {
  const kemac = closing(message, "kemac");
  if (!kemac.ok) return kemac;
  if (kemac.value.macAlgorithm !== MacAlgorithm.hmacSha1)
    return refuse("unsupported-mac", "a message without HMAC-SHA-1 proves nothing");
  if (kemac.value.data.length > 0)
    return refuse("malformed-message", "a DHHMAC message carries no key data (RFC 4650 section 4.2)");
  const mac = computeMac(key, covered(message.bytes, MAC_BYTES));
  return macsEqual(mac, kemac.value.mac)
    ? ok(undefined)
    : refuse("wrong-psk", `the ${whose}'s MAC does not fit our shared key`);
}

/** The DHHMAC method. Throws RangeError for a key of less than 16 bytes. */
export function createDhHmacMethod(options: DhHmacOptions): MikeyMethod {
  if (options.key.length < 16)
    throw new RangeError(`a pre-shared key has at least 16 bytes, not ${options.key.length}`);
  const psk = copy(options.key);
  let isWiped = false;
  const group = options.group ?? "oakley5";
  const proofFor = (uri: string): PeerProof => ({
    kind: "shared-key",
    identity: sipIdentity(uri) ?? uri,
    keyName: options.name,
  });

  function openOffer(
    message: Uint8Array,
    verifier: Verifier,
    pair: DhKeyPair | undefined,
    ours: DhPayload | undefined,
    frame: OfferFrame,
  ): OpenOffer {
    let isWiped = false;
    return {
      message,
      async finish(answer) {
        const allowed = allowOnly(answer, ["timestamp", "id", "dh", "kemac"]);
        if (!allowed.ok) return allowed;
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
        // The MAC is cheap: it is checked before anything is computed with the peer's value (RFC 4650 section 5.3).
        const proved = checkSeal(answer, verifier.keys.authentication, "answer");
        if (!proved.ok) return proved;
        const theirs = ours ? responderValue(answer, ours, options) : noValues(answer);
        if (!theirs.ok) return theirs;
        if (isWiped) return refuse("internal-error", "the exchange was given up");
        const peer = proofFor(frame.peerUri);
        if (!ours || !pair || !theirs.value) return ok({ keys: [], peer });
        const tgk = agreeTgk(pair, theirs.value.value, ours.validity, frame.compat);
        return tgk.ok ? ok({ keys: [tgk.value], peer }) : tgk;
      },
      provesError: async (error) => provesErrorByMac(verifier, error),
      wipe() {
        isWiped = true;
        pair?.wipe();
        wipeTransportKeys(verifier.keys);
      },
    };
  }

  function authenticOffer(verifier: Verifier, theirs: DhPayload | undefined, peer: PeerProof): AuthenticOffer {
    const { names, timestamp, compat, keys } = verifier;
    let half: ResponderHalf | undefined;
    let isWiped = false;
    return {
      peer,
      isAnswerNeeded: true,
      async answer({ header, extensions }) {
        const ids = compat ? [] : [names.responder, names.initiator];
        const before: Payload[] = [timestamp, ...ids, ...extensions];
        if (!theirs) {
          const message = printWithMac({ header, payloads: [...before, seal] }, keys.authentication);
          return ok({ message, agree: () => ok({ keys: [], peer }) });
        }
        const answering = await respondTo(theirs, options, compat);
        if (!answering.ok) return answering;
        if (isWiped) {
          answering.value.wipe();
          return refuse("internal-error", "the exchange was given up");
        }
        half = answering.value;
        const payloads = [...before, half.ours, theirs, seal];
        return ok({
          message: printWithMac({ header, payloads }, keys.authentication),
          agree: agreeWith(half, peer),
        });
      },
      sealError: async (error) => printVerified(verifier, error),
      wipe() {
        isWiped = true;
        half?.wipe();
        wipeTransportKeys(keys);
      },
      ...labelWith(words, theirs),
    };
  }

  return {
    name: "dhhmac",
    label: `${words} (${groupWords[group]})`,
    offerType: DataType.dhHmacInit,
    answerType: DataType.dhHmacResponse,
    isKeyTransport: false,
    proofLength(offer) {
      const kemac = closing(offer, "kemac");
      return kemac.ok ? ok(kemac.value.mac.length) : kemac;
    },
    async offer(frame) {
      if (isWiped) return withoutKey();
      if (frame.keys.kind === "given")
        return refuse("key-not-shareable", "Diffie-Hellman makes a key between two, it cannot carry one");
      const { header, timestamp, rand, compat, localUri, peerUri } = frame;
      const names = { initiator: idPayload(localUri), responder: idPayload(peerUri) };
      const keys = authenticationKey(psk, header.csbId, rand, compat);
      const verifier = { keys, macAlgorithm: MacAlgorithm.hmacSha1, names, timestamp, compat };
      const pair = frame.keys.kind === "fresh" ? await options.takeDhKeyPair(group) : undefined;
      const validity = frame.keys.kind === "fresh" ? frame.keys.validity : { kind: "none" as const };
      const ours = pair && dhPayload(group, pair.publicValue, validity);
      const payloads: Payload[] = [
        timestamp,
        ...(frame.isUpdate ? [] : [{ kind: "rand" as const, rand }]),
        ...(compat ? [] : [names.initiator, names.responder]),
        ...frame.policies,
        ...frame.extensions,
        ...(ours ? [ours] : []),
        seal,
      ];
      const message = printWithMac({ header, payloads }, keys.authentication);
      return ok(openOffer(message, verifier, pair, ours, frame));
    },
    async authenticate(offer, frame) {
      if (isWiped) return withoutKey();
      const allowed = allowOnly(offer, ["timestamp", "rand", "id", "policy", "dh", "kemac"]);
      if (!allowed.ok) return allowed;
      const theirs = offeredValue(offer, frame.isUpdate);
      if (!theirs.ok) return theirs;
      const sorted = offerNames(offer);
      if (!sorted.ok) return sorted;
      const names = offerParties(sorted.value, frame);
      if (!names.ok) return names;
      const { timestamp, compat } = frame;
      const keys = authenticationKey(psk, offer.header.csbId, frame.rand, compat);
      const proved = checkSeal(offer, keys.authentication, "offer");
      const usable = proved.ok && theirs.value ? checkDh(theirs.value, options) : proved;
      if (!usable.ok) {
        wipeTransportKeys(keys);
        return usable;
      }
      const verifier = { keys, macAlgorithm: MacAlgorithm.hmacSha1, names: names.value, timestamp, compat };
      return ok(authenticOffer(verifier, theirs.value, proofFor(frame.peerUri)));
    },
    async prepare() {},
    wipe() {
      isWiped = true;
      psk.fill(0);
    },
  };
}
