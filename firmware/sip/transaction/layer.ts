// The transaction layer: finds the machine a message belongs to, makes new ones, keeps their number bounded (RFC 3261 section 17).

import type { Timers } from "../../runtime/timers.js";
import type { SipAddress } from "../contract.js";
import type { Counters } from "../counters.js";
import {
  branchOf,
  Headers,
  makeResponse,
  parseNameAddr,
  type SipRequest,
  type SipResponse,
  tagOf,
} from "../grammar/index.js";
import type { ReceivedRequest, ReceivedResponse, TransportLayer, TransportUser } from "../transport/layer.js";
import type { RateGuard } from "../transport/rate.js";
import { type AttemptHost, type ClientInvite, InviteAttempts, RequestAttempts } from "./attempts.js";
import { InviteClientTransaction, type InviteClientUser } from "./invite-client.js";
import { InviteServerTransaction } from "./invite-server.js";
import type { Surroundings } from "./machine.js";
import { clientKey, mergeKey, responseKey, serverKey } from "./matching.js";
import { NonInviteClientTransaction, type NonInviteClientUser } from "./non-invite-client.js";
import { NonInviteServerTransaction } from "./non-invite-server.js";
import type { SipTiming } from "./timing.js";

export type ServerTransaction = InviteServerTransaction | NonInviteServerTransaction;

/** The user agent core, as this layer sees it. */
export interface TransactionUser {
  /** A new INVITE. */
  invite(received: ReceivedRequest, transaction: InviteServerTransaction): void;
  /** A new request other than INVITE, ACK, CANCEL. */
  request(received: ReceivedRequest, transaction: NonInviteServerTransaction): void;
  /** A new CANCEL, with the INVITE it is for when there is one. */
  cancel(
    received: ReceivedRequest,
    transaction: NonInviteServerTransaction,
    invite: InviteServerTransaction | undefined,
  ): void;
  /** An ACK no transaction absorbed. */
  ack(received: ReceivedRequest): void;
  /** Whether a request belongs to a dialog of ours: such requests are served even when the table is full. */
  inDialog(received: ReceivedRequest): boolean;
}

export interface TransactionLayerOptions {
  readonly timers: Timers;
  readonly timing: SipTiming;
  readonly transport: TransportLayer;
  readonly counters: Counters;
  /** Server transactions at once; half as many again are kept for requests in dialogs. */
  readonly maxServer: number;
  /** Client transactions at once. */
  readonly maxClient: number;
  readonly statelessTag: (request: SipRequest) => string;
  /** A branch for a request that is tried at a further address. */
  readonly newBranch: () => string;
  /** How long an address may say nothing while there is another, ms. */
  readonly failOverMs: number;
  /** Bounds new requests by source. */
  readonly guard?: RateGuard;
  /** Told how it went at an address (`retryAfterS` from a 503). */
  readonly report?: (to: SipAddress, outcome: "answered" | "failed", retryAfterS?: number) => void;
  /** Seconds for Retry-After of a 503. */
  readonly retryAfter: () => number;
}

type ClientTransaction = InviteClientTransaction | NonInviteClientTransaction;

export class TransactionLayer implements TransportUser {
  private readonly clients = new Map<string, ClientTransaction>();
  private readonly servers = new Map<string, ServerTransaction>();
  /** INVITEs under way, by the branch of their first try. */
  private readonly invites = new Map<string, InviteAttempts>();
  /** First arrivals of requests without a To tag, by merge key: the server key. */
  private readonly arrivals = new Map<string, string>();

  constructor(
    private readonly options: TransactionLayerOptions,
    private readonly user: TransactionUser,
  ) {}

  /** Transactions alive. */
  get size(): { readonly client: number; readonly server: number } {
    return { client: this.clients.size, server: this.servers.size };
  }

  /** Whether something still waits for the peer: a final response, or the ACK of a refusal. */
  get busy(): boolean {
    for (const { state } of this.clients.values())
      if (state === "calling" || state === "trying" || state === "proceeding") return true;
    for (const transaction of this.servers.values())
      if (transaction instanceof InviteServerTransaction)
        if (transaction.state === "proceeding" || transaction.state === "completed") return true;
    return false;
  }

