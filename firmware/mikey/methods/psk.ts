// Pre-shared key method (RFC 3830 section 3.1), also with a cached envelope key (3.2, 4.5).

import { sipIdentity } from "../../crypto/sip-identity.js";
import { ok } from "../../runtime/result.js";
import { copy } from "../bytes.js";
import { type MikeyResult, refuse } from "../errors.js";
import { idPayload, offerNames } from "../identity.js";
import { type AgreedKey, copyKeys, printKeyData, readKeyData, wipeKeys } from "../key-data.js";
import { printMessage } from "../message.js";
import { DataType, EncryptionAlgorithm, MacAlgorithm } from "../numbers.js";
import type { KemacPayload, Payload } from "../payloads/index.js";
import { type TransportKeys, wipeTransportKeys } from "../prf.js";
import { computeMac, covered, MAC_BYTES, macsEqual, openKeyData, sealKeyData } from "../transport.js";
import {
  checkTransport,
  checkVerification,
  emptyMac,
  type KeyTransport,
  keysFor,
  needKeys,
  offerParties,
  printVerification,
  printVerified,
  printWithMac,
  provesErrorByMac,
  transportKeys,
  type Verifier,
} from "./mac.js";
import {
  type AuthenticOffer,
  allowOnly,
  closing,
  type MikeyMethod,
  type OpenOffer,
  type PeerProof,
  type ReceivedFrame,
  withoutKey,
} from "./method.js";

/** A shared key of less could be guessed off-line from one recorded call. */
const MIN_PSK_BYTES = 16;

/** A shared key and what its owner calls it. */
export interface SharedKey {
  /** At least 16 bytes; copied. */
  readonly key: Uint8Array;
  readonly name: string;
  /** What knowing the key proves; default: that the peer holds the key of this name. */
  readonly proof?: PeerProof;
  /** In words; default `MIKEY pre-shared key`. */
  readonly label?: string;
  /** Default: AES-CM-128 and HMAC-SHA-1, nothing else accepted. */
  readonly transport?: KeyTransport;
}

function openOffer(
  message: Uint8Array,
  verifier: Verifier,
  keys: AgreedKey[],
  proof: PeerProof,
  uri: string,
): OpenOffer {
  const outcome = () => ({ keys: copyKeys(keys), peer: proof });
  return {
    message,
    async finish(answer) {
      const good = checkVerification(verifier, answer, uri);
      return good.ok ? ok(outcome()) : good;
    },
    assume: outcome,
    provesError: async (error) => provesErrorByMac(verifier, error),
    wipe() {
      wipeTransportKeys(verifier.keys);
      wipeKeys(keys);
    },
  };
}

function authenticOffer(verifier: Verifier, keys: readonly AgreedKey[], peer: PeerProof): AuthenticOffer {
  const outcome = () => ({ keys: copyKeys(keys), peer });
  return {
    peer,
    isAnswerNeeded: false,
    keys,
    async answer({ header, extensions }) {
      return ok({ message: printVerification(verifier, header, extensions), agree: () => ok(outcome()) });
    },
    assume: outcome,
    sealError: async (error) => printVerified(verifier, error),
    wipe() {
      wipeTransportKeys(verifier.keys);
      wipeKeys(keys);
    },
  };
}

/**
 * The pre-shared key method. Both ends must name themselves and each other: with a key that serves both directions, an
 * unnamed offer could be played back to its sender. Throws RangeError for a key of less than 16 bytes.
 */
