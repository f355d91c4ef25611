// Call control: the table of calls, which account a call belongs to, and what is refused before it becomes one.

import type { StreamStatistics, Voice } from "../media/voice.js";
import type { Clock, Log, Timers, Trace } from "../runtime/index.js";
import type { IncomingInvite, ResponseOptions } from "../sip/contract.js";
import {
  parseNameAddr,
  parseSipUri,
  type SipRequest,
  type SipUri,
  telToSip,
  type UserAgent,
  unescapeUri,
} from "../sip/index.js";
import { type BudgetOptions, WorkBudget } from "./budget.js";
import type { Call } from "./call.js";
import { type CallerRules, everybodyRings, judgeCaller } from "./caller-policy.js";
import type { CallAccount, CallEnvironment, CallRoute } from "./environment.js";
import { IncomingCall } from "./incoming.js";
import { receiveMessage, sendMessage } from "./messages.js";
import { OutgoingCall } from "./outgoing.js";
import { endOfFailure } from "./reasons.js";
import { Speculation, type SpeculationStatus } from "./speculation.js";
import type { CallControl, CallEvent, CallSnapshot, DialOptions } from "./types.js";

/** What {@link Calls} is made of. */
export interface CallsOptions {
  readonly accounts: readonly CallAccount[];
  readonly userAgent: UserAgent;
  readonly voice: Voice;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly trace: Trace;
  readonly log: Log;
  readonly random: (length: number) => Uint8Array;
  /** The address media is announced with. */
  readonly localAddress: string;
  /** How requests of an account leave: next hop and Route; by default as their URI says. */
  readonly route?: (account: string) => CallRoute;
  readonly maxCalls: number;
  /** Work is done before somebody waits for it; default true. */
  readonly precompute?: boolean;
  /** How many offers of strangers are verified. */
  readonly offerBudget?: BudgetOptions;
  readonly ringLimitMs: number;
  /** Who may ring; by default everybody. */
  readonly callers?: CallerRules;
  readonly onEvent: (event: CallEvent) => void;
}

/** Numbers for `sotto status`. */
export interface CallTotals {
  placed: number;
  taken: number;
  failed: number;
  refused: number;
}

/** Kinds of refusal counted by name; further ones share `other`. Names are our own words, but the table stays bounded whatever happens. */
const MAX_REFUSAL_KINDS = 64;
/** What a source out of budget is told to wait, seconds. */
const RETRY_AFTER_S = 10;

/**
 * The same with every field, in one order. Calls that are rehearsed are given other fields than real ones, and code that reads them is compiled for
 * objects of one kind: this makes them one.
 */
function complete(options: CallsOptions): Required<Omit<CallsOptions, "offerBudget">> {
  const { userAgent, voice, clock, timers, trace, log, random, localAddress, maxCalls, ringLimitMs, onEvent } = options;
  const { route = () => ({ routes: [] }), precompute = true, callers = everybodyRings } = options;
  return {
    accounts: options.accounts.map(completeAccount),
    userAgent,
    voice,
    clock,
    timers,
    trace,
    log,
    random,
    localAddress,
    route,
    maxCalls,
    precompute,
    ringLimitMs,
    callers,
    onEvent,
  };
}

function completeAccount(account: CallAccount): CallAccount {
  const { uri, displayName, security, keying, keys, refusesFor, codecs } = account;
  const { autoAnswerMs, messages, anonymous, verifiesAlone, registers } = account;
  return {
    uri,
    displayName,
    security,
    keying,
    keys,
    refusesFor,
    codecs,
    autoAnswerMs,
    messages,
    anonymous,
    verifiesAlone,
    registers,
  };
}

/** All calls of the phone. */
export class Calls implements CallControl {
  readonly totals: CallTotals = { placed: 0, taken: 0, failed: 0, refused: 0 };
  /** Refused offers by reason, e.g. `wrong-psk`. */
  readonly refusals = new Map<string, number>();
  /** Voice packets dropped in calls that are over, by reason. */
  private readonly drops = new Map<string, number>();
  private readonly calls = new Map<number, Call>();
  private readonly options: Required<Omit<CallsOptions, "offerBudget">>;
  private readonly environment: CallEnvironment;
  private readonly budget: WorkBudget;
  private readonly speculation: Speculation<OutgoingCall>;
  private ahead: Promise<void> = Promise.resolve();
  private nextId = 1;
  private closing = false;
  private idle: (() => void) | undefined;

