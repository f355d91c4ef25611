// A call that comes in: check the offer and who sent it, ring, answer.

import type { IncomingInvite } from "../sip/contract.js";
import { Call, type CallIdentity } from "./call.js";
import type { CallAccount, CallEnvironment } from "./environment.js";
import { endOfRefusal, type Refusal, warning } from "./reasons.js";

export class IncomingCall extends Call {
  private answered = false;

  constructor(
    environment: CallEnvironment,
    identity: CallIdentity,
    private readonly account: CallAccount,
    private readonly invite: IncomingInvite,
  ) {
    super(environment, identity, "dialling");
  }

  /**
   * Reads and verifies the offer, then rings. An offer whose sender cannot be verified never rings.
   * Resolves with the refusal when there is one.
   */
  async arrive(): Promise<Refusal | undefined> {
    const { trace, localAddress } = this.environment;
    const { id } = this.identity;
    trace.mark("invite-received", id, this.invite.receivedAtMs);
    this.invite.events = {
      cancelled: (text) =>
        this.finish({
          by: "peer",
          code: "cancelled",
          text,
          user: `Missed call from ${this.identity.peer.displayName ?? this.identity.peer.uri}`,
        }),
    };
    const read = await this.media.readOffer(this.account, this.invite.request, this.identity.peer.uri);
    if (this.over) return undefined;
    if (!read.ok) {
      const { refusal } = read;
      this.wasRefused = true;
      this.finish(endOfRefusal(refusal), () =>
        this.invite.reject(refusal.status, {
          headers: warning(refusal, localAddress),
          body: this.media.refusalBody(refusal),
        }),
      );
      return refusal;
    }
    if (this.media.security.state !== "open") trace.mark("offer-verified", id);
    this.invite.provisional(180);
    trace.mark("ringing-sent", id, this.environment.lastSendMs());
    this.state = "ringing";
    this.setLimit(this.environment.ringLimitMs, () =>
      this.finish(
        { by: "us", code: "no-answer", text: "rang too long", user: `Missed call from ${this.identity.peer.uri}` },
        () => this.invite.reject(480),
      ),
    );
    this.changed();
    if (this.account.autoAnswerMs !== undefined) {
      if (this.account.autoAnswerMs === 0) void this.answer();
      else
        this.environment.timers.after(this.account.autoAnswerMs, () => {
          if (this.state === "ringing") void this.answer();
        });
    }
    return undefined;
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
    this.changed();
    const answer = await this.media.makeAnswer();
    if (this.over) return;
    if (!answer.ok) {
      const { refusal } = answer;
      return this.finish(endOfRefusal(refusal), () =>
        this.invite.reject(refusal.status, {
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
