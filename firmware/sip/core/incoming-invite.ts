// A call that comes in, until it is answered, refused or given up (RFC 3261 section 13.3).

import type { Timer } from "../../runtime/timers.js";
import type {
  ExtraHeaders,
  IncomingInvite,
  IncomingInviteEvents,
  InviteDialog,
  ResponseOptions,
  SipAddress,
} from "../contract.js";
import {
  answerTimer,
  type DialogHost,
  DialogState,
  InviteSession,
  recordRoutes,
  type SendOutcome,
  type SessionTerms,
  sendOptions,
} from "../dialog/index.js";
import { makeResponse, parseNumber, type SipRequest, type SipResponse } from "../grammar/index.js";
import type { InviteServerTransaction, NonInviteServerTransaction } from "../transaction/index.js";
import type { ReceivedRequest } from "../transport/index.js";
import { ReliableProvisionals } from "./reliable-provisional.js";

/** A provisional response is repeated this often, so that no proxy cancels a long ringing (section 13.3.1.1). */
const REFRESH_MS = 60_000;

/** How often the caller is asked that says it does not know the dialog. */
const ASK_TRIES = 3;

const callEnded = { status: 487, reason: "The call has ended", cause: "response" } as const;

export class IncomingCall implements IncomingInvite {
  readonly request: SipRequest;
  readonly callId: string;
  readonly receivedAtMs: number;
  readonly source: SipAddress;
  events: IncomingInviteEvents = { cancelled() {} };
  private readonly tag: string;
  private session: InviteSession | undefined;
  /** answered: by accept() or reject(); over: by CANCEL, BYE, time. */
  private phase: "open" | "answered" | "over" = "open";
  private refresh: Timer | undefined;
  private readonly limits: Timer[] = [];
  private readonly reliable: ReliableProvisionals;
  /** The 2xx, while a reliable response with a body waits for its PRACK. */
  private heldAnswer: (() => void) | undefined;

  /** @param closed it is no longer waiting for an answer. */
  constructor(
    private readonly host: DialogHost,
    private readonly received: ReceivedRequest,
    private readonly transaction: InviteServerTransaction,
    private readonly closed: () => void,
  ) {
    this.request = received.request;
    this.callId = received.callId;
    this.receivedAtMs = received.atMs;
    this.source = received.source;
    this.tag = host.ids.tag();
    this.reliable = new ReliableProvisionals(host, received.cseq.seq, () => this.unacknowledged());
    transaction.user = {
      cancelled: (cancel) => this.giveUp(487, cancel.headers.get("Reason") ?? "the caller hung up"),
    };
    const expires = parseNumber(received.request.headers.get("Expires"));
    if (expires !== undefined && expires * 1000 < host.pendingInviteMs)
      this.limits.push(host.timers.after(expires * 1000, () => this.giveUp(487, "the invitation expired")));
    this.limits.push(host.timers.after(host.pendingInviteMs, () => this.giveUp(480, "nobody answered")));
  }

  /** The tag of our responses. */
  get localTag(): string {
    return this.tag;
  }

  provisional(status: number, options: ResponseOptions & { readonly reliable?: boolean } = {}): void {
    if (!(status >= 101 && status <= 199)) throw new RangeError(`status must be 101 to 199, got ${status}`);
    if (this.phase !== "open") return;
    this.establish();
    const { fields } = this.host;
    const common = [...recordRoutes(this.request), fields.contactFor(this.received.to.uri), fields.allow];
    if (!options.reliable && !this.needsReliable) {
      this.armRefresh(this.respond(status, options, common));
      return;
    }
    this.reliable.send({
      hasBody: options.body !== undefined,
      send: (rseq) => {
        const said = [...common, ["Require", "100rel"], ["RSeq", String(rseq)]] as const;
        this.respond(status, options, said);
      },
    });
  }

  /** Whether the caller takes reliable provisional responses (RFC 3262 section 3). */
  get takesReliable(): boolean {
    return this.needsReliable || has(this.request, "Supported");
  }

  /** Whether the caller insists on them. */
  get needsReliable(): boolean {
    return has(this.request, "Require");
  }

  ask(type: string, done: (outcome: SendOutcome) => void): void {
    const { host } = this;
    let left = ASK_TRIES;
    const send = (): void => {
      if (this.phase !== "open") return done({ failed: callEnded });
      sendOptions(host, this.establish().state, [["Accept", type]], (outcome) => {
        // It may have overtaken our 1xx.
        if ("failed" in outcome && outcome.failed.status === 481 && --left > 0) host.timers.after(host.timing.t1, send);
        else done(outcome);
      });
    };
    send();
  }

