// The responder's side of an exchange: an offer read and authenticated, its answer written; the same for all methods.

import { ok, type Result } from "../runtime/result.js";
import { type Agreed, type Agreement, settle } from "./agreed.js";
import { announce, announced } from "./capabilities.js";
import { type CryptoSession, checkKeys } from "./crypto-sessions.js";
import { adopt, type MikeyResult, refuse } from "./errors.js";
import type { ExchangeContext } from "./exchange.js";
import type { Header, SrtpSession } from "./header.js";
import type { AgreedKey } from "./key-data.js";
import { type ParsedMessage, parseMessage, payloadsOf } from "./message.js";
import type { AnswerFrame, AuthenticOffer, MethodName, MikeyMethod, Outcome, PeerProof } from "./methods/method.js";
import { single } from "./methods/method.js";
import { MapType, PrfFunction } from "./numbers.js";
import type { PolicyPayload, TimestampPayload } from "./payloads/index.js";
import { acceptPolicies } from "./policy-choice.js";
import { replayKey } from "./replay.js";
import {
  type CallParties,
  checkParties,
  checkTerms,
  ownSsrcs,
  type Refusal,
  type Terms,
  termsOf,
  withReply,
} from "./terms.js";
import { covered } from "./transport.js";

/** Least RAND that is taken (section 6.11 says SHOULD). */
const RAND_BYTES = 16;

/** A group's keys and what they are for, given to a member that asks (RSA-R). */
export type GroupAnswer = AnswerFrame["group"] & {
  readonly keys: readonly AgreedKey[];
  readonly sessions: readonly SrtpSession[];
  readonly policies: readonly PolicyPayload[];
};

/** A received offer whose sender is authenticated and whose terms we can meet. */
export interface ReceivedOffer {
  readonly method: MethodName;
  readonly label: string;
  readonly peer: PeerProof;
  /** The initiator waits for an answer. Without one its CS ID map keeps our SSRCs open, so one may be sent all the same. */
  readonly isAnswerWanted: boolean;
  /**
   * Writes the answer; once. Its keys can wait until it is on its way: the secret of a Diffie-Hellman exchange is the dearest part of answering, and
   * no byte of the answer depends on it.
   * @param group RSA-R: the keys of a group, given to a member that asks for them.
   */
  write(group?: GroupAnswer): Promise<Result<{ message: Uint8Array; agree(): MikeyResult<Agreement> }, Refusal>>;
  /** Writes the answer and derives the keys, in one; see {@link write}. */
  answer(group?: GroupAnswer): Promise<Result<{ message: Uint8Array; agreement: Agreement }, Refusal>>;
  /** Derives the keys without an answer. `internal-error`: the method cannot do without. */
  assume(): MikeyResult<Agreement>;
  /** Zeroes what is kept. Keys of a written answer that nobody asked for are gone then. */
  wipe(): void;
}

/** An offer to be read. */
export interface ReceivePlan {
  readonly parties: CallParties;
  readonly protocols: readonly string[];
  /** Data types of all the MIKEY offers of the description; default: this is the only one. */
  readonly offers?: readonly number[];
  readonly nowMs: number;
  methods(dataType: number): readonly MikeyMethod[];
  readonly current?: Agreed;
  /** SSRCs for sessions that wait for ours; default: all of ours. */
  readonly fill?: readonly number[];
}

interface Authenticated {
  readonly method: MikeyMethod;
  readonly authentic: AuthenticOffer;
  readonly rand: Uint8Array;
}

/** Reads an offer; see {@link ReceivePlan}. */
export async function readOffer(
  context: ExchangeContext,
  bytes: Uint8Array,
  plan: ReceivePlan,
): Promise<Result<ReceivedOffer, Refusal>> {
  const { suites } = context;
  const parsed = parseMessage(bytes);
  if (!parsed.ok) {
    const { header, payloads } = parsed.error;
    const { error } = adopt(parsed.error);
    const timestamp = payloads.find((payload): payload is TimestampPayload => payload.kind === "timestamp");
    return { ok: false, error: await withReply(error, header, timestamp, suites) };
  }
  const message = parsed.value;
  const timestamp = single(message, "timestamp");
  if (!timestamp.ok) return timestamp;
  const result = await authenticate(context, message, timestamp.value, plan);
  if (!result.ok) return { ok: false, error: await withReply(result.error, message.header, timestamp.value, suites) };
  const { method, authentic } = result.value;
  const agreed = offeredTerms(context, message, method, authentic, plan);
  if (!agreed.ok) {
    const error = await withReply(agreed.error, message.header, timestamp.value, suites, authentic);
    authentic.wipe();
    return { ok: false, error };
  }
  return ok(new AnswerableOffer(context, plan, message, result.value, agreed.value));
}

