// One INVITE dialog, of the caller or the callee: ACK, re-INVITE, BYE (RFC 3261 sections 12 to 15).

import type { ExtraHeaders, InviteDialog, InviteDialogEvents, OfferBody, SipBody } from "../contract.js";
import { checkedHeaders, makeResponse, type SipMessage, type SipRequest, type SipResponse } from "../grammar/index.js";
import type { InviteServerTransaction, NonInviteServerTransaction } from "../transaction/index.js";
import type { ReceivedRequest } from "../transport/index.js";
import { credentialsOf, type SendOutcome, sendAuthorised } from "./authorised.js";
import { ClientAck } from "./client-ack.js";
import type { DialogHost, DialogUsage } from "./host.js";
import { resolveHop } from "./next-hop.js";
import { OkRetransmitter } from "./ok-retransmitter.js";
import { isReliable, PrackOut } from "./prack-out.js";
import { ReinviteIn } from "./reinvite-in.js";
import { ReinviteOut, type ReinviteOutcome } from "./reinvite-out.js";
import {
  answerTimer,
  readMinSe,
  type SessionTerms,
  SessionTimer,
  termsOfResponse,
  timerFields,
} from "./session-timer.js";
import type { DialogState } from "./state.js";
import { UpdateIn } from "./update-in.js";
import { UpdateOut } from "./update-out.js";

/** early: before the 2xx; leaving: our BYE waits for its answer; ended: nothing more is said. */
type Phase = "early" | "confirmed" | "leaving" | "ended";

/** What a BYE says beside being one. */
interface Farewell {
  readonly headers: ExtraHeaders;
  readonly body?: SipBody;
}

const callEnded = { status: 481, reason: "The call has ended", cause: "response" } as const;

/** Events of a dialog nobody listens to: re-INVITEs are refused. */
const unheard: InviteDialogEvents = {
  acked() {},
  reinvite(request) {
    request.reject(488);
  },
  ended() {},
};

export class InviteSession implements InviteDialog, DialogUsage {
  events: InviteDialogEvents = unheard;
  private phase: Phase = "early";
  /** A 2xx of the peer that ack() has not been called for. */
  private unacked: ClientAck | undefined;
  /** The ACK of the initial INVITE, for copies of its 2xx. */
  private firstAck: ClientAck | undefined;
  /** A 2xx of ours whose ACK has not come. */
  private ok: OkRetransmitter | undefined;
  private out: ReinviteOut | undefined;
  private incoming: ReinviteIn | undefined;
  /** bye() was called while our 2xx waits for its ACK. */
  private byeWanted: Farewell | undefined;
  private updateOut: UpdateOut | undefined;
  private updateIn: UpdateIn | undefined;
  private readonly prackOut: PrackOut;
  /** The answer to our first offer came in a reliable response: the next offer may be made. */
  private answeredEarly = false;
  private readonly timer: SessionTimer;
  /** Shortest session interval anybody on the way has asked for, seconds. */
  private minSe = 0;
  private peerAllowsUpdate = false;
  /** Callee, while it is early: the peer acknowledges a provisional response. */
  earlyPrack: ((received: ReceivedRequest, transaction: NonInviteServerTransaction) => void) | undefined;

  /** Caller, while it is early: the peer asks for a body of one of these media types. */
  earlyAsked: ((types: readonly string[]) => SipBody | undefined) | undefined;

  /**
   * @param ownsCallId true at the caller.
   * @param earlyBye the caller gave up with a BYE before we answered: end the INVITE with 487.
   */
  constructor(
    readonly host: DialogHost,
    readonly state: DialogState,
    readonly ownsCallId: boolean,
    private readonly earlyBye: () => void = () => {},
  ) {
    host.add(this);
    this.prackOut = new PrackOut(host, state);
    this.timer = new SessionTimer(
      host.timers,
      () => this.refreshSession(),
      () => {
        if (this.phase !== "confirmed") return;
        host.counters.add("session-expired");
        this.sendBye({ headers: [["Reason", 'SIP;cause=408;text="Session timer expired"']] }, () => {});
        this.end({ by: "timeout", text: "the session was not refreshed in time" });
      },
    );
  }

