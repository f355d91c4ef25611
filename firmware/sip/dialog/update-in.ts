// An UPDATE of the peer, answered once (RFC 3311 section 5.2).

import type { IncomingReinvite, ResponseOptions } from "../contract.js";
import { makeResponse, type SipRequest } from "../grammar/index.js";
import type { NonInviteServerTransaction } from "../transaction/index.js";
import type { ReceivedRequest } from "../transport/index.js";
import type { DialogHost } from "./host.js";
import type { DialogState } from "./state.js";

export class UpdateIn implements IncomingReinvite {
  readonly request: SipRequest;
  private answered = false;

  /**
   * @param fields of a 2xx.
   * @param over it is answered; true: with a 2xx.
   */
  constructor(
    private readonly host: DialogHost,
    private readonly state: DialogState,
    private readonly received: ReceivedRequest,
    private readonly transaction: NonInviteServerTransaction,
    private readonly fields: readonly (readonly [string, string])[],
    private readonly over: (accepted: boolean) => void,
  ) {
    this.request = received.request;
  }

  accept(options: ResponseOptions): void {
    const { host, state } = this;
    this.respond(200, options, [...host.fields.invite(state.account), ...this.fields]);
  }

  reject(status: number, options: ResponseOptions = {}): void {
    if (!(status >= 300 && status <= 699)) throw new RangeError(`status must be 300 to 699, got ${status}`);
    this.respond(status, options, []);
  }

  private respond(status: number, options: ResponseOptions, fields: readonly (readonly [string, string])[]): void {
    if (this.answered) throw new Error("this UPDATE is already answered");
    this.answered = true;
    this.over(status < 300);
    this.transaction.respond(
      makeResponse(this.received.request, status, {
        reason: options.reason,
        body: options.body,
        headers: [...fields, ...this.host.fields.server, ...(options.headers ?? [])],
      }),
    );
  }
}
