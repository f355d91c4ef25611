// The user agent core: calls out and in, OPTIONS, and the answers every SIP element owes (RFC 3261 sections 8, 9, 11, 12).

import type { Clock } from "../runtime/clock.js";
import { type Log, silentLog } from "../runtime/log.js";
import type { Result } from "../runtime/result.js";
import type { Timers } from "../runtime/timers.js";
import type {
  ExtraHeaders,
  OutgoingInvite,
  OutgoingInviteEvents,
  OutgoingInviteOptions,
  SipAddress,
  SipCounters,
  UserAgentEvents,
} from "./contract.js";
import { composeRequest, findHop, newIdentity, type RequestTarget } from "./core/client-request.js";
import { IncomingCall } from "./core/incoming-invite.js";
import { OutgoingCall } from "./core/outgoing-invite.js";
import type { Accepts } from "./core/screening.js";
import { UasCore } from "./core/uas.js";
import { Counters } from "./counters.js";
import {
  type DialogHost,
  type DialogUsage,
  Fields,
  Ids,
  InviteSession,
  MIN_SE_FLOOR,
  notSent,
  type RandomBytes,
  type SendOutcome,
  type SessionTimerPolicy,
  sendAuthorised,
} from "./dialog/index.js";
import type { Authenticator } from "./digest/index.js";
import { defaultParseLimits, type ParseLimits, parseSipUri, type SipUri } from "./grammar/index.js";
import { defaultTiming, type SipTiming, TransactionLayer } from "./transaction/index.js";
import {
  type Flow,
  type FlowOptions,
  RateGuard,
  type RateLimits,
  type Resolver,
  type SipTransport,
  systemResolver,
  TransportLayer,
} from "./transport/index.js";

/** How much one user agent takes on. */
export interface SipLimits extends ParseLimits {
  /** Largest message taken in, bytes. */
  readonly messageBytes: number;
  /** Server transactions at once (requests within dialogs get half as many again); more are answered 503. */
  readonly serverTransactions: number;
  readonly clientTransactions: number;
  /** Calls at once, ringing ones included; more are answered 503. */
  readonly dialogs: number;
  /** How long a server may say nothing before a request goes on to the next one there is, ms. */
  readonly failOverMs: number;
  /** An INVITE nobody answers is ended with 480 after this, ms. */
  readonly pendingInviteMs: number;
  /** How long {@link UserAgent.close} waits for BYEs and CANCELs to be answered, ms. */
  readonly closeMs: number;
}

export const defaultLimits: SipLimits = {
  ...defaultParseLimits,
  messageBytes: 65535,
  serverTransactions: 4000,
  clientTransactions: 2000,
  dialogs: 64,
  failOverMs: 4000,
  pendingInviteMs: 600_000,
  closeMs: 2000,
};

/** Everything a user agent is made of. */
export interface UserAgentOptions {
  /** Bound; the user agent closes them. The first is used where nothing asks for another. */
  readonly transport: SipTransport | readonly SipTransport[];
  readonly clock: Clock;
  readonly timers: Timers;
  /** Unpredictable bytes, e.g. `randomBytes` of node:crypto. */
  readonly random: RandomBytes;
  readonly events?: UserAgentEvents;
  readonly log?: Log;
  /** User-Agent and Server, e.g. `Sotto/0.1`. */
  readonly product?: string;
  /** User part and display name of our Contact, plain text. */
  readonly contact?: { readonly user?: string; readonly displayName?: string };
  /** Whether a Request-URI is ours; else 404. By default every one is. */
  readonly accepts?: Accepts;
  /** Media types taken in an INVITE, default `application/sdp`. */
  readonly acceptBodies?: readonly string[];
  /** Option tags served beside the core's own (100rel, timer), lower case. */
  readonly supported?: readonly string[];
  /** Contact value of an account where it has one of its own (GRUU). */
  readonly contactOf?: (account: string) => string | undefined;
  /** Who answers challenges for an account (its address of record, or where the peer reached us). */
  readonly auth?: (account: string) => Authenticator | undefined;
  /** RFC 4028; by default 1800 s are asked for and 90 s taken. */
  readonly sessionTimer?: Partial<SessionTimerPolicy>;
  readonly resolver?: Resolver;
  /** Bounds what one source may send; by default nothing does. */
  readonly rate?: Partial<RateLimits>;
  readonly timing?: Partial<SipTiming>;
  readonly limits?: Partial<SipLimits>;
}

/** What became of {@link UserAgent.request}: a 2xx, or not. */
export type RequestOutcome = SendOutcome;

/** One SIP user agent on one transport. */
export class UserAgent {
  /** Who takes incoming calls; without anybody they are declined with 480. */
  events: UserAgentEvents | undefined;
  private readonly tally = new Counters();
  private readonly ids: Ids;
  private readonly fields: Fields;
  private readonly limits: SipLimits;
  private readonly transport: TransportLayer;
  private readonly transactions: TransactionLayer;
  private readonly host: DialogHost;
  private readonly dialogs = new Map<string, DialogUsage>();
  private readonly outgoing = new Set<OutgoingCall>();
  private readonly incoming = new Set<IncomingCall>();
  private closing: Promise<void> | undefined;