  constructor(given: CallsOptions) {
    const options = complete(given);
    this.options = options;
    const { clock, timers } = options;
    this.budget = new WorkBudget(clock, given.offerBudget);
    this.speculation = new Speculation({
      ...{ clock, timers },
      make: (wish) => {
        const account = options.accounts.find(({ uri }) => uri === wish.account);
        return account && !this.closing ? this.outgoing(account, wish.uri, wish.anonymous) : undefined;
      },
    });
    this.environment = {
      voice: options.voice,
      clock: options.clock,
      timers: options.timers,
      trace: options.trace,
      log: options.log,
      random: options.random,
      localAddress: options.localAddress,
      ringLimitMs: options.ringLimitMs,
      callers: options.callers,
      precompute: options.precompute,
      budget: this.budget,
      lastSendMs: () => options.userAgent.lastSendMs,
      oneAtATime: (work) => {
        this.ahead = this.ahead.then(work);
      },
      emit: (event) => options.onEvent(event),
      ended: (call) => this.ended(call),
    };
    options.userAgent.events = {
      invite: (invite) => void this.incoming(invite),
      message: (request) => this.message(request),
      // What an INVITE would get now (RFC 3261 section 11.2).
      options: () => ({ status: this.closing ? 480 : this.calls.size >= options.maxCalls ? 486 : 200 }),
    };
  }

  /** Whether a Request-URI is one of ours: its user part names an account (the host may be our address of the day). */
  accepts(uri: SipUri): boolean {
    return this.accountFor(uri) !== undefined;
  }

  /** Sends a text message; resolves when it was taken. @throws Error with a sentence for the user. */
  async sendMessage(uri: string, text: string, accountUri?: string): Promise<void> {
    const account = this.accountOf(accountUri);
    const target = telToSip(uri, account.uri) ?? uri;
    if (!parseSipUri(target).ok) throw new Error(`not a SIP address: ${uri.slice(0, 200)}`);
    const outcome = await sendMessage(this.options.userAgent, account, target, text, this.wayOf(account));
    if ("failed" in outcome) throw new Error(`not delivered: ${endOfFailure(outcome.failed).user}`);
  }

  private message(request: SipRequest): ResponseOptions & { readonly status: number } {
    const wanted = parseSipUri(request.uri);
    const account = wanted.ok ? this.accountFor(wanted.value) : undefined;
    if (!account) return { status: 404 };
    const { answer, event } = receiveMessage(request, account);
    if (event?.type === "message") {
      const verdict = judgeCaller(this.environment.callers, {
        claimed: event.from,
        asserted: assertedBy(request)?.uri,
      });
      if (verdict === "block" || verdict === "reject") return { status: 603 };
      this.environment.emit(event);
    }
    return answer;
  }

  /** How an account's calls leave the phone now; see {@link complete}. */
  private wayOf(account: CallAccount): CallRoute {
    const { nextHop, routes } = this.options.route(account.uri);
    return { nextHop, routes };
  }

  private accountOf(accountUri: string | undefined): CallAccount {
    if (this.closing) throw new Error("the phone is being switched off");
    const { accounts } = this.options;
    const account = accountUri === undefined ? accounts[0] : accounts.find((one) => one.uri === accountUri);
    if (!account) throw new Error(`no account ${accountUri}; accounts: ${accounts.map((one) => one.uri).join(", ")}`);
    return account;
  }

  expect(dialled: string | undefined, accountUri?: string, dialling: DialOptions = {}): void {
    if (!this.options.precompute) return;
    try {
      const wish = dialled === undefined ? undefined : this.wish(dialled, accountUri, dialling);
      this.speculation.expect(wish && { ...wish, account: wish.account.uri });
    } catch {
      // What cannot be dialled is said when it is.
      this.speculation.drop();
    }
  }

  /** Resolves when the call that is expected can be placed at once, or it is known that none can. */
  expected(): Promise<void> {
    return this.speculation.settled();
  }

  /** Somebody is about to place a call. */
  get isLikely(): boolean {
    return this.speculation.isRecent;
  }

  /** How often a call found its offer made. */
  get speculated(): SpeculationStatus {
    return this.speculation.status;
  }

  dial(dialled: string, accountUri?: string, dialling: DialOptions = {}): CallSnapshot {
    const { account, uri, anonymous } = this.wish(dialled, accountUri, dialling);
    const ready = this.speculation.take({ uri, account: account.uri, anonymous });
    const call = ready ?? this.outgoing(account, uri, anonymous);
    const { id } = call.identity;
    this.calls.set(id, call);
    this.totals.placed++;
    const snapshot = call.snapshot();
    call.place();
    return snapshot;
  }

