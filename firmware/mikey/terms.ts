// The terms of an agreement, whatever the method: names, protocol list, crypto sessions, policies; and how refusals are said.

import { sipIdentity } from "../crypto/sip-identity.js";
import { ok } from "../runtime/result.js";
import { sameBytes } from "./bytes.js";
import { announced } from "./capabilities.js";
import { answeredSessions, type MapShape } from "./crypto-sessions.js";
import { errorMessage, errorNumbers, type MikeyError, type MikeyResult, refuse } from "./errors.js";
import type { Header, SrtpSession } from "./header.js";
import { type ParsedMessage, payloadsOf, printMessage } from "./message.js";
import type { AuthenticOffer, OpenOffer, Parties } from "./methods/method.js";
import { DataType, ErrorNumber, ExtensionType, errorNames, MapType } from "./numbers.js";
import type { Payload, PolicyPayload, TimestampPayload } from "./payloads/index.js";
import { acceptPolicies, type ChosenPolicy } from "./policy-choice.js";
import { type MikeySuite, type SrtpTerms, type SrtpUse, supportedPolicies } from "./srtp-policy.js";

const encoder = new TextEncoder();
const mikeyAlone = encoder.encode("mikey");

/** Who takes part in a call, and with which streams of ours. */
export interface CallParties extends Parties {
  /** SSRC of our stream, not 0 (which the CS ID map reads as "not chosen yet"). */
  readonly ssrc: number;
  /** SSRCs of further streams of ours. */
  readonly moreSsrcs?: readonly number[];
  /** What an offered CS ID map may look like; default `pairs`: one session in each direction for each stream of ours. */
  readonly map?: MapShape;
  /** Sessions and policy agreed outside MIKEY: offers have, and answers to them need, the empty map (RFC 4563 section 5). */
  readonly outside?: { readonly sessions: readonly SrtpSession[]; readonly suite: MikeySuite };
}

/** SSRCs of all streams of ours. */
export function ownSsrcs(parties: CallParties): readonly number[] {
  return [parties.ssrc, ...(parties.moreSsrcs ?? [])];
}

/** Why an offer was refused, and the error message to send back if there is something to say. */
export interface Refusal extends MikeyError {
  readonly reply?: Uint8Array;
}

/** The list of key management protocols, as the general extension carries it (RFC 4567 section 4.1.4); not to be changed. */
export function protocolList(protocols: readonly string[]): Uint8Array {
  // What nearly every description has.
  if (protocols.length === 1 && protocols[0] === "mikey") return mikeyAlone;
  return encoder.encode(protocols.join(";"));
}

/** Both names must be SIP URIs. */
export function checkParties(parties: CallParties): MikeyResult<undefined> {
  for (const uri of [parties.localUri, parties.peerUri])
    if (sipIdentity(uri) === undefined) return refuse("unsupported-identity", "only SIP URIs can be identities");
  return ok(undefined);
}

/** What an authentic offer asks for and we can give. */
export interface Terms {
  readonly sessions: readonly SrtpSession[];
  /** What is asked of SRTP in each of them. */
  readonly uses: readonly SrtpUse[];
  /** The policies its sessions name. */
  readonly policies: readonly PolicyPayload[];
}

/** Terms of sessions whose policies were chosen among `policies`. */
export function termsOf(
  sessions: readonly SrtpSession[],
  chosen: readonly ChosenPolicy[],
  policies: readonly PolicyPayload[],
): Terms {
  const numbers = new Set(chosen.map(({ policy }) => policy));
  return {
    sessions,
    uses: chosen.map(({ use }) => use),
    policies: policies.filter(({ number }) => numbers.has(number)),
  };
}

/** Terms that were agreed outside MIKEY. */
export function outsideTerms({ sessions, suite }: NonNullable<CallParties["outside"]>): Terms {
  return { sessions, uses: sessions.map(() => ({ suite })), policies: [] };
}

/** What {@link checkTerms} goes by. */
export interface TermsContext {
  readonly protocols: readonly string[];
  /** Data types of all the MIKEY offers of the description, in order; default: there is one. */
  readonly offers?: readonly number[];
  readonly suites: readonly MikeySuite[];
  /** Protection that may be missing. */
  readonly srtp: SrtpTerms;
  /** The method lets the responder choose among the offered policies (RFC 4738 section 3.5). */
  readonly responderChooses: boolean;
  /** SSRCs for the sessions that wait for ours. */
  readonly fill: readonly number[];
  /** Sessions and policies of the bundle that is being updated. */
  readonly known?: { readonly sessions: readonly SrtpSession[]; readonly policies: readonly PolicyPayload[] };
}

