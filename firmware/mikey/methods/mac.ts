// Messages proved by a MAC under a key both ends know: pre-shared key, DHHMAC, and the answers to public-key encryption.

import { ok } from "../../runtime/result.js";
import { type Dialect, prfOf } from "../dialect.js";
import { type MikeyResult, refuse } from "../errors.js";
import type { Header } from "../header.js";
import { checkIdentity, idPayload, type OfferNames } from "../identity.js";
import { type AgreedKey, copyKeys, tgkBytes } from "../key-data.js";
import { type Message, type ParsedMessage, payloadsOf, printMessage } from "../message.js";
import { EncryptionAlgorithm, MacAlgorithm } from "../numbers.js";
import type { IdPayload, Payload, TimestampPayload } from "../payloads/index.js";
import { type AuthenticationKey, deriveAuthenticationKey, deriveTransportKeys, type TransportKeys } from "../prf.js";
import { computeMac, covered, MAC_BYTES, macsEqual } from "../transport.js";
import { allowOnly, closing, type KeyWish, type Parties, type RandomSource } from "./method.js";

/** How key data is encrypted and messages are authenticated. */
export interface KeyTransport {
  /** {@link EncryptionAlgorithm} of our offers; default AES-CM-128. */
  readonly encryption?: number;
  /** {@link MacAlgorithm} of our offers; default HMAC-SHA-1. */
  readonly mac?: number;
  /** Encryptions accepted; default AES-CM-128 alone. */
  readonly acceptedEncryptions?: readonly number[];
  /**
   * Messages without a MAC are believed, which RFC 3830 section 4.2.4 allows only where whatever carries them is protected end
   * to end. Default false.
   */
  readonly trustsCarrier?: boolean;
}

export const emptyMac = (algorithm: number): Uint8Array =>
  new Uint8Array(algorithm === MacAlgorithm.hmacSha1 ? MAC_BYTES : 0);

/** Who is at both ends of an exchange. */
export interface Names {
  readonly initiator: IdPayload;
  readonly responder: IdPayload;
}

/** Transport keys from a pre-shared or envelope key, in the peer's dialect. */
export function transportKeys(
  secret: Uint8Array,
  csbId: number,
  rand: Uint8Array,
  compat: Dialect | undefined,
): TransportKeys {
  return deriveTransportKeys(secret, csbId, rand, prfOf(compat));
}

/** {@link transportKeys} of a method that encrypts nothing. */
export function authenticationKey(
  secret: Uint8Array,
  csbId: number,
  rand: Uint8Array,
  compat: Dialect | undefined,
): AuthenticationKey {
  return deriveAuthenticationKey(secret, csbId, rand, prfOf(compat));
}

/** Writes a message that ends in a MAC field and fills it in; `appended` is covered but not sent (section 5.2). */
export function printWithMac(message: Message, key: Uint8Array, ...appended: readonly Uint8Array[]): Uint8Array {
  const bytes = printMessage(message);
  bytes.set(computeMac(key, covered(bytes, MAC_BYTES), ...appended), bytes.length - MAC_BYTES);
  return bytes;
}

/** The V payload's MAC also covers both identities and the initiator's timestamp (section 5.2); minisip's the timestamp alone. */
function verified(names: Names, timestamp: Uint8Array, compat: Dialect | undefined): readonly Uint8Array[] {
  return compat ? [timestamp] : [names.initiator.data, names.responder.data, timestamp];
}

/** What an answer that ends in V is checked and written with. */
export interface Verifier<Keys extends AuthenticationKey = AuthenticationKey> {
  readonly keys: Keys;
  readonly macAlgorithm: number;
  readonly names: Names;
  readonly timestamp: TimestampPayload;
  readonly compat: Dialect | undefined;
}

const verification = (macAlgorithm: number): Payload => ({
  kind: "verification",
  macAlgorithm,
  mac: emptyMac(macAlgorithm),
});

/** Writes a message that ends in V. */
export function printVerified(verifier: Verifier, message: Message): Uint8Array {
  const { keys, macAlgorithm, names, timestamp, compat } = verifier;
  const whole = { header: message.header, payloads: [...message.payloads, verification(macAlgorithm)] };
  if (macAlgorithm === MacAlgorithm.null) return printMessage(whole);
  return printWithMac(whole, keys.authentication, ...verified(names, timestamp.value, compat));
}

