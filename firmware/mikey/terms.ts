// The terms of an agreement, whatever the method: names, protocol list, crypto sessions, policies; and how refusals are said.

import { sipIdentity } from "../crypto/sip-identity.js";
import { ok } from "../runtime/result.js";
import { sameBytes } from "./bytes.js";
import { answeredSessions } from "./crypto-sessions.js";
import { errorMessage, errorNumbers, type MikeyError, type MikeyResult, refuse } from "./errors.js";
import type { Header } from "./header.js";
import { type ParsedMessage, payloadsOf, printMessage } from "./message.js";
import type { AuthenticOffer, OpenOffer, Parties } from "./methods/method.js";
import { ExtensionType, errorNames } from "./numbers.js";
import type { Payload, TimestampPayload } from "./payloads/index.js";
import { acceptPolicies, supportedPolicies } from "./srtp-policy.js";

/** Who takes part in a call, and with which stream of ours. */
export interface CallParties extends Parties {
  /** SSRC of our stream, not 0 (which the CS ID map reads as "not chosen yet"). */
  readonly ssrc: number;
}

/** Why an offer was refused, and the error message to send back if there is something to say. */
export interface Refusal extends MikeyError {
  readonly reply?: Uint8Array;
}

/** The list of key management protocols, as the general extension carries it (RFC 4567 section 4.1.4). */
export function protocolList(protocols: readonly string[]): Uint8Array {
  return new TextEncoder().encode(protocols.join(";"));
}

/** Both names must be SIP URIs. */
export function checkParties(parties: CallParties): MikeyResult<undefined> {
  for (const uri of [parties.localUri, parties.peerUri])
    if (sipIdentity(uri) === undefined) return refuse("unsupported-identity", "only SIP URIs can be identities");
  return ok(undefined);
}

/** What an authentic offer must ask for, so that we can give it; the crypto sessions of our answer. */
export function checkTerms(
  message: ParsedMessage,
  parties: CallParties,
  protocols: readonly string[],
): MikeyResult<Header["sessions"]> {
  const lists = payloadsOf(message, "extension").filter((extension) => extension.type === ExtensionType.sdpIds);
  // A sender that offers only MIKEY and leaves the list out hides nothing; among several, a missing list may be a removed one.
  const isSame = lists.every((list) => sameBytes(list.data, protocolList(protocols)));
  if (!isSame || (lists.length === 0 && protocols.length > 1))
    return refuse("bidding-down", "the list of key management protocols was changed on the way");
  const sessions = answeredSessions(message.header, parties.ssrc);
  if (!sessions.ok) return sessions;
  const suites = acceptPolicies(message.header, payloadsOf(message, "policy"));
  return suites.ok ? sessions : suites;
}

/** The peer's error message, authenticated or not: either way there are no keys, so it is only believed as an explanation. */
export function refusedByPeer(error: ParsedMessage, open: OpenOffer): MikeyResult<never> {
  const names = payloadsOf(error, "error").map(({ number }) => errorNames[number] ?? `error ${number}`);
  const proved = open.provesError(error) ? "" : " (not authenticated)";
  return refuse("refused-by-peer", `the peer refused our offer: ${names.join(", ") || "no reason given"}${proved}`);
}

/** Adds the error message of section 5.1.2 to an error that has a number and a timestamp to repeat. */
export function withReply(
  error: MikeyError,
  header: Header | undefined,
  timestamp: TimestampPayload | undefined,
  authentic?: AuthenticOffer,
): Refusal {
  const number = errorNumbers[error.code];
  if (number === undefined || !header || !timestamp) return error;
  const isAboutPolicy = error.code === "unsupported-policy" || error.code === "unsupported-protocol";
  const message = errorMessage(header.csbId, timestamp, number, isAboutPolicy ? supportedPolicies() : []);
  const payloads: readonly Payload[] = message.payloads;
  const reply = authentic ? authentic.sealError({ header: message.header, payloads }) : printMessage(message);
  return { ...error, reply };
}
