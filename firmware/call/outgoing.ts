// A call we place: prepare voice and keys side by side, INVITE, ring, read the answer.

import { between } from "../runtime/index.js";
import type { Failure, InviteDialog, OutgoingInvite, SipBody } from "../sip/contract.js";
import type { SipResponse } from "../sip/grammar/message.js";
import { parseNameAddr, tagOf, type UserAgent } from "../sip/index.js";
import { callerFields } from "./anonymous.js";
import { Call, type CallIdentity } from "./call.js";
import type { CallAccount, CallEnvironment, CallRoute } from "./environment.js";
import { endOfFailure, endOfRefusal, type Outcome } from "./reasons.js";

/** How long the other phone may ring before we give up. */
const NO_ANSWER_MS = 180_000;

/** People are told of a call of theirs so much later, ms: by then the other phone's first word is read, which is told with it. */
const DIALLED_SOON_MS = 50;

/** A call we place. What goes into its INVITE may be made long before: {@link prepare}, then {@link place} or {@link discard}. */
export class OutgoingCall extends Call {
  private invite: OutgoingInvite | undefined;
  private preparing: Promise<Outcome<SipBody>> | undefined;
  private offer: Outcome<SipBody> | undefined;
  private placed = false;

  constructor(
    environment: CallEnvironment,
    identity: CallIdentity,
    private readonly account: CallAccount,
    private readonly userAgent: UserAgent,
    private readonly anonymous: boolean,
    /** The account's way as of now: an offer may wait while a flow is replaced. */
    private readonly routeNow: () => CallRoute,
  ) {
    super(environment, identity, account.keys, "dialling");
  }

  /** Makes the offer: ports, keys, the whole description. Nothing is sent, and nobody is told of the call. Resolves with whether it can be placed. */
  async prepare(): Promise<boolean> {
    this.preparing ??= this.media.makeOffer(this.account, this.identity.peer.uri).then((offer) => {
      this.offer = offer;
      return offer;
    });
    return (await this.preparing).ok;
  }

  /** Makes the way to the other phone ready for the offer there is: its address, its connection. Resolves when it is, or never will be. */
  reach(): Promise<void> {
    const { offer } = this;
    return new Promise((resolve) => {
      try {
        if (offer?.ok) this.userAgent.reach(this.request(offer.value), () => resolve());
        else resolve();
      } catch {
        // Why it cannot be sent is said when it is to be.
        resolve();
      }
    });
  }

  /** A call that was prepared and is not wanted: its keys are wiped. Nobody was told of it, nobody is. */
  discard(): void {
    if (this.placed) throw new Error("the call has been placed");
    this.state = "ended";
    void this.media.close();
  }

  /** Starts the call; everything that follows comes as events. With an offer that is ready the INVITE leaves before this returns. */
  place(): void {
    this.placed = true;
    this.startedAtMs = this.environment.clock.wallMs();
    this.environment.trace.mark("dialled", this.identity.id);
    this.changedSoon(undefined, DIALLED_SOON_MS);
    if (this.offer) this.send(this.offer);
    else
      void this.prepare().then(() => {
        if (!this.over) this.send(this.offer!);
      });
  }

  private request(body: SipBody) {
    const { account } = this;
    const route = this.routeNow();
    return {
      target: this.identity.peer.uri,
      account: account.uri,
      nextHop: route.nextHop,
      routes: route.routes,
      body,
      ...callerFields(account, this.anonymous),
    };
  }

  private send(offer: Outcome<SipBody>): void {
    const { trace } = this.environment;
    const { id } = this.identity;
    if (!offer.ok) return this.finish(endOfRefusal(offer.refusal));
    trace.mark("offer-ready", id);
    this.setLimit(NO_ANSWER_MS, () => this.giveUp());
    this.invite = this.userAgent.invite(this.request(offer.value), {
      sent: (atMs) => trace.mark("invite-sent", id, atMs),
      provisional: (response, atMs) => this.provisional(response, atMs),
      asked: (types) => this.media.document(types),
      accepted: (response, dialog, atMs) => void this.accepted(response, dialog, atMs),
      failed: (failure) => void this.turnedDown(failure),
    });
  }

  /** Nobody hears of a call that may never be placed. */
  protected override changed(): void {
    if (this.placed) super.changed();
  }

  hangup(): void {
    const end = { by: "us", code: "hangup", text: "hung up here", user: "Call ended" } as const;
    if (this.dialog) return this.finish(end, () => this.dialog?.bye());
    this.finish({ ...end, code: "cancelled", text: "cancelled here", user: "Call cancelled" }, () =>
      this.invite?.cancel(),
    );
  }

  private giveUp(): void {
    this.finish({ by: "error", code: "no-answer", text: "nobody answered", user: "Nobody answered" }, () =>
      this.invite?.cancel("no answer"),
    );
  }

  private async turnedDown(failure: Failure): Promise<void> {
    const status = failure.response?.status;
    // A phone that was started anew does not know any more what it had been told.
    if ((status === 488 || status === 606) && !this.over && this.media.recant()) return this.placeAgain();
    const why = failure.response && (await this.media.explain(failure.response));
    this.finish(endOfFailure(failure, why));
  }

  /** The same call with an offer that takes nothing for known. */
  private async placeAgain(): Promise<void> {
    this.invite = undefined;
    this.preparing = undefined;
    this.log.info("offer-made-again", { call: this.identity.id });
    await this.prepare();
    if (!this.over) this.send(this.offer!);
  }

  private provisional(response: SipResponse, atMs: number): void {
    if (this.over || response.status === 100) return;
    if (response.body.length > 0) void this.earlyAnswer(response);
    if (this.state !== "dialling") return;
    this.carriedBy(response);
    if (response.status === 180 || response.status === 183) {
      const { trace } = this.environment;
      const { id } = this.identity;
      trace.mark("ringing-received", id, atMs);
      this.state = "ringing";
      this.changedSoon(() => trace.mark("ringing-shown", id));
    }
  }

  /** Keys and voice before the answer, where the other side sends what is needed (RFC 3960; MIKEY's answer in a 183). */
  private async earlyAnswer(response: SipResponse): Promise<void> {
    if (!(await this.media.acceptEarlyAnswer(response, dialogTag(response))) || this.over) return;
    this.early = true;
    this.changed();
  }

  private async accepted(response: SipResponse, dialog: InviteDialog, atMs: number): Promise<void> {
    const { trace } = this.environment;
    const { id } = this.identity;
    this.attach(dialog, () => {});
    // The ACK says "200 received", no more: nothing in it depends on what the answer holds, so the callee need not wait for us to check.
    dialog.ack();
    if (this.over) return dialog.bye();
    trace.mark("ok-received", id, atMs);
    trace.mark("ack-sent", id, this.environment.lastSendMs());
    this.carriedBy(response);
    this.state = "answering";
    // Keys and voice first: that is a matter of this very tick, unless somebody has to be asked. Then people are told meanwhile.
    this.changedSoon();
    const accepted = await this.media.acceptAnswer(response, dialogTag(response));
    if (this.over) return;
    if (!accepted.ok) return this.failWith(accepted.refusal);
    this.activate();
    const delay = between(trace.read(id), "dialled", "ringing-received");
    this.log.info("call-up", { call: id, callingMs: delay, security: this.media.security.state });
  }
}

/** Tells the dialogs of a forked call apart. */
function dialogTag(response: SipResponse): string {
  const to = parseNameAddr(response.headers.get("To") ?? "");
  return to.ok ? (tagOf(to.value) ?? "") : "";
}
