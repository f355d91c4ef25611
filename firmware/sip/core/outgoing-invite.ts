// A call we place, until it is answered or failed: every try of it, with credentials, at other targets, on other terms (RFC 3261 sections 8.1.3, 13.2).

import type {
  ExtraHeaders,
  Failure,
  OutgoingInvite,
  OutgoingInviteEvents,
  OutgoingInviteOptions,
  SipBody,
} from "../contract.js";
import {
  type DialogHost,
  type InviteSession,
  judge,
  MIN_SE_FLOOR,
  notSent,
  readMinSe,
  refusedBy,
  timerFields,
  withCredentials,
} from "../dialog/index.js";
import type { Attempt } from "../digest/index.js";
import { parseSipUri, quote, readEssentials, reasonPhrase, type SipResponse } from "../grammar/index.js";
import { composeRequest, findHop, newIdentity, type RequestIdentity } from "./client-request.js";
import { type InviteOwner, InviteTry } from "./invite-try.js";
import { Redirects, type RedirectTarget } from "./redirects.js";

/** INVITEs one call may send: challenges, redirects and terms together. */
const MAX_TRIES = 24;

export class OutgoingCall implements OutgoingInvite, InviteOwner {
  readonly callId: string;
  readonly account: string;
  private readonly identity: RequestIdentity;
  private readonly redirects: Redirects;
  private readonly attempt: Attempt | undefined;
  private seq: number;
  private tries = 0;
  private live = 0;
  private current: InviteTry | undefined;
  /** Composed to see whether it can be: the first try's. */
  private first: ReturnType<OutgoingCall["compose"]> | undefined;
  private aim: RedirectTarget | undefined;
  private intervalS: number;
  private minSe = MIN_SE_FLOOR;
  private cancelled: ExtraHeaders | undefined;
  private saidSent = false;
  /** accepted or failed has been said. */
  private settled = false;

  /** @param over nothing of it is left. @throws TypeError, see {@link composeRequest}. */
  constructor(
    readonly host: DialogHost,
    private readonly options: OutgoingInviteOptions,
    private readonly events: OutgoingInviteEvents,
    private readonly over: () => void,
  ) {
    this.identity = newIdentity(host);
    this.callId = this.identity.callId;
    this.account = options.account ?? options.from.uri;
    this.seq = this.identity.seq;
    this.intervalS = host.sessionTimer.expiresS;
    this.first = this.compose();
    const target = parseSipUri(options.target);
    if (!target.ok) throw new TypeError(target.error.text);
    this.redirects = new Redirects(target.value);
    this.attempt = host.auth(this.account)?.begin(target.value.host);
  }

  /** Whether it still rings. */
  get pending(): boolean {
    return !this.settled;
  }

  start(): void {
    const { composed, essentials } = this.first ?? this.compose();
    this.first = undefined;
    this.seq++;
    this.tries++;
    this.live++;
    this.current = undefined;
    findHop(
      this.host,
      composed.uri,
      this.options.nextHop,
      (result) => {
        if (this.settled) return;
        if (!result.ok) return this.abandon(notSent(result.error.text));
        const request = withCredentials(composed.request, this.attempt, result.value);
        this.current = new InviteTry(this, request, essentials, composed.branch);
        this.current.start(result.value);
      },
      this.attempt?.overTls,
    );
  }

  /** Fails it in place of {@link start}. */
  refuse(text: string): void {
    this.live++;
    this.abandon(notSent(text));
  }

  cancel(reason?: string): void {
    if (this.settled || this.cancelled) return;
    this.cancelled = reasonHeader(reason);
    if (this.current) this.current.cancel(this.cancelled);
    else this.abandon(terminated("timeout"));
  }

  sent(atMs: number): void {
    if (this.saidSent) return;
    this.saidSent = true;
    this.events.sent(atMs);
  }

  provisional(response: SipResponse, atMs: number): void {
    if (!this.settled) this.events.provisional(response, atMs);
  }

