// What dialogs and calls need of the user agent they live in.

import type { Clock } from "../../runtime/clock.js";
import type { Log } from "../../runtime/log.js";
import type { Result } from "../../runtime/result.js";
import type { Timers } from "../../runtime/timers.js";
import type { Failure, SipAddress, SipBody } from "../contract.js";
import type { Counters } from "../counters.js";
import type { Authenticator } from "../digest/index.js";
import { reasonPhrase, type SipResponse, type SipUri } from "../grammar/index.js";
import type {
  InviteServerTransaction,
  NonInviteServerTransaction,
  SipTiming,
  TransactionLayer,
} from "../transaction/index.js";
import type { ReceivedRequest, TransportLayer } from "../transport/index.js";
import type { Fields } from "./fields.js";
import type { Ids } from "./ids.js";
import type { SessionTimerPolicy } from "./session-timer.js";

/** A dialog as the core sees it. */
export interface DialogUsage {
  readonly key: string;
  /** False while it is early. */
  readonly confirmed: boolean;
  receiveInvite(received: ReceivedRequest, transaction: InviteServerTransaction): void;
  receiveUpdate(received: ReceivedRequest, transaction: NonInviteServerTransaction): void;
  receivePrack(received: ReceivedRequest, transaction: NonInviteServerTransaction): void;
  receiveBye(received: ReceivedRequest, transaction: NonInviteServerTransaction): void;
  receiveAck(received: ReceivedRequest): void;
  /** What an OPTIONS is told that asks for a body of one of these media types, lower case. */
  asked(types: readonly string[]): SipBody | undefined;
  /** Whether a request is in order; answers it with 500 when it is not. */
  inOrder(received: ReceivedRequest, transaction: InviteServerTransaction | NonInviteServerTransaction): boolean;
}

export interface DialogHost {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly timing: SipTiming;
  readonly log: Log;
  readonly counters: Counters;
  readonly ids: Ids;
  readonly fields: Fields;
  readonly transport: TransportLayer;
  readonly transactions: TransactionLayer;
  /** An INVITE of the peer that nobody answers ends after this, ms. */
  readonly pendingInviteMs: number;
  readonly sessionTimer: SessionTimerPolicy;
  /** Who answers challenges for an account; undefined where no credentials are configured. */
  auth(account: string): Authenticator | undefined;
  resolve(uri: SipUri, done: (result: Result<SipAddress>) => void): void;
  add(dialog: DialogUsage): void;
  remove(dialog: DialogUsage): void;
}

/** A final response as a failure. */
export function refusedBy(response: SipResponse, authentication?: Failure["authentication"]): Failure {
  return {
    ...(authentication ? { authentication } : {}),
    status: response.status,
    reason: response.reason || reasonPhrase(response.status),
    cause: "response",
    response,
  };
}

/** No response came (section 8.1.3.1 makes it a 408). */
export const timedOut: Failure = { status: 408, reason: reasonPhrase(408), cause: "timeout" };

/** A request whose body could not be made any more. */
export const nothingToSend: Failure = { status: 491, reason: reasonPhrase(491), cause: "response" };

/** It could not be sent (section 8.1.3.1 makes it a 503). */
export function notSent(text: string): Failure {
  return { status: 503, reason: text, cause: "transport" };
}