  /**
   * Sends an INVITE to `to` and, where that fails before anybody takes it up, to its alternatives, each in a transaction of its own;
   * undefined when there are too many. `sent` is told once, of the first transmission.
   */
  startInvite(
    request: SipRequest,
    branch: string,
    to: SipAddress,
    user: InviteClientUser,
    sent?: (atMs: number) => void,
  ): ClientInvite | undefined {
    if (this.clients.size >= this.options.maxClient) return undefined;
    let tell = sent;
    const host = this.attemptHost<InviteClientUser>(request, to, (prepared, key, hop, counted) => {
      const around = this.around(hop, (atMs) => {
        const first = tell;
        tell = undefined;
        first?.(atMs);
      });
      return new InviteClientTransaction(prepared, around, {
        ...counted,
        terminated: () => {
          this.clients.delete(key);
          counted.terminated();
        },
      });
    });
    const attempts = new InviteAttempts(host, request, branch, user, () => this.invites.delete(branch));
    this.invites.set(branch, attempts);
    attempts.start();
    return attempts;
  }

  /** The same for any other method; false when there are too many. A CANCEL follows its INVITE to where that has gone (section 9.1). */
  startRequest(request: SipRequest, branch: string, to: SipAddress, user: NonInviteClientUser): boolean {
    if (this.clients.size >= this.options.maxClient) return false;
    const invite = request.method === "CANCEL" ? this.invites.get(branch) : undefined;
    const hop = invite ? invite.hop : to;
    if (invite && invite.branch !== branch) {
      request = this.rebranched(request, invite.branch, hop);
      branch = invite.branch;
    }
    const host = this.attemptHost<NonInviteClientUser>(
      request,
      invite && hop.alternatives ? { ...hop, alternatives: undefined } : hop,
      (prepared, key, where, counted) =>
        new NonInviteClientTransaction(prepared, this.around(where), counted, () => this.clients.delete(key)),
    );
    new RequestAttempts(host, request, branch, user).start();
    return true;
  }

  /** A connection is gone: what was sent over it fails now, not when its timer runs out. */
  lost(connection: number, error: Error): void {
    for (const transaction of [...this.clients.values()])
      if (transaction.connection === connection) transaction.connectionLost(error);
  }

  response(received: ReceivedResponse): void {
    const key = responseKey(received);
    const transaction = key === undefined ? undefined : this.clients.get(key);
    if (!transaction) {
      this.options.counters.add("stray-response");
      return;
    }
    transaction.receive(received.response, received.atMs);
  }

  request(received: ReceivedRequest): void {
    const { method } = received.request;
    if (method === "ACK") {
      this.receiveAck(received);
      return;
    }
    const key = serverKey(received, method);
    const existing = this.servers.get(key);
    if (existing) {
      this.options.counters.add("retransmissions-received");
      existing.receiveRetransmission();
      return;
    }
    const invite = method === "CANCEL" ? this.findInvite(received) : undefined;
    const privileged = invite !== undefined || this.user.inDialog(received);
    if (!privileged && !this.admitted(received)) return;
    if (this.servers.size >= this.options.maxServer * (privileged ? 1.5 : 1)) {
      this.refuse(received);
      return;
    }
    if (method === "INVITE") {
      if (this.isMerged(received, key)) {
        this.answerMerged(received, this.addInvite(received, key, false));
        return;
      }
      this.user.invite(received, this.addInvite(received, key, true));
      return;
    }
    const merged = method !== "CANCEL" && this.isMerged(received, key);
    const transaction = this.addNonInvite(received, key, !merged && method !== "CANCEL");
    if (merged) this.answerMerged(received, transaction);
    else if (method === "CANCEL") this.user.cancel(received, transaction, invite);
    else this.user.request(received, transaction);
  }

  /** Ends every transaction without a word. */
  clear(): void {
    for (const transaction of [...this.clients.values(), ...this.servers.values()]) transaction.terminate();
  }

  private attemptHost<User extends { timeout(): void }>(
    request: SipRequest,
    to: SipAddress,
    make: (request: SipRequest, key: string, hop: SipAddress, user: User) => ClientTransaction,
  ): AttemptHost<User> {
    const { transport, timers, counters } = this.options;
    return {
      timers,
      hops: transport.attempts(request, to),
      failOverMs: this.options.failOverMs,
      again: (first, hop) => {
        const branch = this.options.newBranch();
        return { request: this.rebranched(first, branch, hop), branch };
      },
      open: (tried, branch, hop, user, made) => {
        if (this.clients.size >= this.options.maxClient) return false;
        const counted = {
          ...user,
          timeout: () => {
            counters.add("transaction-timeout");
            user.timeout();
          },
        };
        const key = clientKey(branch, request.method);
        const transaction = make(transport.prepare(tried, hop), key, hop, counted);
        this.clients.set(key, transaction);
        made(transaction);
        transaction.start();
        return true;
      },
      report: (hop, outcome, retryAfterS) => this.options.report?.(hop, outcome, retryAfterS),
      movedOn: () => counters.add("failed-over"),
    };
  }