/** Cheap checks, then the method's proof, then the memory for replays: nothing is remembered of what is not authentic. */
async function authenticate(
  context: ExchangeContext,
  message: ParsedMessage,
  timestamp: TimestampPayload,
  plan: ReceivePlan,
): Promise<MikeyResult<Authenticated>> {
  const { header } = message;
  const { freshness, replay } = context;
  const { parties, nowMs, current } = plan;
  const methods = plan.methods(header.dataType);
  if (methods.length === 0)
    return refuse("unsupported-method", `offers of data type ${header.dataType} cannot be answered`);
  if (header.prf !== PrfFunction.mikey1) return refuse("unsupported-prf", `PRF ${header.prf} is not known`);
  const named = checkParties(parties);
  if (!named.ok) return named;
  if (current && header.csbId !== current.csbId)
    return refuse("unknown-bundle", "the update is for another bundle than the running one");
  const fresh = freshness.check(timestamp, parties, nowMs);
  if (!fresh.ok) return fresh;
  const { untilMs } = fresh.value;
  const proof = methods[0].proofLength(message);
  if (!proof.ok) return proof;
  const key = replayKey(covered(message.bytes, proof.value));
  if (replay.has(key, untilMs)) return refuse("replayed", "the message was seen before");
  const rand = randOf(message, current, methods[0]);
  if (!rand.ok) return rand;
  const isUpdate = current !== undefined;
  const { localUri, peerUri, compat, fetchCertificates } = parties;
  const { random } = context;
  const who = { localUri, peerUri, compat, fetchCertificates };
  const frame = { ...who, timestamp, rand: rand.value, isUpdate, random, nowMs };
  let found: MikeyResult<Authenticated> = refuse("wrong-psk", "no key fits");
  for (const method of methods) {
    const authentic = await method.authenticate(message, frame);
    found = authentic.ok ? ok({ method, authentic: authentic.value, rand: rand.value }) : authentic;
    // Several methods of one data type are several keys; only the wrong key leads to the next.
    if (authentic.ok || authentic.error.code !== "wrong-psk") break;
  }
  if (!found.ok) return found;
  // A counter that is not remembered protects nothing once the cache has forgotten the message.
  const remembered = freshness.saw(timestamp, parties) ? replay.add(key, untilMs, nowMs) : "full";
  if (remembered === "added") return found;
  found.value.authentic.wipe();
  return remembered === "known"
    ? refuse("replayed", "the message was seen before")
    : refuse("replay-cache-full", "too many calls in a short time to tell new ones from replayed ones");
}

/** RAND of an offer, or of the bundle it updates: an update brings none (section 4.5), an RSA-R offer may leave it to us. */
function randOf(message: ParsedMessage, current: Agreed | undefined, method: MikeyMethod): MikeyResult<Uint8Array> {
  const rands = payloadsOf(message, "rand");
  if (current) {
    return rands.length === 0
      ? ok(current.rand)
      : refuse("malformed-message", "an update of a bundle must not bring a new RAND");
  }
  if (rands.length === 0)
    return method.responderChooses
      ? ok(new Uint8Array(0))
      : refuse("unknown-bundle", "a message without RAND updates a bundle, and no such bundle is running");
  const rand = single(message, "rand");
  if (!rand.ok) return rand;
  if (rand.value.rand.length < RAND_BYTES)
    return refuse("malformed-message", `RAND of ${rand.value.rand.length} bytes, at least ${RAND_BYTES} are needed`);
  return ok(rand.value.rand);
}

/** What an authentic offer asks for, if we can give it with the keys it brings. */
function offeredTerms(
  context: ExchangeContext,
  message: ParsedMessage,
  method: MikeyMethod,
  authentic: AuthenticOffer,
  plan: ReceivePlan,
): MikeyResult<Terms> {
  const { mapType, sessionCount } = message.header;
  const isGroupWish = method.responderChooses === true && mapType === MapType.srtpId && sessionCount === 0;
  if (isGroupWish) return ok({ sessions: [], uses: [], policies: [] });
  const terms = checkTerms(message, plan.parties, {
    protocols: plan.protocols,
    suites: context.suites,
    srtp: context.srtp,
    responderChooses: method.responderChooses === true,
    fill: plan.fill ?? ownSsrcs(plan.parties),
    ...(plan.offers ? { offers: plan.offers } : {}),
    ...(plan.current ? { known: plan.current } : {}),
  });
  if (!terms.ok || !authentic.keys || authentic.keys.length === 0) return terms;
  const usable = checkKeys(authentic.keys, terms.value.uses);
  return usable.ok ? terms : usable;
}

