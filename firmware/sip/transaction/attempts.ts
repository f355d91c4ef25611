// One request, tried at several addresses: each try is a transaction of its own (RFC 3263 section 4.3, RFC 3261 section 18.1.1).

import type { Timer, Timers } from "../../runtime/timers.js";
import type { SipAddress } from "../contract.js";
import { parseRetryAfter, type SipRequest, type SipResponse } from "../grammar/index.js";
import type { InviteClientState, InviteClientUser } from "./invite-client.js";
import type { NonInviteClientUser } from "./non-invite-client.js";

/** An INVITE under way, as its sender sees it: perhaps several transactions, one after the other. */
export interface ClientInvite {
  /** Of the transaction under way. */
  readonly state: InviteClientState;
  /** See {@link InviteClientTransaction.abandon}. */
  abandon(): void;
  /** Ends every transaction of it at once. */
  terminate(): void;
}

/** The transaction behind one try. */
interface Try {
  terminate(): void;
  abandon?(): void;
  readonly state: string;
  readonly connection: number | undefined;
}

/** What the tries need of the layer they live in. */
export interface AttemptHost<User> {
  readonly timers: Timers;
  /** Where to go, best first; at least one. */
  readonly hops: readonly SipAddress[];
  /** How long an address may say nothing while there is another, ms. */
  readonly failOverMs: number;
  /** The request with a branch of its own, for a further try. */
  again(request: SipRequest, hop: SipAddress): { readonly request: SipRequest; readonly branch: string };
  /** Makes and starts a transaction; undefined when there are too many. */
  open(request: SipRequest, branch: string, hop: SipAddress, user: User, made: (one: Try) => void): boolean;
  report(hop: SipAddress, outcome: "answered" | "failed", retryAfterS?: number): void;
  /** It goes on to the next address. */
  movedOn(): void;
}

/** What INVITE and other requests have in common. */
abstract class Attempts<User> {
  /** Branch of the try under way, and where it went. */
  branch: string;
  hop: SipAddress;
  private at = -1;
  private readonly live = new Set<Try>();
  /** The transaction of the try under way. */
  protected latest: Try | undefined;
  private timer: Timer | undefined;
  private abandoned = false;
  /** Somebody has taken the request up, or it is over: no other address is tried. */
  protected settled = false;

  constructor(
    protected readonly host: AttemptHost<User>,
    protected readonly request: SipRequest,
    branch: string,
  ) {
    this.branch = branch;
    this.hop = host.hops[0];
  }

  /** Sends it to the first address. */
  start(): void {
    this.next();
  }

  terminate(): void {
    this.timer?.cancel();
    this.settled = true;
    for (const one of [...this.live]) one.terminate();
  }

  abandon(): void {
    this.abandoned = true;
    this.timer?.cancel();
    for (const one of this.live) one.abandon?.();
  }

  /** @param own holds that try's transaction once it is made. */
  protected abstract userOf(attempt: number, own: { one?: Try }): User;
  protected abstract failed(error: Error): void;
  protected abstract over(): void;

  /** Any response of that try. */
  protected heard(attempt: number): void {
    this.host.report(this.host.hops[attempt], "answered");
    if (attempt === this.at) this.timer?.cancel();
  }

  /** That try has come to nothing. True: the owner need not know, since another goes on or is done already. */
  protected moveOn(attempt: number, retryAfterS?: number): boolean {
    this.host.report(this.host.hops[attempt], "failed", retryAfterS);
    if (attempt !== this.at) return true;
    this.timer?.cancel();
    if (this.settled || this.abandoned || this.at + 1 >= this.host.hops.length) return false;
    this.host.movedOn();
    this.next();
    return true;
  }

  /** A transaction of it is gone. */
  protected ended(one: Try | undefined): void {
    if (one) this.live.delete(one);
    if (this.live.size === 0) {
      this.timer?.cancel();
      this.over();
    }
  }

  /** That try's address with the connection it went over; the others are its alternatives. */
  protected way(attempt: number, one: Try | undefined): SipAddress {
    const { hops } = this.host;
    const others = hops.filter((each, i) => i !== attempt && !each.bySize);
    return {
      ...hops[attempt],
      ...(one?.connection === undefined ? {} : { connection: one.connection }),
      alternatives: others.length > 0 ? others : undefined,
    };
  }

