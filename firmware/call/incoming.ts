// A call that comes in: check the offer and who sent it, ring, answer.

import type { IncomingInvite, SipBody } from "../sip/contract.js";
import { findBody, parseReason } from "../sip/grammar/index.js";
import type { SipRequest } from "../sip/grammar/message.js";
import { Call, type CallIdentity } from "./call.js";
import { judgeCaller } from "./caller-policy.js";
import type { CallAccount, CallEnvironment } from "./environment.js";
import { endOfRefusal, type Outcome, type Refusal, warning } from "./reasons.js";

/** So long a caller may take to tell what its offer leaves out, ms. */
const ASK_LIMIT_MS = 4000;

export class IncomingCall extends Call {
  private answered = false;
  private saidRinging = false;
  /** Our offer went out with the 180. */
  private offeredEarly = false;
  private earlyAnswer: Promise<Outcome<void>> | undefined;

  constructor(
    environment: CallEnvironment,
    identity: CallIdentity,
    private readonly account: CallAccount,
    private readonly invite: IncomingInvite,
  ) {
    super(environment, identity, account.keys, "dialling");
  }

  /**
   * Reads and verifies the offer, then rings. An offer whose sender cannot be verified never rings.
   * Resolves with the refusal when there is one.
   */
  async arrive(): Promise<Refusal | undefined> {
    const { trace } = this.environment;
    const { id } = this.identity;
    trace.mark("invite-received", id, this.invite.receivedAtMs);
    this.carriedBy(this.invite.request);
    this.invite.events = {
      cancelled: (text) => {
        // Another phone of ours took it (RFC 3326): no missed call.
        const why = parseReason(text);
        const elsewhere = why.ok && why.value.protocol.toUpperCase() === "SIP" && why.value.cause === 200;
        const user = elsewhere
          ? "Answered on another phone"
          : `Missed call from ${this.identity.peer.displayName ?? this.identity.peer.uri}`;
        this.finish({ by: "peer", code: elsewhere ? "answered-elsewhere" : "cancelled", text, user });
      },
      prack: (request) => this.earlyAnswered(request),
    };
    const read = this.media.readOffer(this.account, this.invite.request, this.identity.peer.uri);
    if (!read.ok) return this.refuse(read.refusal);
    // An answering machine does not ring: its first word is its answer, and it needs its voice by the time the offer is verified.
    const atOnce = this.account.autoAnswerMs === 0;
    const saysSo = this.canSayRinging();
    if (saysSo && atOnce) this.media.openVoice();
    else if (saysSo) this.sayRinging();
    const verified = await this.media.verifyOffer((type) => this.askCaller(type));
    if (this.over) return undefined;
    if (!verified.ok) return this.refuse(verified.refusal);
    if (this.media.security.state !== "open") trace.mark("offer-verified", id);
    const { security } = this.media;
    const verdict = this.judge(security.state === "pending" ? security.caller?.identity : undefined);
    if (verdict === "block" || verdict === "reject") return this.turnAway(verdict);
    this.quiet = verdict === "silent";
    if (this.invite.needsReliable && this.invite.request.body.length === 0) {
      // The first reliable response must carry the offer (RFC 3262 section 5); its PRACK brings the answer.
      const offer = await this.media.makeAnswer();
      if (this.over) return undefined;
      if (!offer.ok) return this.refuse(offer.refusal);
      this.offeredEarly = true;
      this.sayRinging(offer.value);
    } else if (!saysSo && !atOnce) this.sayRinging();
    this.media.openVoice();
    this.state = "ringing";
    if (atOnce) {
      void this.answer();
      return undefined;
    }
    this.setLimit(this.environment.ringLimitMs, () =>
      this.finish(
        { by: "us", code: "no-answer", text: "rang too long", user: `Missed call from ${this.identity.peer.uri}` },
        () => this.invite.reject(480),
      ),
    );
    this.changed();
    // The caller has proved who it is (or nothing is to be computed): from here on work for it is justified. One ringing call at a time.
    if (!this.offeredEarly && this.environment.precompute)
      this.environment.oneAtATime(async () => (this.over ? undefined : this.media.prepareAnswer()));
    if (this.account.autoAnswerMs !== undefined)
      this.environment.timers.after(this.account.autoAnswerMs, () => {
        if (this.state === "ringing") void this.answer();
      });
    return undefined;
  }

  /**
   * The caller may be told that it rings while the offer is still being verified, which takes a moment: the phone itself rings only when it is. Not
   * where verifying may ask others and take long, and not to whom it might turn out that nobody is to be called.
   */
  private canSayRinging(): boolean {
    const { environment, account, invite } = this;
    if (!environment.precompute || !account.verifiesAlone || invite.needsReliable) return false;
    const claimed = this.identity.peer.uri;
    return [this.judge(undefined), this.judge(claimed)].every((verdict) => verdict === "ring" || verdict === "silent");
  }

