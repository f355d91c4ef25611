// One INVITE transaction of a call we place, with the early dialogs and answers its forks make (RFC 3261 sections 9.1, 13.2).

import type { Timer } from "../../runtime/timers.js";
import type { ExtraHeaders, Failure, SipAddress, SipBody } from "../contract.js";
import { type DialogHost, DialogState, InviteSession, notSent, timedOut } from "../dialog/index.js";
import { cancelFor, type Essentials, readEssentials, type SipRequest, type SipResponse } from "../grammar/index.js";
import { type ClientInvite, type InviteClientUser, longWait } from "../transaction/index.js";

/** Dialogs one forked INVITE may make. */
const MAX_FORKS = 16;

/** The call around it. */
export interface InviteOwner {
  readonly host: DialogHost;
  /** Whose credentials and contact its dialogs use. */
  readonly account: string;
  sent(atMs: number): void;
  provisional(response: SipResponse, atMs: number, session: InviteSession | undefined): void;
  /** A fork asks for a body of one of these media types before it answers. */
  asked(types: readonly string[]): SipBody | undefined;
  /** A dialog is confirmed; true: the call takes it, false: it is to be ended. */
  answered(response: SipResponse, session: InviteSession, atMs: number): boolean;
  /** 300-699. */
  refused(response: SipResponse): void;
  /** No final response will come. */
  failed(failure: Failure): void;
  /** Nothing is left of the transaction. */
  gone(): void;
}

export class InviteTry implements InviteClientUser {
  private readonly sessions = new Map<string, InviteSession>();
  private transaction: ClientInvite | undefined;
  private destination: SipAddress | undefined;
  private cancelWanted: ExtraHeaders | undefined;
  private cancelSent = false;
  private giveUp: Timer | undefined;

  constructor(
    private readonly owner: InviteOwner,
    private readonly request: SipRequest,
    private readonly essentials: Essentials,
    private readonly branch: string,
  ) {}

  /** Sends it. */
  start(to: SipAddress): void {
    const { owner, request, branch } = this;
    this.destination = to;
    this.transaction = owner.host.transactions.startInvite(request, branch, to, this, (atMs) => owner.sent(atMs));
    if (this.transaction) return;
    owner.failed(notSent("too many transactions"));
    owner.gone();
  }

  /** Cancels now, or with the first provisional response (section 9.1). */
  cancel(headers: ExtraHeaders): void {
    this.cancelWanted ??= headers;
    this.sendCancel();
  }

  provisional(response: SipResponse, atMs: number): void {
    const session = response.status > 100 ? this.earlyDialog(response) : undefined;
    if (session && !session.early(response, this.essentials.cseq.seq)) return;
    this.owner.provisional(response, atMs, session);
    this.sendCancel();
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
    session.confirm(response, this.essentials.cseq.seq, this.request);
    if (this.owner.answered(response, session, atMs)) return;
    session.ack();
    session.bye();
  }

  failure(response: SipResponse): void {
    this.dropEarly();
    this.owner.refused(response);
  }

  timeout(): void {
    this.owner.failed(timedOut);
  }

  transportError(error: Error): void {
    this.owner.failed(notSent(error.message));
  }

  terminated(): void {
    this.giveUp?.cancel();
    this.dropEarly();
    this.sessions.clear();
    this.owner.gone();
  }

  /** The early dialogs that were not answered end. */
  dropEarly(): void {
    this.giveUp?.cancel();
    for (const session of this.sessions.values()) session.drop();
  }

  private earlyDialog(response: SipResponse): InviteSession | undefined {
    const tag = tagOfTo(response);
    if (tag === "") return undefined;
    const known = this.sessions.get(tag);
    if (!known) return this.newSession(response);
    if (!known.confirmed) known.state.learnFrom(response);
    return known;
  }

  private newSession(response: SipResponse): InviteSession | undefined {
    const answered = readEssentials(response);
    if (!answered.ok || this.sessions.size >= MAX_FORKS) return undefined;
    const { host, account } = this.owner;
    const state = DialogState.uac(this.request, this.essentials, response, answered.value, account);
    const session = new InviteSession(host, state, true);
    session.earlyAsked = (types) => this.owner.asked(types);
    this.sessions.set(state.remoteTag, session);
    return session;
  }

  private sendCancel(): void {
    const { transaction, request, cancelWanted, destination } = this;
    const { host } = this.owner;
    if (!cancelWanted || this.cancelSent || !destination || transaction?.state !== "proceeding") return;
    this.cancelSent = true;
    const ignore = (): void => {};
    host.transactions.startRequest(cancelFor(request, cancelWanted), this.branch, destination, {
      final: ignore,
      timeout: ignore,
      transportError: ignore,
    });
    // An RFC 2543 peer may never send the 487 (section 9.1).
    this.giveUp = host.timers.after(longWait(host.timing), () => {
      this.owner.failed(timedOut);
      transaction.terminate();
    });
  }
}

function tagOfTo(response: SipResponse): string {
  const essentials = readEssentials(response);
  return essentials.ok ? (essentials.value.toTag ?? "") : "";
}