/** HDR, T, [IDr], V (sections 3.1 and 3.2). */
export function printVerification(verifier: Verifier, header: Header, extensions: readonly Payload[]): Uint8Array {
  const { names, timestamp, compat } = verifier;
  return printVerified(verifier, {
    header,
    payloads: [timestamp, ...(compat ? [] : [names.responder]), ...extensions],
  });
}

function isVerified(verifier: Verifier, message: ParsedMessage, mac: Uint8Array, names: Names): boolean {
  const { keys, timestamp, compat } = verifier;
  const expected = computeMac(
    keys.authentication,
    covered(message.bytes, MAC_BYTES),
    ...verified(names, timestamp.value, compat),
  );
  return macsEqual(mac, expected);
}

/** Checks an answer HDR, T, [IDr], V. */
export function checkVerification(verifier: Verifier, answer: ParsedMessage, peerUri: string): MikeyResult<undefined> {
  const allowed = allowOnly(answer, ["timestamp", "id", "verification"]);
  if (!allowed.ok) return allowed;
  const v = closing(answer, "verification");
  if (!v.ok) return v;
  if (v.value.macAlgorithm !== verifier.macAlgorithm)
    return refuse("unsupported-mac", "an answer without HMAC-SHA-1 proves nothing");
  const ids = payloadsOf(answer, "id");
  if (ids.length > 1) return refuse("malformed-message", `${ids.length} identities in the answer`);
  const responder = ids[0] ?? verifier.names.responder;
  const named = checkIdentity(responder, peerUri, "responder");
  if (!named.ok) return named;
  if (v.value.macAlgorithm === MacAlgorithm.null) return ok(undefined);
  return isVerified(verifier, answer, v.value.mac, { ...verifier.names, responder })
    ? ok(undefined)
    : refuse("wrong-psk", "the answer's verification MAC does not fit our shared key");
}

/** Whether an error message ends in a V that fits. */
export function provesErrorByMac(verifier: Verifier, error: ParsedMessage): boolean {
  const v = closing(error, "verification");
  if (!v.ok || v.value.macAlgorithm !== MacAlgorithm.hmacSha1) return false;
  return isVerified(verifier, error, v.value.mac, verifier.names);
}

/** Both names of an offer must be there and be the right ones; minisip leaves them out, and SIP's names then stand for them. */
export function offerParties(found: OfferNames, parties: Parties): MikeyResult<Names> {
  const { initiator, responder } = found;
  if (parties.compat && !initiator && !responder)
    return ok({ initiator: idPayload(parties.peerUri), responder: idPayload(parties.localUri) });
  const isFromPeer = checkIdentity(initiator, parties.peerUri, "initiator");
  if (!isFromPeer.ok) return isFromPeer;
  const isForUs = checkIdentity(responder, parties.localUri, "responder");
  if (!isForUs.ok) return isForUs;
  return initiator && responder
    ? ok({ initiator, responder })
    : refuse("missing-identity", "the message does not name both ends");
}

/** The keys an offer is to carry: fresh ones, given ones or none. `before` bytes stand in front of them in the KEMAC. */
export function keysFor(wish: KeyWish, random: RandomSource, encryption: number, before = 0): AgreedKey[] {
  if (wish.kind === "unchanged") return [];
  if (wish.kind === "given") return copyKeys(wish.keys);
  // The bytes of its key validity come behind a TGK.
  const marks = wish.validity.kind === "spi" ? 1 + wish.validity.spi.length : 0;
  const key = random(tgkBytes(encryption, before + marks));
  return [{ kind: "tgk", key, validity: wish.validity }];
}

/** Only an update may come without keys (section 4.5). */
export function needKeys(
  keys: MikeyResult<readonly AgreedKey[]>,
  isUpdate: boolean,
): MikeyResult<readonly AgreedKey[]> {
  return keys.ok && keys.value.length === 0 && !isUpdate
    ? refuse("malformed-message", "the message brings no key")
    : keys;
}

/** Which of the two an encryption is called when it is refused. */
export function checkTransport(
  encryption: number,
  macAlgorithm: number,
  hasMac: boolean,
  transport: KeyTransport,
): MikeyResult<undefined> {
  const { acceptedEncryptions = [EncryptionAlgorithm.aesCm128], trustsCarrier = false } = transport;
  if (hasMac && macAlgorithm !== MacAlgorithm.hmacSha1 && !trustsCarrier)
    return refuse("unsupported-mac", "a message without HMAC-SHA-1 proves nothing");
  if (!acceptedEncryptions.includes(encryption))
    return refuse("unsupported-encryption", `key data encryption ${encryption} is not accepted, only AES-CM-128`);
  return ok(undefined);
}
