// A call we place, until it is answered or failed: forks, CANCEL and its race with the answer (RFC 3261 sections 9.1, 13.2).

import type { Timer } from "../../runtime/timers.js";
import type { Failure, OutgoingInvite, OutgoingInviteEvents, OutgoingInviteOptions, SipAddress } from "../contract.js";
import { type DialogHost, DialogState, InviteSession, notSent, refusedBy, timedOut } from "../dialog/index.js";
import { cancelFor, type Essentials, quote, readEssentials, reasonPhrase, type SipResponse } from "../grammar/index.js";
import { type InviteClientTransaction, type InviteClientUser, longWait } from "../transaction/index.js";
import { type ComposedRequest, composeRequest, findHop } from "./client-request.js";

/** Dialogs one forked INVITE may make. */
const MAX_FORKS = 16;

export class OutgoingCall implements OutgoingInvite, InviteClientUser {
  readonly callId: string;
  private readonly composed: ComposedRequest;
  private readonly essentials: Essentials;
  private readonly sessions = new Map<string, InviteSession>();
  private transaction: InviteClientTransaction | undefined;
  private destination: SipAddress | undefined;
  private cancelReason: string | undefined;
  private cancelled = false;
  private cancelSent = false;
  private giveUp: Timer | undefined;
  /** accepted or failed has been said. */
  private settled = false;

  /** @param gone nothing of it is left. @throws TypeError, see {@link composeRequest}. */
  constructor(
    private readonly host: DialogHost,
    private readonly options: OutgoingInviteOptions,
    private readonly events: OutgoingInviteEvents,
    private readonly gone: () => void,
  ) {
    this.callId = host.ids.callId();
    this.composed = composeRequest(host, "INVITE", options, host.fields.invite, this.callId);
    const essentials = readEssentials(this.composed.request);
    if (!essentials.ok) throw new TypeError(essentials.error.text);
    this.essentials = essentials.value;
  }

  /** Whether it still rings. */
  get pending(): boolean {
    return !this.settled;
  }

  start(): void {
    const { host, composed } = this;
    const go = (to: SipAddress): void => {
      if (this.settled) return;
      this.destination = to;
      this.transaction = host.transactions.startInvite(composed.request, composed.branch, to, this, (atMs) =>
        this.events.sent(atMs),
      );
      if (!this.transaction && !this.settled) this.abandon(notSent("too many transactions"));
    };
    findHop(host, composed.uri, this.options.nextHop, (result) => {
      if (result.ok) go(result.value);
      else if (!this.settled) this.abandon(notSent(result.error.text));
    });
  }

  /** Fails it in place of {@link start}. */
  refuse(text: string): void {
    this.abandon(notSent(text));
  }

  cancel(reason?: string): void {
    if (this.settled || this.cancelled) return;
    this.cancelled = true;
    this.cancelReason = reason;
    if (!this.destination) this.abandon(terminated("timeout"));
    else this.sendCancel();
  }

  provisional(response: SipResponse, atMs: number): void {
    if (response.status > 100) this.earlyDialog(response);
    this.events.provisional(response, atMs);
    if (this.cancelled && !this.cancelSent) this.sendCancel();
  }

  success(response: SipResponse, atMs: number): void {
    this.giveUp?.cancel();
    const known = this.sessions.get(tagOfTo(response));
    if (known?.confirmed) {
      known.okAgain();
      return;
    }
    const session = known ?? this.newSession(response);
    if (!session) return;
    session.confirm(response, this.essentials.cseq.seq);
    if (!this.settled && !this.cancelled) {
      this.settled = true;
      this.events.accepted(response, session, atMs);
      return;
    }
    if (this.settled) this.host.counters.add("forked-2xx");
    session.ack();
    session.bye();
    this.fail({ ...terminated("response"), response });
  }

  failure(response: SipResponse): void {
    this.fail(refusedBy(response));
  }

  timeout(): void {
    this.fail(this.cancelled ? terminated("timeout") : timedOut);
  }

  transportError(error: Error): void {
    this.fail(notSent(error.message));
  }

  terminated(): void {
    this.giveUp?.cancel();
    for (const session of this.sessions.values()) session.drop();
    this.sessions.clear();
    this.gone();
  }

  private earlyDialog(response: SipResponse): void {
    const tag = tagOfTo(response);
    if (tag === "") return;
    const known = this.sessions.get(tag);
    if (!known) this.newSession(response);
    else if (!known.confirmed) known.state.learnFrom(response);
  }

  private newSession(response: SipResponse): InviteSession | undefined {
    const answered = readEssentials(response);
    if (!answered.ok || this.sessions.size >= MAX_FORKS) return undefined;
    const state = DialogState.uac(this.composed.request, this.essentials, response, answered.value);
    const session = new InviteSession(this.host, state, true);
    this.sessions.set(state.remoteTag, session);
    return session;
  }

  /** Does nothing before a provisional response came (section 9.1). */
  private sendCancel(): void {
    const { host, transaction, composed } = this;
    if (!transaction || !this.destination || transaction.state !== "proceeding") return;
    this.cancelSent = true;
    const request = cancelFor(composed.request, reasonHeader(this.cancelReason));
    const ignore = (): void => {};
    host.transactions.startRequest(request, composed.branch, this.destination, {
      final: ignore,
      timeout: ignore,
      transportError: ignore,
    });
    // An RFC 2543 peer may never send the 487 (section 9.1).
    this.giveUp = host.timers.after(longWait(host.timing), () => {
      this.fail(terminated("timeout"));
      transaction.terminate();
    });
  }

  /** Ends before there was a transaction. Said later than the caller's own call, never inside it. */
  private abandon(failure: Failure): void {
    this.host.timers.after(0, () => {
      this.fail(failure);
      this.terminated();
    });
  }

  private fail(failure: Failure): void {
    if (this.settled) return;
    this.settled = true;
    this.giveUp?.cancel();
    for (const session of this.sessions.values()) session.drop();
    this.events.failed(failure);
  }
}

function terminated(cause: Failure["cause"]): Failure {
  return { status: 487, reason: reasonPhrase(487), cause };
}

function tagOfTo(response: SipResponse): string {
  const essentials = readEssentials(response);
  return essentials.ok ? (essentials.value.toTag ?? "") : "";
}

/** A Reason field (RFC 3326): the text as it is when it is one already, else as the text of a SIP reason. */
function reasonHeader(reason: string | undefined): readonly (readonly [string, string])[] {
  if (reason === undefined) return [];
  const clean = reason.replace(/[\r\n]+/g, " ");
  return [["Reason", /^[A-Za-z0-9.-]+\s*;/.test(clean) ? clean : `SIP;text=${quote(clean)}`]];
}
