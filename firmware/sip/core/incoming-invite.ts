// A call that comes in, until it is answered, refused or given up (RFC 3261 section 13.3).

import type { Timer } from "../../runtime/timers.js";
import type {
  ExtraHeaders,
  IncomingInvite,
  IncomingInviteEvents,
  InviteDialog,
  ResponseOptions,
  SipAddress,
} from "../contract.js";
import { type DialogHost, DialogState, InviteSession, recordRoutes } from "../dialog/index.js";
import { makeResponse, parseNumber, type SipRequest, type SipResponse } from "../grammar/index.js";
import type { InviteServerTransaction } from "../transaction/index.js";
import type { ReceivedRequest } from "../transport/index.js";

/** A provisional response is repeated this often, so that no proxy cancels a long ringing (section 13.3.1.1). */
const REFRESH_MS = 60_000;

export class IncomingCall implements IncomingInvite {
  readonly request: SipRequest;
  readonly callId: string;
  readonly receivedAtMs: number;
  readonly source: SipAddress;
  events: IncomingInviteEvents = { cancelled() {} };
  private readonly tag: string;
  private session: InviteSession | undefined;
  /** answered: by accept() or reject(); over: by CANCEL, BYE, time. */
  private phase: "open" | "answered" | "over" = "open";
  private refresh: Timer | undefined;
  private readonly limits: Timer[] = [];

  /** @param closed it is no longer waiting for an answer. */
  constructor(
    private readonly host: DialogHost,
    private readonly received: ReceivedRequest,
    private readonly transaction: InviteServerTransaction,
    private readonly closed: () => void,
  ) {
    this.request = received.request;
    this.callId = received.callId;
    this.receivedAtMs = received.atMs;
    this.source = received.source;
    this.tag = host.ids.tag();
    transaction.user = {
      cancelled: (cancel) => this.giveUp(487, cancel.headers.get("Reason") ?? "the caller hung up"),
    };
    const expires = parseNumber(received.request.headers.get("Expires"));
    if (expires !== undefined && expires * 1000 < host.pendingInviteMs)
      this.limits.push(host.timers.after(expires * 1000, () => this.giveUp(487, "the invitation expired")));
    this.limits.push(host.timers.after(host.pendingInviteMs, () => this.giveUp(480, "nobody answered")));
  }

  /** The tag of our responses. */
  get localTag(): string {
    return this.tag;
  }

  provisional(status: number, options: ResponseOptions = {}): void {
    if (!(status >= 101 && status <= 199)) throw new RangeError(`status must be 101 to 199, got ${status}`);
    if (this.phase !== "open") return;
    this.establish();
    const response = this.respond(status, options, [...recordRoutes(this.request), this.host.fields.contact]);
    this.armRefresh(response);
  }

  accept(options: ResponseOptions): InviteDialog {
    this.mustBeOpen();
    const session = this.establish();
    if (this.phase === "over") {
      // Given up a moment ago: the owner gets a dialog that says so.
      this.host.timers.after(0, () => session.end({ by: "peer", text: "the caller hung up" }));
      return session;
    }
    this.close("answered");
    const ok = this.respond(200, options, [...recordRoutes(this.request), ...this.host.fields.invite]);
    session.answer(this.received.cseq.seq, () => this.transaction.respond(ok));
    return session;
  }

  reject(status: number, options: ResponseOptions = {}): void {
    if (!(status >= 300 && status <= 699)) throw new RangeError(`status must be 300 to 699, got ${status}`);
    this.mustBeOpen();
    if (this.phase === "over") return;
    this.close("answered");
    this.respond(status, options, []);
    this.session?.drop();
  }

  /** Ends it from inside, once. */
  giveUp(status: number, why: string): void {
    if (this.phase !== "open") return;
    this.close("over");
    this.respond(status, {}, []);
    this.session?.drop();
    this.events.cancelled(why);
  }

  private mustBeOpen(): void {
    if (this.phase === "answered") throw new Error("this INVITE is already answered");
  }

  private establish(): InviteSession {
    this.session ??= new InviteSession(
      this.host,
      DialogState.uas(this.request, this.received, this.tag, this.host.ids.firstSeq()),
      false,
      () => this.giveUp(487, "the caller hung up"),
    );
    return this.session;
  }

  private respond(status: number, options: ResponseOptions, fields: ExtraHeaders): SipResponse {
    const response = makeResponse(this.request, status, {
      reason: options.reason,
      toTag: this.tag,
      headers: [...fields, ...this.host.fields.server, ...(options.headers ?? [])],
      body: options.body,
    });
    this.transaction.respond(response);
    return response;
  }

  private armRefresh(response: SipResponse): void {
    this.refresh?.cancel();
    this.refresh = this.host.timers.after(REFRESH_MS, () => {
      this.transaction.respond(response);
      this.armRefresh(response);
    });
  }

  private close(phase: "answered" | "over"): void {
    this.phase = phase;
    this.refresh?.cancel();
    for (const timer of this.limits) timer.cancel();
    this.closed();
  }
}
