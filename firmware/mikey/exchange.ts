// One exchange, initial or updating a bundle: offers made and read, answers written and read, the same for all methods.

import { toNtp } from "../runtime/clock.js";
import { ok, type Result } from "../runtime/result.js";
import type { Bundle } from "./bundle.js";
import { copy, sameBytes } from "./bytes.js";
import { announce, announced } from "./capabilities.js";
import { type CryptoSession, checkAnswerHeader, checkKeys, deriveSessions, wipeSessions } from "./crypto-sessions.js";
import { prfOf } from "./dialect.js";
import { adopt, type MikeyResult, refuse } from "./errors.js";
import type { Header, SrtpSession } from "./header.js";
import { type AgreedKey, copyKeys, wipeKeys } from "./key-data.js";
import { type ParsedMessage, parseMessage, payloadsOf } from "./message.js";
import type {
  AnswerFrame,
  AuthenticOffer,
  Envelope,
  KeyWish,
  MethodName,
  MikeyMethod,
  OpenOffer,
  Outcome,
  PeerProof,
  RandomSource,
} from "./methods/method.js";
import { single } from "./methods/method.js";
import { DataType, ExtensionType, MapType, PrfFunction, TimestampType } from "./numbers.js";
import type { ExtensionPayload, PolicyPayload, TimestampPayload } from "./payloads/index.js";
import {
  aheadMs,
  type CounterStore,
  DEFAULT_SKEW_MS,
  type ReplayCache,
  readCounter,
  readNtp,
  replayKey,
  writeCounter,
  writeNtp,
} from "./replay.js";
import { acceptPolicies, DEFAULT_SUITE, type MikeySuite, policyFor } from "./srtp-policy.js";
import {
  type CallParties,
  checkParties,
  checkTerms,
  ownSsrcs,
  protocolList,
  type Refusal,
  refusedByPeer,
  type Terms,
  withReply,
} from "./terms.js";
import { covered } from "./transport.js";

const RAND_BYTES = 16;

/** What an agent gives its exchanges. */
export interface ExchangeOptions {
  readonly replay: ReplayCache;
  readonly random: RandomSource;
  readonly skewMs?: number;
  readonly suites?: readonly MikeySuite[];
  readonly timestamps?: "ntp-utc" | "ntp" | "counter";
  readonly counters?: CounterStore;
}

/** Keys of a bundle: in a call one crypto session per direction. */
export interface Agreement {
  readonly method: MethodName;
  readonly label: string;
  readonly csbId: number;
  readonly peer: PeerProof;
  /** Every crypto session, in the order of the CS ID map. */
  readonly sessions: readonly CryptoSession[];
  /** The first session we send. Throws TypeError when there is none. */
  readonly sent: CryptoSession;
  /** The first session we receive. Throws TypeError when there is none. */
  readonly received: CryptoSession;
  /** What later updates need, when the agent keeps bundles; whoever has it closes it. */
  readonly bundle?: Bundle;
}

/** Zeroes an agreement's keys. */
export function wipeAgreement(agreement: Agreement): void {
  wipeSessions(agreement.sessions);
}

/** An offer on its way. */
export interface SentOffer {
  readonly message: Uint8Array;
  /** Reads the answer: authenticates it and derives the keys. */
  accept(answer: Uint8Array, nowMs: number): Promise<MikeyResult<Agreement>>;
  /** The keys of an offer that asked for no answer; the peer has proved nothing yet. `internal-error`: it did ask. */
  assume(nowMs: number): MikeyResult<Agreement>;
  /** Zeroes what waits for the answer; a later {@link accept} fails. */
  wipe(): void;
  /** The bundle has ended: wipes, and lets its CSB ID be used again. */
  end(): void;
}

/** A received offer whose sender is authenticated and whose terms we can meet. */
export interface ReceivedOffer {
  readonly method: MethodName;
  readonly label: string;
  readonly peer: PeerProof;
  /** The initiator waits for an answer. Without one its CS ID map keeps our SSRCs open, so one may be sent all the same. */
  readonly isAnswerWanted: boolean;
  /**
   * Writes the answer and derives the keys.
   * @param group RSA-R: the keys of a group, given to a member that asks for them.
   */
  answer(
    group?: AnswerFrame["group"] & {
      keys: readonly AgreedKey[];
      sessions: readonly SrtpSession[];
      policies: readonly PolicyPayload[];
    },
  ): Promise<Result<{ message: Uint8Array; agreement: Agreement }, Refusal>>;
  /** Derives the keys without an answer. `internal-error`: the method cannot do without. */
  assume(): MikeyResult<Agreement>;
  wipe(): void;
}