  asked(types: readonly string[]): SipBody | undefined {
    return this.settled ? undefined : this.events.asked?.(types);
  }

  answered(response: SipResponse, session: InviteSession, atMs: number): boolean {
    this.attempt?.accepted(response);
    if (this.attempt?.unagreed) this.fail(refusedBy(response, "no-agreement"));
    if (!this.settled && !this.cancelled) {
      this.settled = true;
      this.events.accepted(response, session, atMs);
      return true;
    }
    if (this.settled) this.host.counters.add("forked-2xx");
    this.fail({ ...terminated("response"), response });
    return false;
  }

  refused(response: SipResponse): void {
    if (this.settled) return;
    if (this.cancelled) return this.fail(refusedBy(response));
    const verdict = judge(this.host, this.attempt, response);
    if (this.tries < MAX_TRIES) {
      if (verdict?.retry || this.growInterval(response)) return this.start();
      this.redirects.add(response, this.aim?.through ?? this.aim?.uri ?? this.options.target);
      // A 6xx says that nobody else will take it either (section 21.6).
      const next = response.status >= 600 ? undefined : this.redirects.next();
      if (next) {
        this.host.counters.add("redirected");
        this.aim = next;
        return this.start();
      }
    }
    this.fail(refusedBy(response, verdict && !verdict.retry ? verdict.why : undefined));
  }

  failed(failure: Failure): void {
    this.fail(this.cancelled ? terminated("timeout") : failure);
  }

  gone(): void {
    if (--this.live === 0 && this.settled) this.over();
  }

  /** One try's INVITE. */
  private compose() {
    const { host, options, aim } = this;
    const fields = [...host.fields.invite(this.account), ...timerFields(this.intervalS, this.minSe)];
    const to = options.target;
    const aimed: OutgoingInviteOptions & { readonly to?: string } = !aim
      ? options
      : aim.through !== undefined
        ? { ...options, target: aim.through, to, nextHop: undefined, routes: [loose(aim.uri)] }
        : { ...options, target: aim.uri, to };
    const composed = composeRequest(host, "INVITE", aimed, fields, { ...this.identity, seq: this.seq });
    const essentials = readEssentials(composed.request);
    if (!essentials.ok) throw new TypeError(essentials.error.text);
    return { composed, essentials: essentials.value };
  }

  /** A 422: asks for the interval it wants (RFC 4028 section 7.3). False when that changes nothing. */
  private growInterval(response: SipResponse): boolean {
    if (response.status !== 422 || this.intervalS === 0) return false;
    const wanted = readMinSe(response.headers);
    if (wanted <= this.minSe || wanted > 86_400) return false;
    this.minSe = wanted;
    this.intervalS = Math.max(this.intervalS, wanted);
    return true;
  }

  /** Ends before there was a transaction. Said later than the caller's own call, never inside it. */
  private abandon(failure: Failure): void {
    this.host.timers.after(0, () => {
      this.fail(failure);
      this.gone();
    });
  }

  private fail(failure: Failure): void {
    if (this.settled) return;
    this.settled = true;
    this.current?.dropEarly();
    this.events.failed(failure);
  }
}

function loose(uri: string): string {
  return /;lr(?:[;=]|$)/i.test(uri) ? `<${uri}>` : `<${uri};lr>`;
}

function terminated(cause: Failure["cause"]): Failure {
  return { status: 487, reason: reasonPhrase(487), cause };
}

/** A Reason field (RFC 3326): the text as it is when it is one already, else as the text of a SIP reason. */
function reasonHeader(reason: string | undefined): ExtraHeaders {
  if (reason === undefined) return [];
  const clean = reason.replace(/[\r\n]+/g, " ");
  return [["Reason", /^[A-Za-z0-9.-]+\s*;/.test(clean) ? clean : `SIP;text=${quote(clean)}`]];
}
