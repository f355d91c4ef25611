// A re-INVITE of the peer, waiting for its answer (RFC 3261 section 14.2).

import type { Timer } from "../../runtime/timers.js";
import type { ExtraHeaders, IncomingReinvite, ResponseOptions } from "../contract.js";
import { makeResponse, type SipRequest, type SipResponse } from "../grammar/index.js";
import type { InviteServerTransaction } from "../transaction/index.js";
import type { ReceivedRequest } from "../transport/index.js";
import type { DialogHost } from "./host.js";

export class ReinviteIn implements IncomingReinvite {
  readonly request: SipRequest;
  private answered = false;
  private closed = false;
  private readonly limit: Timer;

  /**
   * @param accepted a 2xx left.
   * @param over it is answered or was cancelled.
   */
  constructor(
    private readonly host: DialogHost,
    private readonly received: ReceivedRequest,
    private readonly transaction: InviteServerTransaction,
    private readonly account: string,
    private readonly accepted: (response: SipResponse) => void,
    private readonly over: () => void,
    private readonly fields: ExtraHeaders,
  ) {
    this.request = received.request;
    transaction.user = { cancelled: () => this.end(487) };
    this.limit = host.timers.after(host.pendingInviteMs, () => this.end(500));
  }

  accept(options: ResponseOptions): void {
    if (!this.take()) return;
    const response = makeResponse(this.received.request, 200, {
      reason: options.reason,
      headers: [
        ...this.host.fields.invite(this.account),
        ...this.fields,
        ...this.host.fields.server,
        ...(options.headers ?? []),
      ],
      body: options.body,
    });
    this.finish();
    this.transaction.respond(response);
    this.accepted(response);
  }

  reject(status: number, options: ResponseOptions = {}): void {
    if (!(status >= 300 && status <= 699)) throw new RangeError(`status must be 300 to 699, got ${status}`);
    if (!this.take()) return;
    this.respond(status, options);
  }

  /** Ends it from inside: cancelled, BYE, nobody answered. A later accept() or reject() does nothing. */
  end(status: number): void {
    if (this.closed) return;
    this.respond(status, {});
  }

  private respond(status: number, options: ResponseOptions): void {
    this.finish();
    this.transaction.respond(
      makeResponse(this.received.request, status, {
        reason: options.reason,
        headers: [...this.host.fields.server, ...(options.headers ?? [])],
        body: options.body,
      }),
    );
  }

  private take(): boolean {
    if (this.answered) throw new Error("this re-INVITE is already answered");
    this.answered = true;
    return !this.closed;
  }

  private finish(): void {
    this.closed = true;
    this.limit.cancel();
    this.over();
  }
}
