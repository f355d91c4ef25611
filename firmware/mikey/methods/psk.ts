// Pre-shared key method (RFC 3830 section 3.1).

import { sipIdentity } from "../../crypto/sip-identity.js";
import { ok } from "../../runtime/result.js";
import { copy } from "../bytes.js";
import type { AgreedKey } from "../crypto-sessions.js";
import { adopt, type MikeyResult, refuse } from "../errors.js";
import type { Header } from "../header.js";
import { checkIdentity, idPayload, offerNames } from "../identity.js";
import {
  type Message,
  type ParsedMessage,
  parsePayloads,
  payloadsOf,
  printMessage,
  printPayloads,
} from "../message.js";
import { DataType, EncryptionAlgorithm, KeyType, MacAlgorithm, PayloadType } from "../numbers.js";
import type { IdPayload, KemacPayload, Payload } from "../payloads/index.js";
import { deriveTransportKeys, type TransportKeys, wipeTransportKeys } from "../prf.js";
import { computeMac, covered, cryptKeyData, MAC_BYTES, macsEqual } from "../transport.js";
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

/** Bytes of a fresh TGK: twice the strength of the AES-128 keys made from it. */
const TGK_BYTES = 32;
/** A shared key of less could be guessed off-line from one recorded call. */
const MIN_PSK_BYTES = 16;

const emptyMac = new Uint8Array(MAC_BYTES);

/** Writes a message that ends in a MAC field and fills it in; `appended` is covered but not sent (section 5.2). */
function printWithMac(message: Message, key: Uint8Array, ...appended: readonly Uint8Array[]): Uint8Array {
  const bytes = printMessage(message);
  bytes.set(computeMac(key, covered(bytes, MAC_BYTES), ...appended), bytes.length - MAC_BYTES);
  return bytes;
}

/** The V payload's MAC also covers both identities and the initiator's timestamp (section 5.2). */
function verified(initiator: IdPayload, responder: IdPayload, timestamp: Uint8Array): readonly Uint8Array[] {
  return [initiator.data, responder.data, timestamp];
}

/** One TGK, with or without salt; a key bound to an index range cannot be honoured and is refused. */
function readKeyData(data: Uint8Array): MikeyResult<AgreedKey> {
  const parsed = parsePayloads(data, PayloadType.keyData);
  if (!parsed.ok) return adopt(parsed.error);
  const [keyData, ...more] = parsed.value;
  if (keyData?.kind !== "key-data" || more.length > 0)
    return refuse("unsupported-key-data", `${parsed.value.length} key data payloads, exactly one key is supported`);
  const { type, key, salt, validity } = keyData;
  if (type !== KeyType.tgk && type !== KeyType.tgkSalt)
    return refuse("unsupported-key-data", "traffic keys sent directly are not supported, only a TGK");
  if (key.length < 16) return refuse("unsupported-key-data", `a TGK of ${key.length} bytes is too short`);
  if (salt && salt.length !== 14)
    return refuse("unsupported-key-data", `a salt of ${salt.length} bytes, SRTP needs 14`);
  if (validity.kind === "interval")
    return refuse("unsupported-key-data", "keys valid for an interval are not supported");
  return ok({ tgk: key, ...(salt ? { salt } : {}), ...(validity.kind === "spi" ? { mki: validity.spi } : {}) });
}

function checkKemac(kemac: KemacPayload): MikeyResult<undefined> {
  if (kemac.macAlgorithm !== MacAlgorithm.hmacSha1)
    return refuse("unsupported-mac", "a message without HMAC-SHA-1 proves nothing");
  if (kemac.encryption !== EncryptionAlgorithm.aesCm128)
    return refuse("unsupported-encryption", `key data encryption ${kemac.encryption} is not AES-CM-128`);
  return ok(undefined);
}

function openOffer(
  message: Uint8Array,
  keys: TransportKeys,
  tgk: Uint8Array,
  frame: OfferFrame,
  names: { initiator: IdPayload; responder: IdPayload },
  peer: PeerProof,
): OpenOffer {
  const isProved = (answer: ParsedMessage, mac: Uint8Array, responder: IdPayload): boolean => {
    const also = verified(names.initiator, responder, frame.timestamp.value);
    return macsEqual(mac, computeMac(keys.authentication, covered(answer.bytes, MAC_BYTES), ...also));
  };
  return {
    message,
    async finish(answer) {
      const allowed = allowOnly(answer, ["timestamp", "id", "verification"]);
      if (!allowed.ok) return allowed;
      const v = closing(answer, "verification");
      if (!v.ok) return v;
      if (v.value.macAlgorithm !== MacAlgorithm.hmacSha1)
        return refuse("unsupported-mac", "an answer without HMAC-SHA-1 proves nothing");
      const ids = payloadsOf(answer, "id");
      if (ids.length > 1) return refuse("malformed-message", `${ids.length} identities in the answer`);
      const responder = ids[0] ?? names.responder;
      const named = checkIdentity(responder, frame.peerUri, "responder");
      if (!named.ok) return named;
      if (!isProved(answer, v.value.mac, responder))
        return refuse("wrong-psk", "the answer's verification MAC does not fit our shared key");
      return ok({ key: { tgk: copy(tgk) }, peer });
    },
    provesError(error) {
      const v = closing(error, "verification");
      if (!v.ok || v.value.macAlgorithm !== MacAlgorithm.hmacSha1) return false;
      return isProved(error, v.value.mac, names.responder);
    },
    wipe() {
      wipeTransportKeys(keys);
      tgk.fill(0);
    },
  };
}