  /** What is to be dialled, checked. @throws Error with a sentence for the user. */
  private wish(dialled: string, accountUri: string | undefined, dialling: DialOptions) {
    const { maxCalls } = this.options;
    const account = this.accountOf(accountUri);
    const uri = telToSip(dialled, account.uri) ?? dialled;
    const anonymous = dialling.anonymous ?? account.anonymous ?? false;
    if (anonymous && account.security !== "off")
      throw new Error(
        "a private call tells the other side by certificate or key who calls: an anonymous call needs an account with security off",
      );
    const target = parseSipUri(uri);
    if (!target.ok) throw new Error(`not a SIP address: ${uri.slice(0, 200)} (for example sip:bob@example.com)`);
    if (target.value.scheme === "sips" && !this.options.userAgent.locals.some(({ transport }) => transport === "tls"))
      throw new Error("sips: addresses need TLS, which is not among this phone's transports");
    if (this.calls.size >= maxCalls)
      throw new Error(maxCalls === 1 ? "a call is already in progress" : `already ${maxCalls} calls in progress`);
    return { account, uri, anonymous };
  }

  private outgoing(account: CallAccount, uri: string, anonymous: boolean): OutgoingCall {
    return new OutgoingCall(
      this.environment,
      { id: this.nextId++, direction: "outgoing", account: account.uri, peer: { uri } },
      account,
      this.options.userAgent,
      anonymous,
      () => this.wayOf(account),
    );
  }

  answer(id?: number): void {
    const call = this.find(
      id,
      (one) => one instanceof IncomingCall && one.currentState === "ringing",
      "no call is ringing",
    );
    // One voice at a time: who answers a second call puts the first on hold.
    for (const other of this.calls.values()) if (other !== call && other.currentState === "active") other.hold(true);
    void (call as IncomingCall).answer();
  }

  hangup(id?: number): void {
    this.find(id, () => true, "there is no call").hangup();
  }

  hold(id?: number): void {
    this.find(id, (call) => call.currentState === "active", "there is no running call").hold(true);
  }

  resume(id?: number): void {
    this.find(id, (call) => call.currentState === "held", "no call is on hold").hold(false);
  }

  /** Makes an open call private. */
  secure(id?: number): Promise<void> {
    return this.find(id, isRunning, "there is no running call").secure();
  }

  /** Changes the keys of a private call. */
  rekey(id?: number): Promise<void> {
    return this.find(id, isRunning, "there is no running call").rekey();
  }

  mute(on: boolean, id?: number): void {
    this.find(id, isRunning, "there is no running call").mute(on);
  }