/** A bundle's state as an exchange leaves it: enough to update it, or to give it to others. */
export interface Agreed {
  readonly method: MikeyMethod;
  readonly label: string;
  readonly peer: PeerProof;
  readonly parties: CallParties;
  /** The CSB ID of messages, and the one the media keys are made with (they differ in RSA-R's groups). */
  readonly csbId: number;
  readonly keyCsbId: number;
  readonly rand: Uint8Array;
  readonly keys: readonly AgreedKey[];
  readonly sessions: readonly SrtpSession[];
  readonly directions: readonly CryptoSession["direction"][];
  readonly suites: readonly MikeySuite[];
  readonly policies: readonly PolicyPayload[];
  readonly envelope?: Envelope;
}

/** An offer to be made. */
export interface OfferPlan {
  readonly method: MikeyMethod;
  readonly parties: CallParties;
  readonly protocols: readonly string[];
  readonly nowMs: number;
  readonly csbId: number;
  readonly rand: Uint8Array;
  readonly sessions: readonly SrtpSession[];
  /** Default: our suites. */
  readonly policies?: readonly PolicyPayload[];
  readonly keys: KeyWish;
  readonly verify: boolean;
  readonly asksForGroup: boolean;
  /** The bundle that is updated. */
  readonly current?: Agreed;
  /** The bundle's CSB ID may be used again. */
  end(): void;
}

/** An offer to be read. */
export interface ReceivePlan {
  readonly parties: CallParties;
  readonly protocols: readonly string[];
  readonly nowMs: number;
  methods(dataType: number): readonly MikeyMethod[];
  readonly current?: Agreed;
  /** SSRCs for sessions that wait for ours; default: all of ours. */
  readonly fill?: readonly number[];
}

/** Makes an {@link Agreement} and lets the agent keep what it wants of it. */
export type Keep = (agreed: Agreed, nowMs: number) => Bundle | undefined;

interface Authenticated {
  readonly method: MikeyMethod;
  readonly authentic: AuthenticOffer;
  readonly rand: Uint8Array;
}

/** The exchanges of one agent and its bundles. */
export class Exchange {
  readonly suites: readonly MikeySuite[];
  readonly random: RandomSource;
  private readonly skewMs: number;
  private lastStamp = 0n;

  constructor(
    private readonly options: ExchangeOptions,
    private readonly keep: Keep,
  ) {
    this.suites = options.suites ?? [DEFAULT_SUITE];
    this.random = options.random;
    this.skewMs = options.skewMs ?? DEFAULT_SKEW_MS;
  }

  /** Makes an offer; see {@link OfferPlan}. */
  async offer(plan: OfferPlan): Promise<MikeyResult<SentOffer>> {
    const { method, parties, csbId, rand, nowMs } = plan;
    if (!plan.verify && !method.isKeyTransport)
      return refuse("key-not-shareable", "this method needs the peer's answer");
    const isOutside = parties.outside !== undefined;
    const header: Header = {
      dataType: method.offerType,
      verify: plan.verify,
      prf: PrfFunction.mikey1,
      csbId,
      mapType: isOutside ? MapType.empty : MapType.srtpId,
      sessionCount: plan.sessions.length,
      sessions: isOutside ? [] : plan.sessions,
    };
    const timestamp = this.newTimestamp(parties.peerUri, nowMs);
    const isWithoutPolicy = isOutside || plan.asksForGroup;
    const policies = isWithoutPolicy ? [] : (plan.policies ?? this.suites.map((suite, i) => policyFor(suite, i)));
    const open = await method.offer({
      ...parties,
      header,
      timestamp,
      rand,
      isUpdate: plan.current !== undefined,
      keys: plan.keys,
      policies,
      extensions: this.extensionsOf(plan, policies.length > 1),
      random: this.random,
      nowMs,
    });
    return open.ok ? ok(this.sentOffer(plan, header, timestamp, policies, open.value)) : open;
  }