export function createPskMethod(shared: SharedKey): MikeyMethod {
  if (shared.key.length < MIN_PSK_BYTES)
    throw new RangeError(`a pre-shared key has at least ${MIN_PSK_BYTES} bytes, not ${shared.key.length}`);
  const psk = copy(shared.key);
  let isWiped = false;
  const transport = shared.transport ?? {};
  const { encryption = EncryptionAlgorithm.aesCm128, mac: macAlgorithm = MacAlgorithm.hmacSha1 } = transport;
  const proofFor = (uri: string, isProved: boolean): PeerProof => {
    const identity = sipIdentity(uri) ?? uri;
    if (!isProved) return { kind: "carrier", identity };
    return shared.proof ?? { kind: "shared-key", identity, keyName: shared.name };
  };

  /** MAC, then key data. */
  function openKemac(
    bytes: Uint8Array,
    kemac: KemacPayload,
    verifier: Verifier<TransportKeys>,
    csbId: number,
  ): MikeyResult<readonly AgreedKey[]> {
    const { keys, timestamp } = verifier;
    if (kemac.macAlgorithm === MacAlgorithm.hmacSha1) {
      const mac = computeMac(keys.authentication, covered(bytes, MAC_BYTES));
      if (!macsEqual(mac, kemac.mac)) return refuse("wrong-psk", "the offer's MAC does not fit our shared key");
    }
    const plain = openKeyData(kemac.encryption, keys, csbId, timestamp.value, kemac.data);
    if (!plain.ok) return plain;
    const read = readKeyData(plain.value, false);
    plain.value.fill(0);
    return read.ok ? ok(read.value.keys) : read;
  }

  return {
    name: "psk",
    label: shared.label ?? "MIKEY pre-shared key",
    offerType: DataType.psk,
    answerType: DataType.pskVerification,
    isKeyTransport: true,
    proofLength(offer) {
      const kemac = closing(offer, "kemac");
      return kemac.ok ? ok(kemac.value.mac.length) : kemac;
    },
    async offer(frame) {
      if (isWiped) return withoutKey();
      const { header, timestamp, rand, compat, peerUri } = frame;
      const names = { initiator: idPayload(frame.localUri), responder: idPayload(peerUri) };
      const verifier = { keys: transportKeys(psk, header.csbId, rand, compat), macAlgorithm, names, timestamp, compat };
      const keys = keysFor(frame.keys, frame.random, encryption);
      const keyData = printKeyData(keys);
      const data = sealKeyData(encryption, verifier.keys, header.csbId, timestamp.value, keyData);
      keyData.fill(0);
      const kemac: Payload = { kind: "kemac", encryption, data, macAlgorithm, mac: emptyMac(macAlgorithm) };
      const payloads: Payload[] = [
        timestamp,
        ...(frame.isUpdate ? [] : [{ kind: "rand" as const, rand }]),
        // Without a MAC names prove nothing, and GStreamer, which such messages are for, never ends reading them.
        ...(compat || macAlgorithm === MacAlgorithm.null ? [] : [names.initiator, names.responder]),
        ...frame.policies,
        ...frame.extensions,
        kemac,
      ];
      const message =
        macAlgorithm === MacAlgorithm.null
          ? printMessage({ header, payloads })
          : printWithMac({ header, payloads }, verifier.keys.authentication);
      const proof = proofFor(peerUri, macAlgorithm === MacAlgorithm.hmacSha1);
      return ok(openOffer(message, verifier, keys, proof, peerUri));
    },
    async authenticate(offer, frame: ReceivedFrame) {
      if (isWiped) return withoutKey();
      const allowed = allowOnly(offer, ["timestamp", "rand", "id", "policy", "kemac"]);
      if (!allowed.ok) return allowed;
      const found = closing(offer, "kemac");
      if (!found.ok) return found;
      const kemac = found.value;
      const algorithms = checkTransport(kemac.encryption, kemac.macAlgorithm, true, transport);
      if (!algorithms.ok) return algorithms;
      const sorted = offerNames(offer);
      if (!sorted.ok) return sorted;
      // Who believes the carrier believes its names as well: cameras and streaming servers send none.
      const isNameless = transport.trustsCarrier && !sorted.value.initiator && !sorted.value.responder;
      const names = isNameless
        ? ok({ initiator: idPayload(frame.peerUri), responder: idPayload(frame.localUri) })
        : offerParties(sorted.value, frame);
      if (!names.ok) return names;
      const { timestamp, compat } = frame;
      const { csbId } = offer.header;
      const { macAlgorithm: algorithm } = kemac;
      const keys = transportKeys(psk, csbId, frame.rand, compat);
      const verifier = { keys, macAlgorithm: algorithm, names: names.value, timestamp, compat };
      const opened = needKeys(openKemac(offer.bytes, kemac, verifier, csbId), frame.isUpdate);
      if (!opened.ok) {
        wipeTransportKeys(keys);
        return opened;
      }
      const proof = proofFor(frame.peerUri, algorithm === MacAlgorithm.hmacSha1);
      return ok(authenticOffer(verifier, opened.value, proof));
    },
    async prepare() {},
    wipe() {
      isWiped = true;
      psk.fill(0);
    },
  };
}