  /** Asks for what the offer leaves out, unless whoever it claims to be from is not to get through anyway. */
  private async askCaller(type: string): Promise<Uint8Array | undefined> {
    const verdict = this.judge(this.identity.peer.uri);
    if (this.over || verdict === "block" || verdict === "reject") return undefined;
    if (!this.saidRinging) this.invite.provisional(183);
    this.log.info("caller-asked", { call: this.identity.id, type });
    return new Promise((resolve) => {
      const limit = this.environment.timers.after(ASK_LIMIT_MS, () => resolve(undefined));
      this.invite.ask(type, (outcome) => {
        limit.cancel();
        const found = "ok" in outcome ? findBody(outcome.ok, [type]) : undefined;
        resolve(found?.ok ? found.value?.content : undefined);
      });
    });
  }

  private judge(verified: string | undefined) {
    const { peer, asserted } = this.identity;
    return judgeCaller(this.environment.callers, { claimed: peer.uri, verified, asserted: asserted?.uri });
  }

  private sayRinging(body?: SipBody): void {
    this.saidRinging = true;
    this.invite.provisional(180, body ? { body } : {});
    this.environment.trace.mark("ringing-sent", this.identity.id, this.environment.lastSendMs());
  }

  /** Refuses before it rings. */
  private refuse(refusal: Refusal): Refusal {
    this.wasRefused = true;
    this.finish(endOfRefusal(refusal), () =>
      this.invite.reject(this.statusOf(refusal), {
        headers: warning(refusal, this.environment.localAddress),
        body: this.media.refusalBody(refusal),
      }),
    );
    return refusal;
  }

  /** What is not acceptable to this phone may be to another one of the same person, unless the account speaks for all of them. */
  private statusOf({ status }: Refusal): number {
    return status === 488 && this.account.refusesFor === "person" ? 606 : status;
  }

  /** The caller policy does not want this caller. */
  private turnAway(verdict: "block" | "reject"): Refusal {
    const code = verdict === "block" ? "blocked-caller" : "unknown-caller";
    const user = verdict === "block" ? "A blocked caller was turned away" : "An unknown caller was turned away";
    const refusal: Refusal = { status: 603, code, text: code, user };
    this.wasRefused = true;
    this.finish(endOfRefusal(refusal), () => this.invite.reject(603));
    return refusal;
  }

  /** The PRACK of our 180 with an offer: keys and addresses are agreed on, nobody speaks before the call is answered. */
  private earlyAnswered(request: SipRequest): void {
    this.earlyAnswer = this.media.acceptLateAnswer(request).then((accepted) => {
      if (accepted.ok) {
        this.media.mute(true);
        this.early = true;
      }
      return accepted;
    });
  }

  /** The person picks up. */
  async answer(): Promise<void> {
    if (this.answered || this.over || this.state !== "ringing") return;
    this.answered = true;
    const { trace, localAddress } = this.environment;
    const { id } = this.identity;
    trace.mark("picked-up", id);
    this.state = "answering";
    this.setLimit(undefined);
    // What is ready goes out before anybody is told; what is not is worth telling.
    this.changedSoon();
    if (this.offeredEarly) return this.answerOffered();
    const answer = await this.media.makeAnswer();
    if (this.over) return;
    if (!answer.ok) {
      const { refusal } = answer;
      return this.finish(endOfRefusal(refusal), () =>
        this.invite.reject(this.statusOf(refusal), {
          headers: warning(refusal, localAddress),
          body: this.media.refusalBody(refusal),
        }),
      );
    }
    trace.mark("answer-ready", id);
    const dialog = this.invite.accept({ body: answer.value });
    trace.mark("ok-sent", id, this.environment.lastSendMs());
    this.attach(dialog, (request, atMs) => {
      trace.mark("ack-received", id, atMs);
      if (this.over || this.state !== "answering") return;
      void this.media.acceptLateAnswer(request).then((accepted) => {
        if (this.over) return;
        if (!accepted.ok) return this.failWith(accepted.refusal);
        this.activate();
      });
    });
    const started = await this.media.startVoice();
    if (this.over) return;
    if (!started.ok) return this.failWith(started.refusal);
    // The ACK is on its way: it is read before people are told.
    this.changedSoon();
  }

  /** Picked up after offer and answer were exchanged while it rang. */
  private async answerOffered(): Promise<void> {
    const accepted = await this.earlyAnswer;
    if (this.over) return;
    if (accepted && !accepted.ok) {
      const { refusal } = accepted;
      return this.finish(endOfRefusal(refusal), () =>
        this.invite.reject(this.statusOf(refusal), { headers: warning(refusal, this.environment.localAddress) }),
      );
    }
    const dialog = this.invite.accept({});
    this.environment.trace.mark("ok-sent", this.identity.id, this.environment.lastSendMs());
    this.attach(dialog, (_request, atMs) => {
      this.environment.trace.mark("ack-received", this.identity.id, atMs);
      if (!this.over && this.state === "answering") this.activate();
    });
  }

  hangup(): void {
    if (this.dialog)
      return this.finish({ by: "us", code: "hangup", text: "hung up here", user: "Call ended" }, () =>
        this.dialog?.bye(),
      );
    this.finish({ by: "us", code: "declined", text: "declined here", user: "Call declined" }, () =>
      this.invite.reject(603),
    );
  }
}