  private rebranched(request: SipRequest, branch: string, hop: SipAddress): SipRequest {
    const headers = request.headers instanceof Headers ? request.headers : new Headers(request.headers.entries());
    return { ...request, headers: headers.withFirst("Via", this.options.transport.newVia(branch, hop)) };
  }

  private around(to: SipAddress, sent?: (atMs: number) => void): Surroundings {
    const { timers, timing, transport } = this.options;
    let tell = sent;
    const around: Surroundings = {
      timers,
      timing,
      reliable: transport.reliable(to),
      send: (message, failed) =>
        transport.send(message, to, (error, atMs, connection) => {
          if (error) return failed(error);
          around.connection = connection;
          const first = tell;
          tell = undefined;
          first?.(atMs);
        }),
    };
    return around;
  }

  private findInvite(received: ReceivedRequest): InviteServerTransaction | undefined {
    const found = this.servers.get(serverKey(received, "INVITE"));
    return found instanceof InviteServerTransaction ? found : undefined;
  }

  private receiveAck(received: ReceivedRequest): void {
    const invite = this.findInvite(received);
    if (!invite) {
      this.user.ack(received);
      return;
    }
    // RFC 2543 clients: the key says nothing of the To tag, which must be that of our response (section 17.2.3).
    if (branchOf(received.via) === undefined && invite.lastResponse) {
      const to = parseNameAddr(invite.lastResponse.headers.get("To") ?? "");
      if (to.ok && tagOf(to.value) !== received.toTag) {
        this.user.ack(received);
        return;
      }
    }
    if (invite.receiveAck()) this.user.ack(received);
  }

  private addInvite(received: ReceivedRequest, key: string, first: boolean): InviteServerTransaction {
    const forget = this.remember(received, key, first);
    const transaction = new InviteServerTransaction(received.request, this.around(received.replyTo), forget);
    this.servers.set(key, transaction);
    return transaction;
  }

  private addNonInvite(received: ReceivedRequest, key: string, first: boolean): NonInviteServerTransaction {
    const forget = this.remember(received, key, first);
    const transaction = new NonInviteServerTransaction(received.request, this.around(received.replyTo), forget);
    this.servers.set(key, transaction);
    return transaction;
  }

  private remember(received: ReceivedRequest, key: string, first: boolean): () => void {
    const merge = first && received.toTag === undefined ? mergeKey(received) : undefined;
    if (merge !== undefined) this.arrivals.set(merge, key);
    return () => {
      this.servers.delete(key);
      if (merge !== undefined && this.arrivals.get(merge) === key) this.arrivals.delete(merge);
    };
  }

  /** The same request by another path (section 8.2.2.2). */
  private isMerged(received: ReceivedRequest, key: string): boolean {
    if (received.toTag !== undefined) return false;
    const first = this.arrivals.get(mergeKey(received));
    return first !== undefined && first !== key;
  }

  private answerMerged(received: ReceivedRequest, transaction: ServerTransaction): void {
    this.options.counters.add("merged");
    transaction.respond(
      makeResponse(received.request, 482, { toTag: this.options.statelessTag(received.request) }) satisfies SipResponse,
    );
  }

  /** Whether its source may have another request served now. */
  private admitted(received: ReceivedRequest): boolean {
    const { guard, counters } = this.options;
    const verdict = guard?.admitRequest(received.source.host, received.atMs) ?? "serve";
    if (verdict === "serve") return true;
    counters.add(verdict === "drop" ? "rate-dropped" : "rate-refused");
    if (verdict === "refuse") this.answer503(received, guard?.retryAfter(received.source.host, received.atMs) ?? 1);
    return false;
  }

  private refuse(received: ReceivedRequest): void {
    this.options.counters.add("transactions-full");
    this.answer503(received, this.options.retryAfter());
  }

  private answer503(received: ReceivedRequest, seconds: number): void {
    const response = makeResponse(received.request, 503, {
      toTag: this.options.statelessTag(received.request),
      headers: [["Retry-After", String(seconds)]],
    });
    this.options.transport.send(response, received.replyTo);
  }
}