  /** Reads an offer; see {@link ReceivePlan}. */
  async receive(bytes: Uint8Array, plan: ReceivePlan): Promise<Result<ReceivedOffer, Refusal>> {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) {
      const { header, payloads } = parsed.error;
      const { error } = adopt(parsed.error);
      const timestamp = payloads.find((payload): payload is TimestampPayload => payload.kind === "timestamp");
      return { ok: false, error: await withReply(error, header, timestamp, this.suites) };
    }
    const message = parsed.value;
    const timestamp = single(message, "timestamp");
    if (!timestamp.ok) return timestamp;
    const result = await this.authenticate(message, timestamp.value, plan);
    if (!result.ok)
      return { ok: false, error: await withReply(result.error, message.header, timestamp.value, this.suites) };
    const { method, authentic } = result.value;
    const agreed = this.termsOf(message, method, authentic, plan);
    if (!agreed.ok) {
      const error = await withReply(agreed.error, message.header, timestamp.value, this.suites, authentic);
      authentic.wipe();
      return { ok: false, error };
    }
    return ok(this.receivedOffer(result.value, message, agreed.value, plan));
  }

  /** What an authentic offer asks for, if we can give it with the keys it brings. */
  private termsOf(
    message: ParsedMessage,
    method: MikeyMethod,
    authentic: AuthenticOffer,
    plan: ReceivePlan,
  ): MikeyResult<Terms> {
    const { mapType, sessionCount } = message.header;
    const isGroupWish = method.responderChooses === true && mapType === MapType.srtpId && sessionCount === 0;
    if (isGroupWish) return ok({ sessions: [], suites: [], policies: [] });
    const terms = checkTerms(message, plan.parties, {
      protocols: plan.protocols,
      suites: this.suites,
      responderChooses: method.responderChooses === true,
      fill: plan.fill ?? ownSsrcs(plan.parties),
      ...(plan.current ? { known: plan.current } : {}),
    });
    if (!terms.ok || !authentic.keys || authentic.keys.length === 0) return terms;
    const usable = checkKeys(authentic.keys, terms.value.suites);
    return usable.ok ? terms : usable;
  }

  /** Turns what a method gave into keys of sessions; the method's keys are wiped unless the agent keeps the bundle. */
  settle(agreed: Agreed, nowMs: number): MikeyResult<Agreement> {
    const { keys, keyCsbId: csbId, rand, directions, parties } = agreed;
    const bundle = { keys, csbId, rand, prf: prfOf(parties.compat) };
    const sessions = deriveSessions(bundle, agreed.sessions, agreed.suites, (_, i) => directions[i] === "sent");
    const kept = sessions.ok ? this.keep(agreed, nowMs) : undefined;
    if (!kept) wipeKeys(keys);
    agreed.envelope?.key.fill(0);
    if (!sessions.ok) return sessions;
    return ok(agreementOf(agreed, sessions.value, kept));
  }

  private extensionsOf(plan: OfferPlan, isChoice: boolean): ExtensionPayload[] {
    const list: ExtensionPayload = {
      kind: "extension",
      type: ExtensionType.sdpIds,
      data: protocolList(plan.protocols),
    };
    const signatures = plan.parties.compat ? [] : (plan.method.announces ?? []);
    const vendor = announce({ signatures, choosesPolicy: isChoice && !plan.method.responderChooses });
    // An empty list would name no protocol: outside a session description there is none to name.
    return [...(plan.protocols.length > 0 ? [list] : []), ...(vendor ? [vendor] : [])];
  }

  private async authenticate(
    message: ParsedMessage,
    timestamp: TimestampPayload,
    plan: ReceivePlan,
  ): Promise<MikeyResult<Authenticated>> {
    const { header } = message;
    const { parties, nowMs, current } = plan;
    const methods = plan.methods(header.dataType);
    if (methods.length === 0)
      return refuse("unsupported-method", `offers of data type ${header.dataType} cannot be answered`);
    if (header.prf !== PrfFunction.mikey1) return refuse("unsupported-prf", `PRF ${header.prf} is not known`);
    const named = checkParties(parties);
    if (!named.ok) return named;
    if (current && header.csbId !== current.csbId)
      return refuse("unknown-bundle", "the update is for another bundle than the running one");
    const fresh = this.checkFreshness(timestamp, parties.peerUri, nowMs);
    if (!fresh.ok) return fresh;
    const { untilMs } = fresh.value;
    const proof = methods[0].proofLength(message);
    if (!proof.ok) return proof;
    const key = replayKey(covered(message.bytes, proof.value));
    if (this.options.replay.has(key, untilMs)) return refuse("replayed", "the message was seen before");
    const rand = randOf(message, current, methods[0]);
    if (!rand.ok) return rand;
    const isUpdate = current !== undefined;
    const frame = { ...parties, timestamp, rand: rand.value, isUpdate, random: this.random, nowMs };
    let found: MikeyResult<Authenticated> = refuse("wrong-psk", "no key fits");
    for (const method of methods) {
      const authentic = await method.authenticate(message, frame);
      found = authentic.ok ? ok({ method, authentic: authentic.value, rand: rand.value }) : authentic;
      // Several methods of one data type are several keys; only the wrong key leads to the next.
      if (authentic.ok || authentic.error.code !== "wrong-psk") break;
    }
    if (!found.ok) return found;
    const remembered = this.options.replay.add(key, untilMs, nowMs);
    if (remembered !== "added") {
      found.value.authentic.wipe();
      return remembered === "known"
        ? refuse("replayed", "the message was seen before")
        : refuse("replay-cache-full", "too many calls in a short time to tell new ones from replayed ones");
    }
    if (timestamp.type === TimestampType.counter)
      this.options.counters?.saw(parties.peerUri, readCounter(timestamp.value));
    return found;
  }

  /** The clock-skew window, or the order of counters. */
  private checkFreshness(
    timestamp: TimestampPayload,
    peerUri: string,
    nowMs: number,
  ): MikeyResult<{ readonly untilMs: number }> {
    if (timestamp.type === TimestampType.counter) {
      const { counters } = this.options;
      if (!counters) return refuse("unsupported-timestamp", "counters as timestamps are not supported");
      if (readCounter(timestamp.value) <= counters.last(peerUri))
        return refuse("replayed", "the message's counter was reached before");
      return ok({ untilMs: nowMs + this.skewMs });
    }
    const ahead = aheadMs(readNtp(timestamp.value), toNtp(nowMs));
    if (Math.abs(ahead) > this.skewMs)
      return refuse("clock-skew", `the message's clock is ${Math.round(ahead / 1000)} s ahead of ours`);
    return ok({ untilMs: nowMs + ahead + this.skewMs });
  }

  private sentOffer(
    plan: OfferPlan,
    header: Header,
    timestamp: TimestampPayload,
    policies: readonly PolicyPayload[],
    open: OpenOffer,
  ): SentOffer {
    let isWiped = false;
    const wipe = () => {
      isWiped = true;
      open.wipe();
    };
    const readAnswer = async (bytes: Uint8Array, nowMs: number): Promise<MikeyResult<Agreement>> => {
      if (isWiped) return refuse("internal-error", "the exchange was given up");
      const parsed = parseMessage(bytes);
      if (!parsed.ok) return adopt(parsed.error);
      const answer = parsed.value;
      if (answer.header.csbId !== header.csbId) return refuse("response-mismatch", "the answer is for another bundle");
      const echoed = single(answer, "timestamp");
      if (!echoed.ok) return echoed;
      const isEchoed = echoed.value.type === timestamp.type && sameBytes(echoed.value.value, timestamp.value);
      if (!isEchoed && !plan.parties.compat)
        return refuse("response-mismatch", "the answer does not repeat our timestamp");
      if (answer.header.dataType === DataType.error) return refusedByPeer(answer, open, nowMs);
      if (answer.header.dataType !== plan.method.answerType)
        return refuse("response-mismatch", `data type ${answer.header.dataType} does not answer our offer`);
      const chosen = this.answeredTerms(plan, header, policies, answer);
      if (!chosen.ok) return chosen;
      const done = await open.finish(answer, nowMs);
      if (!done.ok) return done;
      return this.settle(this.agreedAsInitiator(plan, chosen.value, done.value), nowMs);
    };
    return {
      message: open.message,
      accept: readAnswer,
      assume: (nowMs) => {
        if (isWiped || plan.verify || !open.assume) return refuse("internal-error", "an answer is needed for the keys");
        const chosen = this.suitesOf(header, plan, policies);
        if (!chosen.ok) return chosen;
        return this.settle(this.agreedAsInitiator(plan, chosen.value, open.assume()), nowMs);
      },
      wipe,
      end: () => {
        wipe();
        plan.end();
      },
    };
  }

  /** Sessions and suites as the answer leaves them. */
  private answeredTerms(
    plan: OfferPlan,
    header: Header,
    policies: readonly PolicyPayload[],
    answer: ParsedMessage,
  ): MikeyResult<Terms> {
    const said = payloadsOf(answer, "policy");
    if (plan.asksForGroup) return this.suitesOf(answer.header, plan, said);
    const isChoice = policies.length > 1;
    const numbers = isChoice ? policies.map(({ number }) => number) : undefined;
    const fits = checkAnswerHeader(header, answer.header, numbers);
    if (!fits.ok) return fits;
    if (!plan.method.responderChooses || said.length === 0) return this.suitesOf(answer.header, plan, policies);
    // RFC 4738 section 3.7: what the responder chose must be what we offered.
    const isOffered = said.every((one) => policies.some((ours) => samePolicy(ours, one)));
    if (!isOffered) return refuse("response-mismatch", "the answer chooses a policy that was not offered");
    return this.suitesOf(answer.header, plan, said);
  }

  private suitesOf(header: Header, plan: OfferPlan, policies: readonly PolicyPayload[]): MikeyResult<Terms> {
    const { outside } = plan.parties;
    if (outside && header.mapType === MapType.empty)
      return ok({ sessions: outside.sessions, suites: outside.sessions.map(() => outside.suite), policies: [] });
    // What is ours to offer is ours to run: an update may go on with a suite that is no longer offered to others.
    const allowed = plan.current ? [...this.suites, ...plan.current.suites] : this.suites;
    const known = policies.length > 0 ? policies : (plan.current?.policies ?? []);
    const chosen = acceptPolicies(header, known, allowed);
    if (!chosen.ok) return chosen;
    const numbers = new Set(chosen.value.map(({ policy }) => policy));
    return ok({
      sessions: header.sessions,
      suites: chosen.value.map(({ suite }) => suite),
      policies: known.filter(({ number }) => numbers.has(number)),
    });
  }

  private agreedAsInitiator(plan: OfferPlan, terms: Terms, outcome: Outcome): Agreed {
    const own = ownSsrcs(plan.parties);
    const { current } = plan;
    const directions = terms.sessions.map((session, i): CryptoSession["direction"] => {
      const before = current?.directions[i];
      if (before) return before;
      const offered = plan.sessions[i];
      const isOurs = offered ? offered.ssrc !== 0 && own.includes(offered.ssrc) : own.includes(session.ssrc);
      return isOurs ? "sent" : "received";
    });
    return agreedOf(plan, plan.method, terms, directions, outcome, plan.csbId, plan.rand);
  }

  private receivedOffer(
    { method, authentic, rand }: Authenticated,
    message: ParsedMessage,
    terms: Terms,
    plan: ReceivePlan,
  ): ReceivedOffer {
    const { header: offered } = message;
    const { current, parties } = plan;
    const own = ownSsrcs(parties);
    const said = announced(message);
    const vendor = said.signatures.length > 0 ? announce({ signatures: method.announces ?? [] }) : undefined;
    const directionsOf = (sessions: readonly SrtpSession[]) =>
      sessions.map((session, i): CryptoSession["direction"] => {
        const before = current?.directions[i];
        if (before) return before;
        return offered.sessions[i]?.ssrc === 0 || own.includes(session.ssrc) ? "sent" : "received";
      });
    const settle = (chosen: Terms, outcome: Outcome) =>
      this.settle(
        agreedOf(plan, method, chosen, directionsOf(chosen.sessions), outcome, offered.csbId, outcome.rand ?? rand),
        plan.nowMs,
      );
    return {
      method: method.name,
      label: method.label,
      peer: authentic.peer,
      isAnswerWanted: offered.verify || authentic.isAnswerNeeded,
      answer: async (group) => {
        const chosen: MikeyResult<Terms> = group ? this.groupTerms(group) : ok(terms);
        if (!chosen.ok) return chosen;
        const { sessions, policies } = chosen.value;
        const isEmpty = offered.mapType === MapType.empty;
        const header: Header = {
          dataType: method.answerType,
          verify: false,
          prf: PrfFunction.mikey1,
          csbId: offered.csbId,
          mapType: offered.mapType,
          sessionCount: isEmpty ? offered.sessionCount : sessions.length,
          sessions: isEmpty ? [] : sessions,
        };
        const written = await authentic.answer({
          header,
          extensions: vendor ? [vendor] : [],
          policies: parties.compat ? [] : policies,
          keys: group ? { kind: "given", keys: group.keys } : { kind: "fresh", validity: { kind: "none" } },
          ...(group ? { group } : {}),
        });
        if (!written.ok) return written;
        const agreement = settle(chosen.value, written.value);
        return agreement.ok ? ok({ message: written.value.message, agreement: agreement.value }) : agreement;
      },
      assume: () => {
        if (!authentic.assume) return refuse("internal-error", "the method needs an answer");
        return settle(terms, authentic.assume());
      },
      wipe: () => authentic.wipe(),
    };
  }

  private groupTerms(group: {
    sessions: readonly SrtpSession[];
    policies: readonly PolicyPayload[];
  }): MikeyResult<Terms> {
    const chosen = acceptPolicies(group, group.policies, this.suites);
    if (!chosen.ok) return chosen;
    return ok({ ...group, suites: chosen.value.map(({ suite }) => suite) });
  }

  private newTimestamp(peerUri: string, nowMs: number): TimestampPayload {
    const { timestamps = "ntp-utc", counters } = this.options;
    if (timestamps === "counter" && counters)
      return { kind: "timestamp", type: TimestampType.counter, value: writeCounter(counters.next(peerUri)) };
    const type = timestamps === "ntp" ? TimestampType.ntp : TimestampType.ntpUtc;
    return { kind: "timestamp", type, value: writeNtp(this.newStamp(nowMs)) };
  }

  /** Every message of an initiator has a timestamp of its own (section 5.2). */
  private newStamp(nowMs: number): bigint {
    const now = toNtp(nowMs);
    const isPast = BigInt.asIntN(64, now - this.lastStamp) <= 0n && this.lastStamp !== 0n;
    // A clock that was set back far is believed; one that stands still is nudged.
    const isNear = aheadMs(this.lastStamp, now) < 1000;
    this.lastStamp = isPast && isNear ? BigInt.asUintN(64, this.lastStamp + 1n) : now;
    return this.lastStamp;
  }
}

