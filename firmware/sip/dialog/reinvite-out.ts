// A re-INVITE of ours, with the retry a 491 asks for (RFC 3261 section 14.1).

import type { Timer } from "../../runtime/timers.js";
import type { ExtraHeaders, Failure, OfferBody, SipBody } from "../contract.js";
import type { Attempt } from "../digest/index.js";
import type { SipResponse } from "../grammar/index.js";
import type { ClientInvite } from "../transaction/index.js";
import { credentialsOf, judge, withCredentials } from "./authorised.js";
import { ClientAck } from "./client-ack.js";
import { type DialogHost, nothingToSend, notSent, refusedBy, timedOut } from "./host.js";
import { resolveHop } from "./next-hop.js";
import type { DialogState } from "./state.js";

/** How often a 491 is met with another try. */
const MAX_TRIES = 6;

export type ReinviteOutcome = { readonly ok: SipResponse } | { readonly failed: Failure };

/** The dialog around it. */
export interface ReinviteOwner {
  readonly host: DialogHost;
  readonly state: DialogState;
  /** We made the Call-ID. */
  readonly ownsCallId: boolean;
  /** The peer's INVITE or an ACK is still open. */
  busy(): boolean;
  /** A 2xx came: `ack` has to be sent. */
  answered(ack: ClientAck, response: SipResponse): void;
  /** Said once. */
  done(outcome: ReinviteOutcome): void;
  /** Session timer fields of the request. */
  fields(): ExtraHeaders;
  /** A 422: true when another try may succeed. */
  tooShort(response: SipResponse): boolean;
}

export class ReinviteOut {
  private wait: Timer | undefined;
  private limit: Timer | undefined;
  private transaction: ClientInvite | undefined;
  private tries = 0;
  private over = false;
  private running = false;
  private readonly attempt: Attempt | undefined;

  constructor(
    private readonly owner: ReinviteOwner,
    private readonly body: OfferBody,
  ) {
    this.attempt = owner.host.auth(owner.state.account)?.begin(owner.state.callId);
  }

  /** Whether an INVITE transaction of ours is open now (not while waiting after a 491). */
  get inProgress(): boolean {
    return this.running;
  }

  /** Sends it, or waits as after a 491 when the peer's INVITE is in the way. */
  start(): void {
    if (this.owner.busy()) {
      this.later();
      return;
    }
    this.tries++;
    this.running = true;
    if (typeof this.body !== "function") return this.send(this.body);
    void this.body().then((body) => {
      if (this.over) return;
      if (body) this.send(body);
      else this.finish({ failed: nothingToSend });
    });
  }

  private send(body: SipBody): void {
    const { host, state } = this.owner;
    const branch = host.ids.branch();
    const composed = state.compose("INVITE", {
      via: host.transport.newVia(branch),
      headers: [...host.fields.invite(state.account), ...this.owner.fields(), ...host.fields.userAgent],
      body,
    });
    const hop = state.nextHop();
    if (!hop) {
      this.finish({ failed: notSent("the peer's contact is not a SIP URI") });
      return;
    }
    resolveHop(host, state, hop, (result) => {
      if (this.over) return;
      if (!result.ok) {
        this.finish({ failed: notSent(result.error.text) });
        return;
      }
      const request = withCredentials(composed, this.attempt, result.value);
      const seq = Number(request.headers.get("CSeq")!.split(" ")[0]);
      const ack = new ClientAck(host, state, seq, credentialsOf(request));
      let first = true;
      const started = host.transactions.startInvite(request, branch, result.value, {
        provisional: () => {},
        success: (response) => {
          if (first) judge(host, this.attempt, response);
          if (!first) {
            ack.again();
            return;
          }
          first = false;
          if (this.over) {
            // The call ended meanwhile; the peer still needs its ACK.
            ack.send(undefined);
            return;
          }
          state.refreshTarget(response);
          this.running = false;
          this.owner.answered(ack, response);
          this.finish({ ok: response });
        },
        failure: (response) => {
          this.running = false;
          this.limit?.cancel();
          if (response.status === 491) host.counters.add("glare");
          const verdict = judge(host, this.attempt, response);
          const again = verdict?.retry || (response.status === 422 && this.owner.tooShort(response));
          if (again && this.tries < MAX_TRIES && !this.over) this.start();
          else if (response.status === 491 && this.tries < MAX_TRIES && !this.over) this.later();
          else this.finish({ failed: refusedBy(response, verdict?.retry === false ? verdict.why : undefined) });
        },
        timeout: () => this.finish({ failed: timedOut }),
        transportError: (error) => this.finish({ failed: notSent(error.message) }),
        terminated: () => {},
      });
      if (started) this.bound(started);
      else this.finish({ failed: notSent("too many transactions") });
    });
  }

  /** The dialog ends: no more tries. */
  stop(failure: Failure): void {
    this.finish({ failed: failure });
  }

  /** 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other, in steps of 10 ms. */
  private later(): void {
    const { host, ownsCallId } = this.owner;
    const delay = ownsCallId ? host.ids.between(210, 400) * 10 : host.ids.between(0, 200) * 10;
    this.wait = host.timers.after(delay, () => this.start());
  }

  /** Figure 5 lets "proceeding" last for ever; a peer that said 100 and died must not keep the transaction, nor the call. */
  private bound(transaction: ClientInvite): void {
    const { host } = this.owner;
    this.transaction = transaction;
    if (this.over) transaction.abandon();
    else if (transaction.state !== "terminated")
      this.limit = host.timers.after(host.pendingInviteMs, () => this.finish({ failed: timedOut }));
  }

  private finish(outcome: ReinviteOutcome): void {
    if (this.over) return;
    this.over = true;
    this.running = false;
    this.wait?.cancel();
    this.limit?.cancel();
    this.transaction?.abandon();
    this.owner.done(outcome);
  }
}