  /** Begins to listen at once. */
  constructor(private readonly options: UserAgentOptions) {
    const { clock, timers } = options;
    const transports = "send" in options.transport ? [options.transport] : options.transport;
    const [first] = transports;
    const log = options.log ?? silentLog;
    const timing = { ...defaultTiming, ...options.timing };
    this.limits = { ...defaultLimits, ...options.limits };
    this.events = options.events;
    this.ids = new Ids(options.random);
    this.fields = new Fields(
      {
        product: options.product,
        contactUser: options.contact?.user,
        contactName: options.contact?.displayName,
        accept: (options.acceptBodies ?? ["application/sdp"]).map((type) => type.toLowerCase()),
        supported: ["100rel", "timer", ...(options.supported ?? []).map((tag) => tag.toLowerCase())],
        contactOf: options.contactOf,
      },
      first.local,
    );
    const { expiresS = 1800, minS = MIN_SE_FLOOR } = options.sessionTimer ?? {};
    if (minS < MIN_SE_FLOOR || (expiresS !== 0 && expiresS < minS))
      throw new RangeError(`session timer: 90 <= minS <= expiresS (or expiresS 0), got ${minS} and ${expiresS}`);
    const sessionTimer = { expiresS, minS };
    const guard = options.rate && new RateGuard(options.rate, clock.now());
    const statelessTag = this.ids.statelessTag.bind(this.ids);
    this.transport = new TransportLayer({
      transports,
      contactUri: () => this.fields.contactUri,
      guard,
      clock,
      counters: this.tally,
      log,
      limits: this.limits,
      messageBytes: this.limits.messageBytes,
      product: options.product,
      statelessTag,
    });
    const uas = new UasCore({
      fields: this.fields,
      counters: this.tally,
      ids: this.ids,
      accepts: options.accepts ?? (() => true),
      tls: transports.some((each) => each.local.transport === "tls"),
      sessionTimer,
      dialogs: this.dialogs,
      events: () => this.events,
      state: () => (this.closing ? "closing" : this.calls >= this.limits.dialogs ? "full" : "open"),
      newCall: (received, transaction) => {
        const call: IncomingCall = new IncomingCall(this.host, received, transaction, () => this.incoming.delete(call));
        this.incoming.add(call);
        return call;
      },
    });
    const resolver = options.resolver ?? systemResolver(transports.map((each) => each.local));
    this.transactions = new TransactionLayer(
      {
        timers,
        timing,
        transport: this.transport,
        counters: this.tally,
        maxServer: this.limits.serverTransactions,
        maxClient: this.limits.clientTransactions,
        statelessTag,
        newBranch: () => this.ids.branch(),
        failOverMs: this.limits.failOverMs,
        guard,
        report: (to, outcome, retryAfterS) => resolver.report?.(to, outcome, retryAfterS),
        retryAfter: () => this.ids.between(1, 10),
      },
      uas,
    );
    this.host = {
      clock,
      timers,
      timing,
      log,
      counters: this.tally,
      ids: this.ids,
      fields: this.fields,
      transport: this.transport,
      transactions: this.transactions,
      pendingInviteMs: this.limits.pendingInviteMs,
      sessionTimer,
      auth: options.auth ?? (() => undefined),
      resolve: (uri: SipUri, done: (result: Result<SipAddress>) => void) => resolver.resolve(uri, done),
      add: (dialog) => void this.dialogs.set(dialog.key, dialog),
      remove: (dialog) => {
        if (this.dialogs.get(dialog.key) === dialog) this.dialogs.delete(dialog.key);
      },
    };
    this.transport.start(this.transactions);
  }

  /** Where it is reached. */
  get local(): SipAddress {
    return this.transport.local;
  }

  /** Where it is reached over each transport. */
  get locals(): readonly SipAddress[] {
    return this.transport.locals;
  }

  /** Connections open now. */
  get connections(): number {
    return this.transport.connections;
  }

  /** Keeps the way to an address open (RFC 5626); undefined where its transport cannot. `failed` is told once when it is lost. */
  keepOpen(to: SipAddress, options: FlowOptions, failed: (error: Error) => void): Flow | undefined {
    return this.transport.keepOpen(to, options, failed);
  }

  /**
   * When the last message was handed to the transport, monotonic ms. What provisional(), accept(), ack() and their like send goes out
   * before they return, so that right after them this is the moment it did.
   */
  get lastSendMs(): number {
    return this.transport.lastSendMs;
  }

  /** The device has another address (its sockets are bound to all): from now on messages say it. Registrations and calls are their owners' to renew. */
  readdress(host: string): void {
    this.fields.readdress(host);
    this.transport.readdress(host);
  }

  /** Our Contact URI. */
  get contactUri(): string {
    return this.fields.contactUri;
  }