  protected isCurrent(attempt: number): boolean {
    return attempt === this.at;
  }

  private next(): void {
    const { host } = this;
    const attempt = ++this.at;
    const hop = host.hops[attempt];
    let { request } = this;
    if (attempt > 0) ({ request, branch: this.branch } = host.again(this.request, hop));
    this.hop = hop;
    if (attempt + 1 < host.hops.length)
      this.timer = host.timers.after(host.failOverMs, () => {
        // The silent one goes on in the background: an answer that comes late is not lost.
        if (attempt === this.at) this.moveOn(attempt);
      });
    const own: { one?: Try } = {};
    const opened = host.open(request, this.branch, hop, this.userOf(attempt, own), (one) => {
      own.one = one;
      this.latest = one;
      this.live.add(one);
    });
    if (!opened) {
      this.timer?.cancel();
      this.failed(new Error("too many transactions"));
      this.ended(undefined);
    }
  }
}

/** Seconds a 503 asks to be left alone (RFC 3261 section 21.5.4). */
function retryAfter(response: SipResponse): number | undefined {
  const wanted = parseRetryAfter(response.headers.get("Retry-After") ?? "");
  return wanted.ok ? wanted.value.seconds : undefined;
}

export class InviteAttempts extends Attempts<InviteClientUser> implements ClientInvite {
  constructor(
    host: AttemptHost<InviteClientUser>,
    request: SipRequest,
    branch: string,
    private readonly user: InviteClientUser,
    private readonly gone: () => void,
  ) {
    super(host, request, branch);
  }

  get state(): InviteClientState {
    return (this.latest?.state as InviteClientState | undefined) ?? "terminated";
  }

  protected userOf(attempt: number, own: { one?: Try }): InviteClientUser {
    const { user } = this;
    return {
      provisional: (response, atMs) => {
        this.heard(attempt);
        if (response.status > 100) this.settled = true;
        user.provisional(response, atMs);
      },
      success: (response, atMs) => {
        this.heard(attempt);
        this.settled = true;
        user.success(response, atMs);
      },
      failure: (response, atMs) => {
        if (response.status === 503 ? this.moveOn(attempt, retryAfter(response)) : !this.isCurrent(attempt)) return;
        if (response.status !== 503) this.heard(attempt);
        this.settled = true;
        user.failure(response, atMs);
      },
      timeout: () => {
        if (!this.moveOn(attempt)) user.timeout();
      },
      transportError: (error) => {
        if (!this.moveOn(attempt)) user.transportError(error);
      },
      terminated: () => this.ended(own.one),
    };
  }

  protected failed(error: Error): void {
    this.user.transportError(error);
  }

  protected over(): void {
    this.gone();
    this.user.terminated();
  }
}

export class RequestAttempts extends Attempts<NonInviteClientUser> {
  constructor(
    host: AttemptHost<NonInviteClientUser>,
    request: SipRequest,
    branch: string,
    private readonly user: NonInviteClientUser,
  ) {
    super(host, request, branch);
  }

  protected userOf(attempt: number, own: { one?: Try }): NonInviteClientUser {
    const { user } = this;
    return {
      provisional: (response, atMs) => {
        this.heard(attempt);
        user.provisional?.(response, atMs);
      },
      final: (response, atMs) => {
        if (response.status === 503 && this.moveOn(attempt, retryAfter(response))) return;
        if (response.status !== 503) this.heard(attempt);
        // The one that answers first decides; a late answer to an earlier try is as good.
        if (this.settled) return;
        this.settled = true;
        user.final(response, atMs, this.way(attempt, own.one));
      },
      timeout: () => {
        if (!this.moveOn(attempt) && !this.settled) user.timeout();
      },
      transportError: (error) => {
        if (!this.moveOn(attempt) && !this.settled) user.transportError(error);
      },
      terminated: () => this.ended(own.one),
    };
  }

  protected failed(error: Error): void {
    if (!this.settled) this.user.transportError(error);
  }

  protected over(): void {
    this.user.terminated?.();
  }
}