  get key(): string {
    return this.state.key;
  }
  get callId(): string {
    return this.state.callId;
  }
  get localUri(): string {
    return this.state.localUri;
  }
  get remoteUri(): string {
    return this.state.remoteUri;
  }
  get confirmed(): boolean {
    return this.phase !== "early";
  }
  get takesUpdate(): boolean {
    return this.peerAllowsUpdate;
  }

  /** Caller: the 2xx to `invite`, our request with that CSeq number, came. */
  confirm(response: SipResponse, seq: number, invite: SipRequest): void {
    this.phase = "confirmed";
    this.state.learnFrom(response);
    this.firstAck = this.unacked = new ClientAck(this.host, this.state, seq, credentialsOf(invite));
    this.learnAllow(response);
    this.minSe = readMinSe(invite.headers);
    this.timer.set(termsOfResponse(response));
  }

  /** Caller: a 1xx that may have to be acknowledged. False: it is a copy or out of order, and not to be processed. */
  early(response: SipResponse, inviteSeq: number): boolean {
    if (!isReliable(response)) return true;
    if (!this.prackOut.take(response, inviteSeq)) return false;
    if (response.body.length > 0) this.answeredEarly = true;
    return true;
  }

  asked(types: readonly string[]): SipBody | undefined {
    return this.phase === "early" ? this.earlyAsked?.(types) : undefined;
  }

  /** Whether the peer said that it takes this method. */
  private learnAllow(message: SipMessage): void {
    if (message.headers.has("Allow")) this.peerAllowsUpdate = message.headers.all("Allow").includes("UPDATE");
  }

  /** Caller: the 2xx came again. */
  okAgain(): void {
    this.firstAck?.again();
  }

  /** Callee: our 2xx to `invite` has left; `resend` sends it again. */
  answer(seq: number, resend: () => void, invite: SipRequest, terms: SessionTerms | undefined): void {
    this.phase = "confirmed";
    this.earlyPrack = undefined;
    this.learnAllow(invite);
    this.minSe = readMinSe(invite.headers);
    this.timer.set(terms);
    this.awaitAck(seq, resend);
  }

  /** Nothing becomes of an early dialog. */
  drop(): void {
    if (this.phase !== "early") return;
    this.phase = "ended";
    this.updateOut?.stop();
    this.host.remove(this);
  }

  ack(body?: SipBody): void {
    const ack = this.unacked;
    if (!ack) throw new Error("there is no 2xx to acknowledge");
    this.unacked = undefined;
    ack.send(body);
  }

  reinvite(body: OfferBody, result: (outcome: ReinviteOutcome) => void): void {
    if (this.out || this.phase !== "confirmed" || this.byeWanted) {
      const failed = this.out ? ({ status: 491, reason: "Request Pending", cause: "response" } as const) : callEnded;
      result({ failed });
      return;
    }
    this.out = new ReinviteOut(
      {
        host: this.host,
        state: this.state,
        ownsCallId: this.ownsCallId,
        busy: () =>
          this.incoming !== undefined ||
          this.updateIn !== undefined ||
          this.ok !== undefined ||
          this.unacked !== undefined,
        answered: (ack, response) => {
          this.unacked = ack;
          this.learnAllow(response);
          this.timer.set(termsOfResponse(response));
        },
        fields: () => this.timerRequest(),
        tooShort: (response) => this.growInterval(response),
        done: (outcome) => {
          this.out = undefined;
          result(outcome);
          if ("failed" in outcome) this.afterFailure(outcome.failed.status, outcome.failed.cause);
        },
      },
      body,
    );
    this.out.start();
  }

  update(body: OfferBody | undefined, result: (outcome: SendOutcome) => void): void {
    if (this.updateOut || this.out || this.phase === "ended" || this.phase === "leaving" || this.byeWanted) {
      const busy = this.updateOut !== undefined || this.out !== undefined;
      result({ failed: busy ? { status: 491, reason: "Request Pending", cause: "response" } : callEnded });
      return;
    }
    const begin = (): void => {
      this.updateOut = new UpdateOut(
        {
          host: this.host,
          state: this.state,
          ownsCallId: this.ownsCallId,
          busy: () => this.incoming !== undefined || this.updateIn !== undefined,
        },
        body,
        () => this.timerRequest(),
        (outcome) => {
          this.updateOut = undefined;
          if ("failed" in outcome) {
            const { response, status, cause } = outcome.failed;
            if (status === 422 && response && this.growInterval(response)) return begin();
            result(outcome);
            this.afterFailure(status, cause);
            return;
          }
          this.timer.set(termsOfResponse(outcome.ok));
          result(outcome);
        },
      );
      this.updateOut.start();
    };
    begin();
  }

