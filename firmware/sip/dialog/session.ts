// One INVITE dialog, of the caller or the callee: ACK, re-INVITE, BYE (RFC 3261 sections 12 to 15).

import type { ExtraHeaders, InviteDialog, InviteDialogEvents, SipBody } from "../contract.js";
import { checkedHeaders, makeResponse, type SipHeaders, type SipResponse } from "../grammar/index.js";
import type { InviteServerTransaction, NonInviteServerTransaction } from "../transaction/index.js";
import type { ReceivedRequest } from "../transport/index.js";
import { ClientAck } from "./client-ack.js";
import type { DialogHost, DialogUsage } from "./host.js";
import { OkRetransmitter } from "./ok-retransmitter.js";
import { ReinviteIn } from "./reinvite-in.js";
import { ReinviteOut, type ReinviteOutcome } from "./reinvite-out.js";
import type { DialogState } from "./state.js";

/** early: before the 2xx; leaving: our BYE waits for its answer; ended: nothing more is said. */
type Phase = "early" | "confirmed" | "leaving" | "ended";

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
  private byeWanted: ExtraHeaders | undefined;

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

  /** Caller: the 2xx came. `seq` is that of our INVITE. */
  confirm(response: SipResponse, seq: number): void {
    this.phase = "confirmed";
    this.state.learnFrom(response);
    this.firstAck = this.unacked = new ClientAck(this.host, this.state, seq);
  }

  /** Caller: the 2xx came again. */
  okAgain(): void {
    this.firstAck?.again();
  }

  /** Callee: our 2xx has left; `resend` sends it again. */
  answer(seq: number, resend: () => void): void {
    this.phase = "confirmed";
    this.awaitAck(seq, resend);
  }

  /** Nothing becomes of an early dialog. */
  drop(): void {
    if (this.phase !== "early") return;
    this.phase = "ended";
    this.host.remove(this);
  }

  ack(body?: SipBody): void {
    const ack = this.unacked;
    if (!ack) throw new Error("there is no 2xx to acknowledge");
    this.unacked = undefined;
    ack.send(body);
  }

  reinvite(body: SipBody, result: (outcome: ReinviteOutcome) => void): void {
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
        busy: () => this.incoming !== undefined || this.ok !== undefined || this.unacked !== undefined,
        answered: (ack) => {
          this.unacked = ack;
        },
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

  bye(headers: ExtraHeaders = []): void {
    checkedHeaders(headers);
    if (this.phase !== "confirmed" || this.byeWanted) return;
    if (this.ok) {
      this.byeWanted = headers;
      return;
    }
    this.sendBye(headers, () => this.end({ by: "us", text: "hung up here" }));
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
    const unanswered = this.incoming !== undefined || (this.phase === "early" && !this.ownsCallId);
    if (this.phase === "leaving" || this.phase === "ended") refuse(481);
    else if (unanswered) refuse(500, [["Retry-After", String(this.host.ids.between(0, 10))]]);
    else if (this.phase === "early" || this.out?.inProgress || this.ok || this.unacked) {
      this.host.counters.add("glare");
      refuse(491);
    } else {
      this.incoming = new ReinviteIn(
        this.host,
        received,
        transaction,
        (response) => {
          this.state.refreshTarget(received.request);
          this.awaitAck(received.cseq.seq, () => transaction.respond(response));
        },
        () => {
          this.incoming = undefined;
        },
      );
      this.events.reinvite(this.incoming);
    }
  }

  receiveBye(received: ReceivedRequest, transaction: NonInviteServerTransaction): void {
    transaction.respond(makeResponse(received.request, 200, { headers: this.host.fields.server }));
    if (this.phase === "early") {
      this.drop();
      this.earlyBye();
    } else if (this.phase === "confirmed") {
      this.end({ by: "peer", text: "the other side hung up", headers: received.request.headers });
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
    const headers = this.byeWanted;
    if (headers && this.phase === "confirmed")
      this.sendBye(headers, () => this.end({ by: "us", text: "hung up here" }));
  }

  /** Ends at once, without a word to the peer: for what is already over elsewhere. */
  end(why: {
    readonly by: "peer" | "us" | "timeout" | "error";
    readonly text: string;
    readonly headers?: SipHeaders;
  }): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.ok?.stop();
    this.ok = undefined;
    this.incoming?.end(487);
    this.out?.stop(callEnded);
    this.host.remove(this);
    this.events.ended(why);
  }

  private awaitAck(seq: number, resend: () => void): void {
    const { host } = this;
    this.ok = new OkRetransmitter(seq, host.timers, host.timing, resend, () => {
      host.counters.add("ack-timeout");
      this.ok = undefined;
      this.sendBye(this.byeWanted ?? [], () => {});
      this.end({ by: "timeout", text: "the answer was never acknowledged" });
    });
  }

  /** 481, 408 and no answer at all end the dialog (section 12.2.1.2); a peer that may still know it is sent a BYE. */
  private afterFailure(status: number, cause: "response" | "timeout" | "transport"): void {
    if (this.phase !== "confirmed" || (status !== 481 && status !== 408)) return;
    if (status === 408) this.sendBye([], () => {});
    this.end({
      by: cause === "timeout" ? "timeout" : "error",
      text: cause === "timeout" ? "the other side no longer answers" : "the other side does not know the call any more",
    });
  }

  private sendBye(headers: ExtraHeaders, answered: () => void): void {
    const { host, state } = this;
    if (this.unacked) this.ack();
    this.phase = "leaving";
    this.out?.stop(callEnded);
    this.incoming?.end(487);
    const branch = host.ids.branch();
    const request = state.compose("BYE", {
      via: host.transport.newVia(branch),
      headers: [...host.fields.userAgent, ...headers],
    });
    const hop = state.nextHop();
    if (!hop) {
      answered();
      return;
    }
    host.resolve(hop, (result) => {
      const started =
        result.ok &&
        host.transactions.startRequest(request, branch, result.value, {
          final: answered,
          timeout: answered,
          transportError: answered,
        });
      if (!started) answered();
    });
  }
}
