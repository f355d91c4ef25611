// The initiator's side of an exchange: an offer made, its answer read; the same for all methods.

import { ok } from "../runtime/result.js";
import { type Agreed, type Agreement, settle } from "./agreed.js";
import { sameBytes } from "./bytes.js";
import { announce } from "./capabilities.js";
import { type CryptoSession, checkAnswerHeader } from "./crypto-sessions.js";
import { adopt, type MikeyResult, refuse } from "./errors.js";
import type { ExchangeContext } from "./exchange.js";
import type { Header, SrtpSession } from "./header.js";
import { type ParsedMessage, parseMessage, payloadsOf } from "./message.js";
import type { KeyWish, MikeyMethod, OpenOffer, Outcome } from "./methods/method.js";
import { single } from "./methods/method.js";
import { DataType, ExtensionType, MapType, PrfFunction } from "./numbers.js";
import type { ExtensionPayload, PolicyPayload, TimestampPayload } from "./payloads/index.js";
import { acceptPolicies } from "./policy-choice.js";
import type { SrtpTerms } from "./srtp-policy.js";
import { type CallParties, outsideTerms, ownSsrcs, protocolList, refusedByPeer, type Terms, termsOf } from "./terms.js";

/** An offer on its way. */
export interface SentOffer {
  readonly message: Uint8Array;
  /** Reads the answer: authenticates it and derives the keys. */
  accept(answer: Uint8Array, nowMs: number): Promise<MikeyResult<Agreement>>;
  /** The keys of an offer that asked for no answer; the peer has proved nothing yet. `internal-error`: it did ask. */
  assume(nowMs: number): MikeyResult<Agreement>;
  /** Certificates of ours that it names instead of bringing them, end-entity certificate first: for a phone that has not got them and asks. */
  readonly named: readonly Uint8Array[] | undefined;
  /**
   * The peer has refused it. True: it named certificates of ours instead of bringing them, since the peer had them once; another offer to it brings
   * them, and may succeed.
   */
  recant(): boolean;
  /** Zeroes what waits for the answer; a later {@link accept} fails. */
  wipe(): void;
  /** The bundle has ended: wipes, and lets its CSB ID be used again. */
  end(): void;
}

/** An offer to be made. */
export interface OfferPlan {
  readonly method: MikeyMethod;
  readonly parties: CallParties;
  readonly protocols: readonly string[];
  /** Data types of all offers of the description, where there are several. */
  readonly offers?: readonly number[];
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

/** What is our own may leave out what we left out. */
const everything: SrtpTerms = { unencryptedRtp: true, unencryptedRtcp: true, unauthenticatedRtp: true };

/** Makes an offer; see {@link OfferPlan}. */
export async function makeOffer(context: ExchangeContext, plan: OfferPlan): Promise<MikeyResult<SentOffer>> {
  const { method, parties, csbId, rand, nowMs } = plan;
  if (!plan.verify && !method.isKeyTransport) return refuse("key-not-shareable", "this method needs the peer's answer");
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
  const timestamp = context.freshness.next(parties, nowMs);
  const isWithoutPolicy = isOutside || plan.asksForGroup;
  const policies = isWithoutPolicy ? [] : (plan.policies ?? context.policies);
  const open = await method.offer({
    localUri: parties.localUri,
    peerUri: parties.peerUri,
    compat: parties.compat,
    header,
    timestamp,
    rand,
    isUpdate: plan.current !== undefined,
    keys: plan.keys,
    policies,
    extensions: extensionsOf(plan, policies.length > 1),
    random: context.random,
    nowMs,
  });
  return open.ok ? ok(new OpenExchange(context, plan, header, timestamp, policies, open.value)) : open;
}

function extensionsOf(plan: OfferPlan, isChoice: boolean): ExtensionPayload[] {
  const list: ExtensionPayload = {
    kind: "extension",
    type: ExtensionType.sdpIds,
    data: protocolList(plan.protocols),
  };
  const signatures = plan.parties.compat ? [] : (plan.method.announces ?? []);
  const vendor = announce({
    signatures,
    certificate: plan.parties.compat ? undefined : plan.method.markOf?.(plan.parties.peerUri),
    choosesPolicy: isChoice && !plan.method.responderChooses,
    ...(plan.offers ? { offers: plan.offers } : {}),
  });
  // An empty list would name no protocol: outside a session description there is none to name.
  return [...(plan.protocols.length > 0 ? [list] : []), ...(vendor ? [vendor] : [])];
}

class OpenExchange implements SentOffer {
  private isWiped = false;

  constructor(
    private readonly context: ExchangeContext,
    private readonly plan: OfferPlan,
    private readonly header: Header,
    private readonly timestamp: TimestampPayload,
    private readonly policies: readonly PolicyPayload[],
    private readonly open: OpenOffer,
  ) {}

  get message(): Uint8Array {
    return this.open.message;
  }