  /** {@link contactUriFor} as a request to `to` says it: it depends on the transport, and on whether it must be sips. */
  contactSent(user: string, to: SipAddress, secure: boolean): string {
    return this.fields.uriFor(user, this.transport.contactOver(to, secure));
  }

  /** The same with another user part, plain text: the Contact URI of an account. */
  contactUriFor(user: string): string {
    return this.fields.uriFor(user);
  }

  /**
   * Places a call; the INVITE leaves before this returns when the next hop is numeric.
   * @throws TypeError for a target, From or header that cannot be used; Error after {@link close}.
   */
  invite(options: OutgoingInviteOptions, events: OutgoingInviteEvents): OutgoingInvite {
    if (this.closing) throw new Error("the user agent is closed");
    const call: OutgoingCall = new OutgoingCall(this.host, options, events, () => this.outgoing.delete(call));
    this.outgoing.add(call);
    if (this.calls > this.limits.dialogs) call.refuse("too many calls");
    else call.start();
    return call;
  }

  /**
   * Makes the way ready that {@link invite} with these options would take: looks up where it leads and opens the connection, and sends no
   * message. `done` is told once, with an error when it leads nowhere.
   * @throws TypeError as {@link invite}; Error after {@link close}.
   */
  reach(options: OutgoingInviteOptions, done: (error?: Error) => void = () => {}): void {
    if (this.closing) throw new Error("the user agent is closed");
    const account = options.account ?? options.from.uri;
    const { request, uri } = composeRequest(
      this.host,
      "INVITE",
      options,
      this.fields.invite(account),
      newIdentity(this.host),
    );
    findHop(this.host, uri, options.nextHop, (found) => {
      if (!found.ok) return done(new Error(found.error.text));
      this.transport.reach(request, found.value, (error) => done(error));
    });
  }

  /**
   * Sends a request that makes no dialog, such as an OPTIONS ping or a REGISTER, and answers challenges; `done` is called once.
   * @throws TypeError as {@link invite}, and for INVITE, ACK, CANCEL, BYE.
   */
  request(method: string, options: RequestTarget, done: (outcome: RequestOutcome) => void): void {
    if (["INVITE", "ACK", "CANCEL", "BYE"].includes(method)) throw new TypeError(`${method} is not sent on its own`);
    if (this.closing) throw new Error("the user agent is closed");
    const account = options.account ?? options.from.uri;
    const contact: ExtraHeaders = options.contacts
      ? options.contacts.map((value) => ["Contact", value] as const)
      : method === "MESSAGE"
        ? []
        : [this.fields.contactFor(account)];
    const extra = method === "OPTIONS" ? [...contact, this.fields.accept] : contact;
    const identity = { ...newIdentity(this.host), ...(options.sequence ? { callId: options.sequence.callId } : {}) };
    let seq = identity.seq;
    const make = () =>
      composeRequest(this.host, method, options, extra, { ...identity, seq: options.sequence?.next() ?? seq++ });
    const { uri } = composeRequest(this.host, method, options, extra, identity);
    const target = parseSipUri(options.target);
    const scope = target.ok ? target.value.host : options.target;
    const attempt = this.host.auth(account)?.begin(scope, options.registrar);
    const find = (found: (result: Result<SipAddress>) => void): void =>
      findHop(this.host, uri, options.nextHop, found, attempt?.overTls);
    find((result) => {
      if (result.ok) sendAuthorised(this.host, attempt, make, result.value, done, find);
      else done({ failed: notSent(result.error.text) });
    });
  }

  /** What was received, sent, refused and dropped so far. */
  counters(): SipCounters {
    return this.tally.read();
  }

  /** How many dialogs and transactions are alive. */
  size(): { readonly dialogs: number; readonly client: number; readonly server: number } {
    return { dialogs: this.dialogs.size, ...this.transactions.size };
  }

  /** Hangs up every call, cancels and declines those not yet answered, waits a bounded time for the answers, closes the transport. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    const { timers, clock } = this.options;
    for (const call of this.outgoing) call.cancel();
    for (const call of this.incoming) call.reject(480);
    for (const dialog of this.dialogs.values()) if (dialog instanceof InviteSession) dialog.bye();
    const deadline = clock.now() + this.limits.closeMs;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        const idle =
          this.dialogs.size === 0 && !this.transactions.busy && ![...this.outgoing].some((call) => call.pending);
        if (idle || clock.now() >= deadline) resolve();
        else timers.after(10, look);
      };
      look();
    });
    for (const dialog of [...this.dialogs.values()])
      if (dialog instanceof InviteSession) dialog.end({ by: "us", text: "the phone was switched off" });
    this.transactions.clear();
    await this.transport.close();
  }

  private get calls(): number {
    let calls = this.incoming.size;
    for (const call of this.outgoing) if (call.pending) calls++;
    for (const dialog of this.dialogs.values()) if (dialog.confirmed) calls++;
    return calls;
  }
}