/** The list of protocols must be the one the offer was made with (RFC 4567 section 4.1.4). */
function checkProtocols(message: ParsedMessage, protocols: readonly string[]): MikeyResult<undefined> {
  const lists = payloadsOf(message, "extension").filter((extension) => extension.type === ExtensionType.sdpIds);
  // A sender that offers only MIKEY and leaves the list out hides nothing; among several, a missing list may be a removed one.
  const isSame = lists.every((list) => sameBytes(list.data, protocolList(protocols)));
  if (!isSame || (lists.length === 0 && protocols.length > 1))
    return refuse("bidding-down", "the list of key management protocols was changed on the way");
  return ok(undefined);
}

/**
 * RFC 4567's list tells protocols apart, and all methods of MIKEY are one protocol: the methods offered are in our own extension. A
 * sender that lists none lets nobody choose: then the first offer is the one that counts.
 */
function checkOffers(message: ParsedMessage, seen: readonly number[]): MikeyResult<undefined> {
  const said = announced(message).offers;
  // An envelope key that was kept makes a pre-shared key message of a public-key one (RFC 3830 section 3.2).
  const fits = (type: number, i: number) =>
    type === seen[i] || (type === DataType.publicKey && seen[i] === DataType.psk);
  const isSame =
    said.length > 0 ? said.length === seen.length && said.every(fits) : message.header.dataType === seen[0];
  if (!isSame) return refuse("bidding-down", "the list of offered methods was changed on the way");
  return ok(undefined);
}

/** What an authentic offer must ask for, so that we can give it; the crypto sessions of our answer. */
export function checkTerms(message: ParsedMessage, parties: CallParties, context: TermsContext): MikeyResult<Terms> {
  const { header } = message;
  const listed = checkProtocols(message, context.protocols);
  if (!listed.ok) return listed;
  const offered = checkOffers(message, context.offers ?? [header.dataType]);
  if (!offered.ok) return offered;
  if (header.mapType === MapType.empty) return emptyMapTerms(message, parties);
  const sessions = answeredSessions(header.sessions, context.fill, parties.map ?? "pairs", context.known?.sessions);
  if (!sessions.ok) return sessions;
  const said = payloadsOf(message, "policy");
  const policies = said.length === 0 && context.known ? context.known.policies : said;
  const mayChoose = context.responderChooses || announced(message).choosesPolicy;
  const chosen = acceptPolicies({ sessions: sessions.value }, policies, context.suites, mayChoose, context.srtp);
  if (!chosen.ok) return chosen;
  const named = sessions.value.map((session, i) => ({ ...session, policy: chosen.value[i].policy }));
  return ok(termsOf(named, chosen.value, policies));
}

function emptyMapTerms(message: ParsedMessage, parties: CallParties): MikeyResult<Terms> {
  const { outside } = parties;
  if (!outside) return refuse("unsupported-cs-map", "the message names no crypto sessions for SRTP");
  if (payloadsOf(message, "policy").length > 0)
    return refuse("malformed-message", "an empty CS ID map goes without policies (RFC 4563 section 5)");
  return ok(outsideTerms(outside));
}

/** The peer's error message, authenticated or not: either way there are no keys, so it is only believed as an explanation. */
export async function refusedByPeer(
  error: ParsedMessage,
  open: OpenOffer,
  nowMs: number,
): Promise<{ readonly ok: false; readonly error: MikeyError }> {
  const names = payloadsOf(error, "error").map(({ number }) => errorNames[number] ?? `error ${number}`);
  const proved = (await open.provesError(error, nowMs)) ? "" : " (not authenticated)";
  const refusal = refuse(
    "refused-by-peer",
    `the peer refused our offer: ${names.join(", ") || "no reason given"}${proved}`,
  );
  const policies = payloadsOf(error, "policy");
  return policies.length === 0 ? refusal : { ok: false, error: { ...refusal.error, policies } };
}

/** Adds the error message of section 5.1.2 to an error that has a number and a timestamp to repeat. */
export async function withReply(
  error: MikeyError,
  header: Header | undefined,
  timestamp: TimestampPayload | undefined,
  suites: readonly MikeySuite[],
  authentic?: AuthenticOffer,
): Promise<Refusal> {
  const isUnreadable = error.code === "malformed-message" && header?.dataType === DataType.rsaRInit;
  const number = isUnreadable ? ErrorNumber.unparseable : errorNumbers[error.code];
  if (number === undefined || !header || !timestamp) return error;
  const isAboutPolicy = error.code === "unsupported-policy" || error.code === "unsupported-protocol";
  const message = errorMessage(header.csbId, timestamp, number, isAboutPolicy ? supportedPolicies(suites) : []);
  const payloads: readonly Payload[] = message.payloads;
  const reply = authentic ? await authentic.sealError({ header: message.header, payloads }) : printMessage(message);
  return { ...error, reply };
}