  async accept(bytes: Uint8Array, nowMs: number): Promise<MikeyResult<Agreement>> {
    const { plan, open } = this;
    if (this.isWiped) return refuse("internal-error", "the exchange was given up");
    const parsed = parseMessage(bytes);
    if (!parsed.ok) return adopt(parsed.error);
    const answer = parsed.value;
    const echoed = this.checkEcho(answer);
    if (!echoed.ok) return echoed;
    if (answer.header.dataType === DataType.error) return refusedByPeer(answer, open, nowMs);
    if (answer.header.dataType !== plan.method.answerType)
      return refuse("response-mismatch", `data type ${answer.header.dataType} does not answer our offer`);
    const chosen = this.answeredTerms(answer);
    if (!chosen.ok) return chosen;
    const done = await open.finish(answer, nowMs);
    return done.ok ? this.settle(chosen.value, done.value, nowMs) : done;
  }

  assume(nowMs: number): MikeyResult<Agreement> {
    const { header, plan, open } = this;
    if (this.isWiped || plan.verify || !open.assume)
      return refuse("internal-error", "an answer is needed for the keys");
    const chosen = this.terms(header, this.policies, everything);
    return chosen.ok ? this.settle(chosen.value, open.assume(), nowMs) : chosen;
  }

  get named(): readonly Uint8Array[] | undefined {
    return this.open.named;
  }

  recant(): boolean {
    this.open.recant?.();
    return this.open.recant !== undefined;
  }

  wipe(): void {
    this.isWiped = true;
    this.open.wipe();
  }

  end(): void {
    this.wipe();
    this.plan.end();
  }

  /** The answer is for this offer. */
  private checkEcho(answer: ParsedMessage): MikeyResult<undefined> {
    const { timestamp } = this;
    if (answer.header.csbId !== this.header.csbId)
      return refuse("response-mismatch", "the answer is for another bundle");
    const echoed = single(answer, "timestamp");
    if (!echoed.ok) return echoed;
    const isEchoed = echoed.value.type === timestamp.type && sameBytes(echoed.value.value, timestamp.value);
    return isEchoed || this.plan.parties.compat
      ? ok(undefined)
      : refuse("response-mismatch", "the answer does not repeat our timestamp");
  }

  /** Sessions and policies as the answer leaves them. */
  private answeredTerms(answer: ParsedMessage): MikeyResult<Terms> {
    const { plan, header, policies } = this;
    const said = payloadsOf(answer, "policy");
    if (plan.asksForGroup) return this.terms(answer.header, said, this.context.srtp);
    const isChoice = policies.length > 1;
    const numbers = isChoice ? policies.map(({ number }) => number) : undefined;
    const fits = checkAnswerHeader(header, answer.header, numbers);
    if (!fits.ok) return fits;
    if (!plan.method.responderChooses || said.length === 0) return this.terms(answer.header, policies, everything);
    // RFC 4738 section 3.7: what the responder chose must be what we offered.
    const isOffered = said.every((one) => policies.some((ours) => samePolicy(ours, one)));
    if (!isOffered) return refuse("response-mismatch", "the answer chooses a policy that was not offered");
    return this.terms(answer.header, said, everything);
  }

  private terms(header: Header, policies: readonly PolicyPayload[], srtp: SrtpTerms): MikeyResult<Terms> {
    const { plan, context } = this;
    const { current } = plan;
    const { outside } = plan.parties;
    if (outside && header.mapType === MapType.empty) return ok(outsideTerms(outside));
    // What is ours to offer is ours to run: an update may go on with a suite that is no longer offered to others.
    const allowed = current ? [...context.suites, ...current.uses.map(({ suite }) => suite)] : context.suites;
    const known = policies.length > 0 ? policies : (current?.policies ?? []);
    const chosen = acceptPolicies(header, known, allowed, false, srtp);
    return chosen.ok ? ok(termsOf(header.sessions, chosen.value, known)) : chosen;
  }

  private settle(terms: Terms, outcome: Outcome, nowMs: number): MikeyResult<Agreement> {
    const { plan, context } = this;
    const { method, parties, current, csbId, rand } = plan;
    const own = ownSsrcs(parties);
    const directions = terms.sessions.map((session, i): CryptoSession["direction"] => {
      const before = current?.directions[i];
      if (before) return before;
      const offered = plan.sessions[i];
      const isOurs = offered ? offered.ssrc !== 0 && own.includes(offered.ssrc) : own.includes(session.ssrc);
      return isOurs ? "sent" : "received";
    });
    return settle({ parties, current, method, terms, directions, outcome, csbId, rand }, context.keep, nowMs);
  }
}

function samePolicy(a: PolicyPayload, b: PolicyPayload): boolean {
  const says = (one: PolicyPayload) =>
    one.parameters
      .map(({ type, value }) => `${type}=${Buffer.from(value).toString("hex")}`)
      .sort()
      .join();
  if (a.protocol !== b.protocol) return false;
  // As it was sent, in nearly every answer.
  const isSame = a.parameters.every(({ type, value }, i) => {
    const other = b.parameters[i];
    return other?.type === type && sameBytes(other.value, value);
  });
  return (isSame && a.parameters.length === b.parameters.length) || says(a) === says(b);
}