  digit(digit: string, id?: number): void {
    if (!/^[0-9*#A-D]$/.test(digit)) throw new Error(`not a digit: ${digit.slice(0, 10)} (0-9, *, #, A-D)`);
    this.find(id, (call) => call.currentState === "active", "there is no running call").digit(digit);
  }

  list(): readonly CallSnapshot[] {
    return [...this.calls.values()].map((call) => call.snapshot());
  }

  async statistics(id: number): Promise<StreamStatistics | undefined> {
    return this.calls.get(id)?.voiceStatistics();
  }

  /** Voice packets dropped so far in all calls, by reason, e.g. `bad-tag`. */
  async voiceDrops(): Promise<Record<string, number>> {
    const sum = new Map(this.drops);
    for (const call of this.calls.values()) addDrops(sum, (await call.voiceStatistics())?.dropped);
    return Object.fromEntries(sum);
  }

  /** The device has another address: media is announced there from now on, and running calls are told by re-INVITE. */
  readdress(localAddress: string): void {
    this.environment.localAddress = localAddress;
    this.speculation.renew();
    for (const call of this.calls.values()) call.renew();
  }

  /** Hangs up everything and waits until it has been said to the voice thread; new calls are refused. */
  async close(): Promise<void> {
    this.closing = true;
    this.speculation.drop();
    for (const call of [...this.calls.values()]) call.hangup();
    if (this.calls.size > 0)
      await new Promise<void>((resolve) => {
        this.idle = resolve;
      });
  }

  private find(id: number | undefined, fits: (call: Call) => boolean, none: string): Call {
    if (id !== undefined) {
      const call = this.calls.get(id);
      if (!call || call.over) throw new Error(`there is no call ${id}`);
      if (!fits(call)) throw new Error(`call ${id}: ${none}`);
      return call;
    }
    const fitting = [...this.calls.values()].filter((call) => !call.over && fits(call));
    if (fitting.length === 0) throw new Error(none);
    if (fitting.length > 1)
      throw new Error(`several calls fit: name one of ${fitting.map((call) => call.identity.id).join(", ")}`);
    return fitting[0];
  }

  private accountFor(uri: SipUri): CallAccount | undefined {
    const user = unescapeUri(uri.user ?? "");
    return this.options.accounts.find((account) => {
      const own = parseSipUri(account.uri);
      return own.ok && unescapeUri(own.value.user ?? "") === user;
    });
  }

  private async incoming(invite: IncomingInvite): Promise<void> {
    const from = parseNameAddr(invite.request.headers.get("From") ?? "");
    const peer = from.ok
      ? { uri: from.value.uri, displayName: from.value.displayName || undefined }
      : { uri: "sip:unknown@invalid" };
    const refused = (status: number, code: string, text: string, retryAfterS?: number) => {
      this.countRefusal(code);
      invite.reject(status, retryAfterS === undefined ? {} : { headers: [["Retry-After", String(retryAfterS)]] });
      this.environment.emit({ type: "refused", from: peer.uri, status, code, text });
    };
    if (this.closing) return refused(480, "closing", "the phone is being switched off");
    const wanted = parseSipUri(invite.request.uri);
    const account = wanted.ok ? this.accountFor(wanted.value) : undefined;
    if (!account) return refused(404, "not-found", "no such account here");
    if (this.calls.size >= this.options.maxCalls) return refused(486, "busy", "busy with another call");
    // Verifying an offer is work that a stranger makes us do: so much of it a source, and no more.
    // Behind our own proxy everybody has its address: there the caller's name stands for the source.
    const { host } = invite.source;
    const behindProxy = account.registers || host === this.wayOf(account).nextHop?.host;
    const source = behindProxy ? `${host} ${peer.uri.slice(0, 256)}` : host;
    const costs = account.security !== "off" && account.keying.length > 0;
    if (costs && !this.budget.take(source))
      return refused(503, "over-budget", "too many offers to verify", RETRY_AFTER_S);
    const id = this.nextId++;
    const call = new IncomingCall(
      this.environment,
      { id, direction: "incoming", account: account.uri, peer, asserted: assertedBy(invite.request) },
      account,
      invite,
    );
    this.calls.set(id, call);
    const refusal = await call.arrive();
    if (!refusal) {
      if (costs) this.budget.giveBack(source);
      return;
    }
    this.countRefusal(refusal.code);
    this.environment.emit({
      type: "refused",
      from: peer.uri,
      status: refusal.status,
      code: refusal.code,
      text: refusal.text,
    });
  }

  private countRefusal(code: string): void {
    this.totals.refused++;
    const name = this.refusals.has(code) || this.refusals.size < MAX_REFUSAL_KINDS ? code : "other";
    this.refusals.set(name, (this.refusals.get(name) ?? 0) + 1);
  }

  private ended(call: Call): void {
    const last = call.snapshot();
    addDrops(this.drops, last.statistics?.dropped);
    this.calls.delete(call.identity.id);
    // An offer that was refused before it rang is counted as refused.
    if (last.end?.by === "error" && !call.refused) this.totals.failed++;
    else if (last.direction === "incoming" && last.answeredAtMs !== undefined) this.totals.taken++;
    if (this.calls.size === 0) this.idle?.();
  }
}

function isRunning(call: Call): boolean {
  return call.currentState === "active" || call.currentState === "held";
}

/** P-Asserted-Identity (RFC 3325): the network's word on who calls. A SIP identity comes before a telephone number. */
function assertedBy(request: SipRequest): { readonly uri: string; readonly displayName?: string } | undefined {
  const named = request.headers
    .all("P-Asserted-Identity")
    .slice(0, 2)
    .flatMap((value) => {
      const address = parseNameAddr(value);
      return address.ok ? [address.value] : [];
    });
  const best = named.find(({ uri }) => parseSipUri(uri).ok) ?? named[0];
  return best && { uri: best.uri, ...(best.displayName ? { displayName: best.displayName } : {}) };
}

function addDrops(sum: Map<string, number>, dropped: Readonly<Record<string, number>> = {}): void {
  for (const [reason, count] of Object.entries(dropped)) sum.set(reason, (sum.get(reason) ?? 0) + count);
}
