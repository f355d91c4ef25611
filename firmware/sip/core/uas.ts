// The server side of the core: what becomes of each request that is new (RFC 3261 sections 8.2, 9.2, 11.2, 12.2.2).

import type { UserAgentEvents } from "../contract.js";
import type { Counters } from "../counters.js";
import {
  answerTimer,
  type DialogUsage,
  dialogKey,
  type Fields,
  type Ids,
  type SessionTimerPolicy,
} from "../dialog/index.js";
import { branchOf, type ComposeOptions, makeResponse } from "../grammar/index.js";
import type {
  InviteServerTransaction,
  NonInviteServerTransaction,
  ServerTransaction,
  TransactionUser,
} from "../transaction/index.js";
import type { ReceivedRequest } from "../transport/index.js";
import type { IncomingCall } from "./incoming-invite.js";
import { type Accepts, screen } from "./screening.js";

/** What it needs of the user agent. */
export interface UasSurroundings {
  readonly fields: Fields;
  readonly counters: Counters;
  readonly ids: Ids;
  readonly accepts: Accepts;
  /** Whether there is TLS here: sips Request-URIs are taken then, over TLS (RFC 5630 section 5.1.2). */
  readonly tls: boolean;
  readonly sessionTimer: SessionTimerPolicy;
  readonly dialogs: ReadonlyMap<string, DialogUsage>;
  events(): UserAgentEvents | undefined;
  /** Whether a new call may come in. */
  state(): "open" | "full" | "closing";
  newCall(received: ReceivedRequest, transaction: InviteServerTransaction): IncomingCall;
}

export class UasCore implements TransactionUser {
  constructor(private readonly around: UasSurroundings) {}

  inDialog(received: ReceivedRequest): boolean {
    return this.dialogOf(received) !== undefined;
  }

  invite(received: ReceivedRequest, transaction: InviteServerTransaction): void {
    const { around } = this;
    const dialog = this.dialogOf(received);
    if (!this.passes(received, transaction, dialog)) return;
    if (dialog) {
      if (dialog.inOrder(received, transaction)) dialog.receiveInvite(received, transaction);
      return;
    }
    const timer = answerTimer(received.request, around.sessionTimer);
    if ("tooShort" in timer)
      return this.answer(received, transaction, 422, { headers: [["Min-SE", String(timer.tooShort)]] });
    const state = around.state();
    if (state !== "open") {
      if (state === "full") around.counters.add("dialogs-full");
      this.answer(received, transaction, 503, { headers: [["Retry-After", String(around.ids.between(1, 10))]] });
      return;
    }
    const events = around.events();
    if (!events) {
      this.answer(received, transaction, 480);
      return;
    }
    events.invite(around.newCall(received, transaction));
  }

  request(received: ReceivedRequest, transaction: NonInviteServerTransaction): void {
    const dialog = this.dialogOf(received);
    // The peer's hanging up is never refused for a header: a call must be able to end.
    const isBye = received.request.method === "BYE" && dialog !== undefined;
    if (!isBye && !this.passes(received, transaction, dialog)) return;
    if (dialog && !dialog.inOrder(received, transaction)) return;
    if (received.request.method === "BYE") {
      if (dialog) dialog.receiveBye(received, transaction);
      else this.noDialog(received, transaction);
      return;
    }
    if (received.request.method === "PRACK" || received.request.method === "UPDATE") {
      if (!dialog) this.noDialog(received, transaction);
      else if (received.request.method === "PRACK") dialog.receivePrack(received, transaction);
      else dialog.receiveUpdate(received, transaction);
      return;
    }
    const { fields } = this.around;
    if (received.request.method === "MESSAGE") {
      const told = this.around.events()?.message?.(received.request, received.source) ?? {
        status: 405,
        headers: [fields.allowWithoutMessages],
      };
      this.answer(received, transaction, told.status, told);
      return;
    }
    // All that is left is OPTIONS, inside a dialog or not.
    // Within a call it asks whether the call lives, or for what the peer still needs of us; outside whether another could be taken (section 11.2).
    const told = dialog ? this.toldWithin(dialog, received) : this.around.events()?.options?.(received.request);
    this.answer(received, transaction, told?.status ?? 200, {
      ...told,
      headers: [...fields.options, ...(told?.headers ?? [])],
    });
  }

  private toldWithin(dialog: DialogUsage, { request }: ReceivedRequest) {
    const types = request.headers.all("Accept").map((value) => value.split(";", 1)[0].trim().toLowerCase());
    const body = types.length > 0 ? dialog.asked(types) : undefined;
    return body && { status: 200, body, headers: [] };
  }

  cancel(
    received: ReceivedRequest,
    transaction: NonInviteServerTransaction,
    invite: InviteServerTransaction | undefined,
  ): void {
    if (!invite) {
      this.noDialog(received, transaction);
      return;
    }
    const tag = /;\s*tag\s*=\s*([^\s;]+)\s*$/i.exec(invite.lastResponse?.headers.get("To") ?? "")?.[1];
    this.answer(received, transaction, 200, { toTag: tag });
    if (invite.state === "proceeding") invite.user.cancelled?.(received.request);
  }

  ack(received: ReceivedRequest): void {
    const dialog = this.dialogOf(received);
    if (dialog) dialog.receiveAck(received);
    else this.around.counters.add("stray-ack");
  }

  private dialogOf(received: ReceivedRequest): DialogUsage | undefined {
    if (received.toTag === undefined) return undefined;
    return this.around.dialogs.get(dialogKey(received.callId, received.toTag, received.fromTag ?? ""));
  }

  /** The checks of section 8.2, and that a To tag names a dialog. Answers when one fails. */
  private passes(received: ReceivedRequest, transaction: ServerTransaction, dialog: DialogUsage | undefined): boolean {
    const { around } = this;
    const refusal = screen(received.request, {
      fields: around.fields,
      accepts: around.accepts,
      sips: !around.tls ? "none" : received.source.transport === "tls" ? "tls" : "clear",
      inDialog: received.toTag !== undefined,
      legacy: branchOf(received.via) === undefined,
    });
    if (refusal) {
      around.counters.add("refused");
      this.answer(received, transaction, refusal.status, refusal);
      return false;
    }
    if (received.toTag !== undefined && !dialog) {
      this.noDialog(received, transaction);
      return false;
    }
    return true;
  }

  private noDialog(received: ReceivedRequest, transaction: ServerTransaction): void {
    this.around.counters.add("no-dialog");
    this.answer(received, transaction, 481);
  }

  private answer(
    received: ReceivedRequest,
    transaction: ServerTransaction,
    status: number,
    options: ComposeOptions = {},
  ): void {
    transaction.respond(
      makeResponse(received.request, status, {
        reason: options.reason,
        body: options.body,
        toTag: options.toTag ?? this.around.ids.tag(),
        headers: [...this.around.fields.server, ...(options.headers ?? [])],
      }),
    );
  }
}