  /** Keeps the session alive: by UPDATE where the peer takes it, else the owner re-INVITEs with the session as it is. */
  private refreshSession(): void {
    if (this.phase !== "confirmed") return;
    if (this.peerAllowsUpdate) this.update(undefined, () => {});
    else this.events.refresh?.();
  }

  /** Session-Expires of a request of ours within the dialog: the roles stay as they are. */
  private timerRequest(): ExtraHeaders {
    const { terms } = this.timer;
    if (!terms) return [];
    return timerFields(terms.intervalS, this.minSe, terms.weRefresh ? "uac" : "uas");
  }

  /** A 422: asks for more from now on. False when there is nothing to be gained. */
  private growInterval(response: SipResponse): boolean {
    const wanted = readMinSe(response.headers);
    const { terms } = this.timer;
    if (!terms || wanted <= this.minSe || wanted > 86_400) return false;
    this.minSe = wanted;
    this.timer.set({ ...terms, intervalS: Math.max(terms.intervalS, wanted) });
    return true;
  }

  bye(headers: ExtraHeaders = [], body?: SipBody): void {
    checkedHeaders(headers);
    if (this.phase !== "confirmed" || this.byeWanted) return;
    const farewell = { headers, ...(body ? { body } : {}) };
    if (this.ok) {
      this.byeWanted = farewell;
      return;
    }
    this.sendBye(farewell, () => this.end({ by: "us", text: "hung up here" }));
  }

  inOrder(received: ReceivedRequest, transaction: InviteServerTransaction | NonInviteServerTransaction): boolean {
    if (this.state.takeSeq(received.cseq.seq)) return true;
    this.host.counters.add("out-of-order");
    transaction.respond(makeResponse(received.request, 500, { headers: this.host.fields.server }));
    return false;
  }

  receiveInvite(received: ReceivedRequest, transaction: InviteServerTransaction): void {
    const refuse = (status: number, headers: ExtraHeaders = []): void =>
      transaction.respond(
        makeResponse(received.request, status, { headers: [...this.host.fields.server, ...headers] }),
      );
    const unanswered =
      this.incoming !== undefined || this.updateIn !== undefined || (this.phase === "early" && !this.ownsCallId);
    if (this.phase === "leaving" || this.phase === "ended") refuse(481);
    else if (unanswered) refuse(500, [["Retry-After", String(this.host.ids.between(0, 10))]]);
    else if (this.phase === "early" || this.out?.inProgress || this.updateOut?.inProgress || this.ok || this.unacked) {
      this.host.counters.add("glare");
      refuse(491);
    } else {
      const session = answerTimer(received.request, this.host.sessionTimer);
      if ("tooShort" in session) return refuse(422, [["Min-SE", String(session.tooShort)]]);
      this.incoming = new ReinviteIn(
        this.host,
        received,
        transaction,
        this.state.account,
        (response) => {
          this.state.refreshTarget(received.request, received.source);
          this.learnAllow(received.request);
          this.timer.set(session.terms);
          this.awaitAck(received.cseq.seq, () => transaction.respond(response));
        },
        () => {
          this.incoming = undefined;
        },
        session.fields,
      );
      this.events.reinvite(this.incoming);
    }
  }