function samePolicy(a: PolicyPayload, b: PolicyPayload): boolean {
  const says = (one: PolicyPayload) =>
    one.parameters
      .map(({ type, value }) => `${type}=${Buffer.from(value).toString("hex")}`)
      .sort()
      .join();
  return a.protocol === b.protocol && says(a) === says(b);
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

function agreedOf(
  plan: { readonly parties: CallParties; readonly current?: Agreed },
  method: MikeyMethod,
  terms: Terms,
  directions: readonly CryptoSession["direction"][],
  outcome: Outcome,
  csbId: number,
  rand: Uint8Array,
): Agreed {
  const { current } = plan;
  const isKept = outcome.keys.length === 0 && current !== undefined;
  const old = current?.envelope;
  const envelope = outcome.envelope ?? (old && { ...old, key: copy(old.key) });
  return {
    method,
    label: current?.label ?? method.label,
    peer: outcome.peer,
    parties: plan.parties,
    csbId,
    keyCsbId: outcome.csbId ?? current?.keyCsbId ?? csbId,
    rand: outcome.rand ?? rand,
    // Copies: the running bundle is closed on its own.
    keys: isKept ? copyKeys(current.keys) : outcome.keys,
    sessions: terms.sessions,
    directions,
    suites: terms.suites,
    policies: terms.policies,
    ...(envelope ? { envelope } : {}),
  };
}

function agreementOf(agreed: Agreed, sessions: readonly CryptoSession[], bundle: Bundle | undefined): Agreement {
  const first = (direction: CryptoSession["direction"]): CryptoSession => {
    const found = sessions.find((session) => session.direction === direction);
    if (!found) throw new TypeError(`the bundle has no session that is ${direction}`);
    return found;
  };
  return {
    method: agreed.method.name,
    label: agreed.label,
    csbId: agreed.csbId,
    peer: agreed.peer,
    sessions,
    get sent() {
      return first("sent");
    },
    get received() {
      return first("received");
    },
    ...(bundle ? { bundle } : {}),
  };
}