function authenticOffer(
  keys: TransportKeys,
  key: AgreedKey,
  frame: ReceivedFrame,
  names: { initiator: IdPayload; responder: IdPayload },
  peer: PeerProof,
): AuthenticOffer {
  const v: Payload = { kind: "verification", macAlgorithm: MacAlgorithm.hmacSha1, mac: emptyMac };
  const also = verified(names.initiator, names.responder, frame.timestamp.value);
  return {
    peer,
    async answer(header: Header) {
      const payloads: Payload[] = [frame.timestamp, names.responder, v];
      const message = printWithMac({ header, payloads }, keys.authentication, ...also);
      return ok({ message, key: { ...key, tgk: copy(key.tgk), ...(key.salt ? { salt: copy(key.salt) } : {}) } });
    },
    sealError: (error) =>
      printWithMac({ header: error.header, payloads: [...error.payloads, v] }, keys.authentication, ...also),
    wipe() {
      wipeTransportKeys(keys);
      key.tgk.fill(0);
      key.salt?.fill(0);
    },
  };
}

/** A shared key and what its owner calls it. */
export interface SharedKey {
  /** At least 16 bytes; copied. */
  readonly key: Uint8Array;
  readonly name: string;
}

/**
 * The pre-shared key method. Both ends must name themselves and each other: with a key that serves both directions, an
 * unnamed offer could be played back to its sender. Throws RangeError for a key of less than 16 bytes.
 */
export function createPskMethod(shared: SharedKey): MikeyMethod {
  if (shared.key.length < MIN_PSK_BYTES)
    throw new RangeError(`a pre-shared key has at least ${MIN_PSK_BYTES} bytes, not ${shared.key.length}`);
  const psk = copy(shared.key);
  const proofFor = (uri: string): PeerProof => ({
    kind: "shared-key",
    identity: sipIdentity(uri) ?? uri,
    keyName: shared.name,
  });
  return {
    name: "psk",
    label: "MIKEY pre-shared key",
    offerType: DataType.psk,
    answerType: DataType.pskVerification,
    proofLength(offer) {
      const kemac = closing(offer, "kemac");
      return kemac.ok ? ok(kemac.value.mac.length) : kemac;
    },
    async offer(frame) {
      const { header, timestamp, rand } = frame;
      const names = { initiator: idPayload(frame.localUri), responder: idPayload(frame.peerUri) };
      const keys = deriveTransportKeys(psk, header.csbId, rand);
      const tgk = frame.random(TGK_BYTES);
      const keyData = printPayloads([{ kind: "key-data", type: KeyType.tgk, key: tgk, validity: { kind: "none" } }]);
      const data = cryptKeyData(keys, header.csbId, timestamp.value, keyData);
      keyData.fill(0);
      const kemac: Payload = {
        kind: "kemac",
        encryption: EncryptionAlgorithm.aesCm128,
        data,
        macAlgorithm: MacAlgorithm.hmacSha1,
        mac: emptyMac,
      };
      const payloads: Payload[] = [
        timestamp,
        { kind: "rand", rand },
        names.initiator,
        names.responder,
        ...frame.policies,
        ...frame.extensions,
        kemac,
      ];
      const message = printWithMac({ header, payloads }, keys.authentication);
      return ok(openOffer(message, keys, tgk, frame, names, proofFor(frame.peerUri)));
    },
    async authenticate(offer, frame) {
      const allowed = allowOnly(offer, ["timestamp", "rand", "id", "policy", "kemac"]);
      if (!allowed.ok) return allowed;
      const kemac = closing(offer, "kemac");
      if (!kemac.ok) return kemac;
      const algorithms = checkKemac(kemac.value);
      if (!algorithms.ok) return algorithms;
      const names = offerNames(offer);
      if (!names.ok) return names;
      const { initiator, responder } = names.value;
      const isFromPeer = checkIdentity(initiator, frame.peerUri, "initiator");
      if (!isFromPeer.ok) return isFromPeer;
      const isForUs = checkIdentity(responder, frame.localUri, "responder");
      if (!isForUs.ok) return isForUs;
      if (!initiator || !responder) return refuse("missing-identity", "the message does not name both ends");
      const keys = deriveTransportKeys(psk, offer.header.csbId, frame.rand);
      const mac = computeMac(keys.authentication, covered(offer.bytes, MAC_BYTES));
      if (!macsEqual(mac, kemac.value.mac)) {
        wipeTransportKeys(keys);
        return refuse("wrong-psk", "the offer's MAC does not fit our shared key");
      }
      const plain = cryptKeyData(keys, offer.header.csbId, frame.timestamp.value, kemac.value.data);
      const key = readKeyData(plain);
      plain.fill(0);
      if (!key.ok) {
        wipeTransportKeys(keys);
        return key;
      }
      return ok(authenticOffer(keys, key.value, frame, { initiator, responder }, proofFor(frame.peerUri)));
    },
    async prepare() {},
    wipe: () => void psk.fill(0),
  };
}