class AnswerableOffer implements ReceivedOffer {
  private isWiped = false;

  constructor(
    private readonly context: ExchangeContext,
    private readonly plan: ReceivePlan,
    private readonly offer: ParsedMessage,
    private readonly found: Authenticated,
    private readonly terms: Terms,
  ) {}

  get method(): MethodName {
    return this.found.method.name;
  }
  get label(): string {
    return this.found.authentic.label ?? this.found.method.label;
  }
  get peer(): PeerProof {
    return this.found.authentic.peer;
  }
  get isAnswerWanted(): boolean {
    return this.offer.header.verify || this.found.authentic.isAnswerNeeded;
  }

  async answer(group?: GroupAnswer): Promise<Result<{ message: Uint8Array; agreement: Agreement }, Refusal>> {
    const written = await this.write(group);
    if (!written.ok) return written;
    const agreement = written.value.agree();
    return agreement.ok ? ok({ message: written.value.message, agreement: agreement.value }) : agreement;
  }

  async write(group?: GroupAnswer): Promise<Result<{ message: Uint8Array; agree(): MikeyResult<Agreement> }, Refusal>> {
    const { method, authentic } = this.found;
    const { parties } = this.plan;
    const chosen: MikeyResult<Terms> = group ? this.groupTerms(group) : ok(this.terms);
    if (!chosen.ok) return chosen;
    const vendor =
      announced(this.offer).signatures.length > 0
        ? announce({ signatures: method.announces ?? [], certificate: method.markOf?.(parties.peerUri) })
        : undefined;
    const written = await authentic.answer({
      header: this.header(chosen.value),
      extensions: vendor ? [vendor] : [],
      policies: parties.compat ? [] : chosen.value.policies,
      keys: group ? { kind: "given", keys: group.keys } : { kind: "fresh", validity: { kind: "none" } },
      ...(group ? { group } : {}),
    });
    if (!written.ok) return written;
    if (this.isWiped) {
      // Given up while it was signed: what it has made meanwhile goes, too.
      authentic.wipe();
      return refuse("internal-error", "the exchange was given up");
    }
    const { message, agree } = written.value;
    return ok({
      message,
      agree: () => {
        // Zeros in place of what was wiped would be keys that everybody knows.
        if (this.isWiped) return refuse("internal-error", "the exchange was given up");
        const outcome = agree();
        return outcome.ok ? this.settle(chosen.value, outcome.value) : outcome;
      },
    });
  }

  assume(): MikeyResult<Agreement> {
    const { authentic } = this.found;
    if (!authentic.assume) return refuse("internal-error", "the method needs an answer");
    return this.settle(this.terms, authentic.assume());
  }

  wipe(): void {
    this.isWiped = true;
    this.found.authentic.wipe();
  }

  private header({ sessions }: Terms): Header {
    const { header } = this.offer;
    const isEmpty = header.mapType === MapType.empty;
    return {
      dataType: this.found.method.answerType,
      verify: false,
      prf: PrfFunction.mikey1,
      csbId: header.csbId,
      mapType: header.mapType,
      sessionCount: isEmpty ? header.sessionCount : sessions.length,
      sessions: isEmpty ? [] : sessions,
    };
  }

  private groupTerms(group: GroupAnswer): MikeyResult<Terms> {
    const { suites, srtp } = this.context;
    const chosen = acceptPolicies(group, group.policies, suites, false, srtp);
    return chosen.ok ? ok(termsOf(group.sessions, chosen.value, group.policies)) : chosen;
  }

  private settle(terms: Terms, outcome: Outcome): MikeyResult<Agreement> {
    const { context, plan, offer, found } = this;
    const { parties, current, nowMs } = plan;
    const own = ownSsrcs(parties);
    const directions = terms.sessions.map((session, i): CryptoSession["direction"] => {
      const before = current?.directions[i];
      if (before) return before;
      return offer.header.sessions[i]?.ssrc === 0 || own.includes(session.ssrc) ? "sent" : "received";
    });
    const { method, rand } = found;
    const { csbId } = offer.header;
    const { label } = this;
    return settle({ parties, current, method, label, terms, directions, outcome, csbId, rand }, context.keep, nowMs);
  }
}