  /** An UPDATE of the peer (RFC 3311 section 5.2). */
  receiveUpdate(received: ReceivedRequest, transaction: NonInviteServerTransaction): void {
    const { host, state } = this;
    const refuse = (status: number, headers: ExtraHeaders = []): void =>
      transaction.respond(makeResponse(received.request, status, { headers: [...host.fields.server, ...headers] }));
    if (this.phase === "leaving" || this.phase === "ended") return refuse(481);
    const offer = received.request.body.length > 0;
    const early = this.phase === "early";
    if (this.updateIn || (offer && (this.incoming || (early && !this.ownsCallId))))
      return refuse(500, [["Retry-After", String(host.ids.between(0, 10))]]);
    if (
      offer &&
      (this.out?.inProgress || this.updateOut?.inProgress || this.unacked || (early && !this.answeredEarly))
    ) {
      host.counters.add("glare");
      return refuse(491);
    }
    const session = answerTimer(received.request, host.sessionTimer);
    if ("tooShort" in session) return refuse(422, [["Min-SE", String(session.tooShort)]]);
    const update = new UpdateIn(host, state, received, transaction, session.fields, (accepted) => {
      this.updateIn = undefined;
      if (!accepted) return;
      state.refreshTarget(received.request, received.source);
      this.learnAllow(received.request);
      if (this.phase === "confirmed") this.timer.set(session.terms);
    });
    if (!offer) return update.accept({});
    this.updateIn = update;
    this.events.reinvite(update);
  }

  receivePrack(received: ReceivedRequest, transaction: NonInviteServerTransaction): void {
    if (this.earlyPrack) return this.earlyPrack(received, transaction);
    transaction.respond(makeResponse(received.request, 481, { headers: this.host.fields.server }));
  }

  receiveBye(received: ReceivedRequest, transaction: NonInviteServerTransaction): void {
    transaction.respond(makeResponse(received.request, 200, { headers: this.host.fields.server }));
    if (this.phase === "early") {
      this.drop();
      this.earlyBye();
    } else if (this.phase === "confirmed") {
      this.end({ by: "peer", text: "the other side hung up", request: received.request });
    }
  }

  receiveAck(received: ReceivedRequest): void {
    if (!this.ok || received.cseq.seq !== this.ok.seq) {
      this.host.counters.add("stray-ack");
      return;
    }
    this.ok.stop();
    this.ok = undefined;
    this.events.acked(received.request, received.atMs);
    const farewell = this.byeWanted;
    if (farewell && this.phase === "confirmed")
      this.sendBye(farewell, () => this.end({ by: "us", text: "hung up here" }));
  }

  /** Ends at once, without a word to the peer: for what is already over elsewhere. */
  end(why: {
    readonly by: "peer" | "us" | "timeout" | "error";
    readonly text: string;
    readonly request?: SipRequest;
  }): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.ok?.stop();
    this.ok = undefined;
    this.timer.stop();
    this.incoming?.end(487);
    this.out?.stop(callEnded);
    this.updateOut?.stop();
    this.host.remove(this);
    this.events.ended(why);
  }

  private awaitAck(seq: number, resend: () => void): void {
    const { host } = this;
    this.ok = new OkRetransmitter(seq, host.timers, host.timing, resend, () => {
      host.counters.add("ack-timeout");
      this.ok = undefined;
      this.sendBye(this.byeWanted ?? { headers: [] }, () => {});
      this.end({ by: "timeout", text: "the answer was never acknowledged" });
    });
  }

  /** 481, 408 and no answer at all end the dialog (section 12.2.1.2); a peer that may still know it is sent a BYE. */
  private afterFailure(status: number, cause: "response" | "timeout" | "transport"): void {
    if (this.phase !== "confirmed" || (status !== 481 && status !== 408)) return;
    if (status === 408) this.sendBye({ headers: [] }, () => {});
    this.end({
      by: cause === "timeout" ? "timeout" : "error",
      text: cause === "timeout" ? "the other side no longer answers" : "the other side does not know the call any more",
    });
  }

  private sendBye({ headers, body }: Farewell, answered: () => void): void {
    const { host, state } = this;
    if (this.unacked) this.ack();
    this.phase = "leaving";
    this.timer.stop();
    this.out?.stop(callEnded);
    this.updateOut?.stop();
    this.incoming?.end(487);
    const make = () => {
      const branch = host.ids.branch();
      const fields = [...host.fields.userAgent, ...headers];
      return { branch, request: state.compose("BYE", { via: host.transport.newVia(branch), headers: fields, body }) };
    };
    const hop = state.nextHop();
    if (!hop) {
      answered();
      return;
    }
    resolveHop(host, state, hop, (result) => {
      if (!result.ok) return answered();
      sendAuthorised(host, host.auth(state.account)?.begin(state.callId), make, result.value, answered);
    });
  }
}