  accept(options: ResponseOptions): InviteDialog {
    this.mustBeOpen();
    if (this.phase === "over") {
      // Given up a moment ago: the owner gets a dialog that says so.
      const session = this.establish();
      this.host.timers.after(0, () => session.end({ by: "peer", text: "the caller hung up" }));
      return session;
    }
    const send = (): void => {
      this.reliable.stop();
      const { terms, fields } = this.timer;
      const said = [...recordRoutes(this.request), ...this.host.fields.invite(this.received.to.uri), ...fields];
      const ok = this.respond(200, options, said);
      // What the dialog needs besides its tag is worked out while the answer is on its way.
      this.establish().answer(this.received.cseq.seq, () => this.transaction.respond(ok), this.request, terms);
    };
    if (this.reliable.holdsFinal) this.heldAnswer = send;
    else send();
    this.close("answered");
    return this.establish();
  }

  private get timer(): { readonly terms: SessionTerms | undefined; readonly fields: ExtraHeaders } {
    const answer = answerTimer(this.request, this.host.sessionTimer);
    // Too short an interval was refused before the call came to anybody.
    return "tooShort" in answer ? { terms: undefined, fields: [] } : answer;
  }

  /** The caller acknowledges a reliable response (RFC 3262 section 3). */
  private prack(received: ReceivedRequest, transaction: NonInviteServerTransaction): void {
    const answer = (status: number): void =>
      transaction.respond(makeResponse(received.request, status, { headers: this.host.fields.server }));
    const matched = this.reliable.acknowledge(received.request.headers.get("RAck"));
    if (!matched) return answer(481);
    const hasBody = received.request.body.length > 0;
    // A body answers the offer of our response; an offer of the caller's own has its place in re-INVITE and UPDATE here.
    if (hasBody && !matched.hasBody) return answer(488);
    answer(200);
    if (hasBody) this.events.prack?.(received.request);
    const held = this.heldAnswer;
    if (!held || this.reliable.holdsFinal) return;
    this.heldAnswer = undefined;
    held();
  }

  /** 64*T1 without a PRACK: the call cannot be set up (RFC 3262 section 3). */
  private unacknowledged(): void {
    const why = "a provisional response was never acknowledged";
    if (this.phase === "open") this.giveUp(504, why);
    else if (this.heldAnswer) {
      this.heldAnswer = undefined;
      this.respond(504, {}, []);
      this.session?.end({ by: "timeout", text: why });
    }
  }

  reject(status: number, options: ResponseOptions = {}): void {
    if (!(status >= 300 && status <= 699)) throw new RangeError(`status must be 300 to 699, got ${status}`);
    this.mustBeOpen();
    if (this.phase === "over") return;
    this.close("answered");
    this.reliable.stop();
    this.respond(status, options, []);
    this.session?.drop();
  }

  /** Ends it from inside, once. */
  giveUp(status: number, why: string): void {
    if (this.phase !== "open") return;
    this.close("over");
    this.respond(status, {}, []);
    this.session?.drop();
    this.events.cancelled(why);
  }

  private mustBeOpen(): void {
    if (this.phase === "answered") throw new Error("this INVITE is already answered");
  }

  private establish(): InviteSession {
    this.session ??= new InviteSession(
      this.host,
      DialogState.uas(this.request, this.received, this.tag, this.host.ids.firstSeq()),
      false,
      () => this.giveUp(487, "the caller hung up"),
    );
    this.session.earlyPrack = (received, transaction) => this.prack(received, transaction);
    return this.session;
  }

  private respond(status: number, options: ResponseOptions, fields: ExtraHeaders): SipResponse {
    const response = makeResponse(this.request, status, {
      reason: options.reason,
      toTag: this.tag,
      headers: [...fields, ...this.host.fields.server, ...(options.headers ?? [])],
      body: options.body,
    });
    this.transaction.respond(response);
    return response;
  }

  private armRefresh(response: SipResponse): void {
    this.refresh?.cancel();
    this.refresh = this.host.timers.after(REFRESH_MS, () => {
      this.transaction.respond(response);
      this.armRefresh(response);
    });
  }

  private close(phase: "answered" | "over"): void {
    this.phase = phase;
    this.refresh?.cancel();
    if (phase === "over") this.reliable.stop();
    for (const timer of this.limits) timer.cancel();
    this.closed();
  }
}

function has(request: SipRequest, name: "Supported" | "Require"): boolean {
  return request.headers.all(name).some((tag) => tag.toLowerCase() === "100rel");
}
