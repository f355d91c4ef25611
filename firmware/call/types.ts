// What the rooms above see of calls: snapshots and events, plain data throughout.

import type { VerifiedPeer } from "../keying/keying.js";
import type { StreamStatistics } from "../media/voice.js";
import type { SrtpSuiteName } from "../srtp/keys.js";

/**
 * - `dialling`: INVITE being prepared or sent, nothing heard yet;
 * - `ringing`: the other phone rings (outgoing), or ours does (incoming);
 * - `answering`: picked up, 200 OK not acknowledged yet;
 * - `active`, `held` (by us), `ended`.
 */
export type CallState = "dialling" | "ringing" | "answering" | "active" | "held" | "ended";

/** How private a call is. */
export type CallSecurity =
  /** Keys are not agreed on yet. `caller`: who calls, once an incoming offer is verified (before that nothing rings). */
  | { readonly state: "pending"; readonly caller?: VerifiedPeer }
  | {
      readonly state: "secure";
      readonly suite: SrtpSuiteName;
      readonly peer: VerifiedPeer;
      /** How often the keys were changed in this call. */
      readonly rekeys: number;
      /** The call began in the open: what was said before is not private. */
      readonly openBefore?: boolean;
    }
  /** Anyone on the way can listen. */
  | { readonly state: "open" };

/** How a call ended. */
export interface CallEnd {
  readonly by: "us" | "peer" | "error";
  /** SIP status where one decided, e.g. 486. */
  readonly status?: number;
  /** Stable word, e.g. `"busy"`, `"wrong-psk"`. */
  readonly code: string;
  /** For the log. */
  readonly text: string;
  /** One sentence for the screen. */
  readonly user: string;
}

/** One call at one moment. */
export interface CallSnapshot {
  readonly id: number;
  readonly direction: "outgoing" | "incoming";
  readonly state: CallState;
  /** The account (URI) of ours the call belongs to. */
  readonly account: string;
  /** Whom we called, or who says to call (not proved: see security.peer for what is). */
  readonly peer: { readonly uri: string; readonly displayName?: string };
  /** Who the network says calls (P-Asserted-Identity): its word, not a proof. */
  readonly asserted?: { readonly uri: string; readonly displayName?: string };
  /** It rings without a sound: the caller is not known (caller policy). */
  readonly quiet?: boolean;
  /** Voice of the other side is heard before it has answered: no ringing tone of ours. */
  readonly earlyMedia?: boolean;
  readonly security: CallSecurity;
  readonly codec?: string;
  /** What the INVITE went over; at the caller known once something came back. */
  readonly transport?: "udp" | "tcp" | "tls";
  /** The other end holds the call. */
  readonly heldByPeer: boolean;
  readonly muted: boolean;
  /** Wall-clock ms since 1970. */
  readonly startedAtMs: number;
  readonly answeredAtMs?: number;
  readonly endedAtMs?: number;
  readonly end?: CallEnd;
  /** Of the voice stream, once it has closed. */
  readonly statistics?: StreamStatistics;
}

/** What happens to calls. */
export type CallEvent =
  /** A snapshot changed in any way; the first for a call introduces it, the one with state `ended` is its last. */
  | { readonly type: "call"; readonly call: CallSnapshot }
  | { readonly type: "digit"; readonly id: number; readonly digit: string; readonly durationMs: number }
  | { readonly type: "silent"; readonly id: number; readonly silentMs: number }
  /** A text message came in (RFC 3428). Nobody has proved who wrote it, and everybody on the way could read it. */
  | {
      readonly type: "message";
      readonly account: string;
      readonly from: string;
      readonly displayName?: string;
      readonly text: string;
    }
  /** A call was refused before it became one (policy, busy, bad offer). */
  | {
      readonly type: "refused";
      readonly from: string;
      readonly status: number;
      readonly code: string;
      readonly text: string;
    };

/** How a call is placed. */
export interface DialOptions {
  /** Without our name (RFC 3323). */
  readonly anonymous?: boolean;
}

/** Call control as the handset and the control socket use it. */
export interface CallControl {
  /**
   * Places a call; returns at once.
   * @throws Error with a sentence for the user: not a URI, no line free, keying not configured.
   */
  dial(uri: string, accountUri?: string, options?: DialOptions): CallSnapshot;
  /**
   * Somebody is likely to be called: the offer is made and the way there opened, so that {@link dial} only sends. Undefined: nobody is. Says
   * nothing of what is not possible; dial() does.
   */
  expect(uri: string | undefined, accountUri?: string, options?: DialOptions): void;
  /** Answers the ringing call (`id`, or the only one). @throws Error when there is none. */
  answer(id?: number): void;
  /** Ends, cancels or declines a call, whichever its state asks for. @throws Error when there is none. */
  hangup(id?: number): void;
  hold(id?: number): void;
  resume(id?: number): void;
  /** Makes an open call private; resolves when it is. @throws Error with a sentence for the user. */
  secure(id?: number): Promise<void>;
  /** Changes the keys of a private call; resolves when the new ones are used. @throws Error with a sentence for the user. */
  rekey(id?: number): Promise<void>;
  mute(on: boolean, id?: number): void;
  digit(digit: string, id?: number): void;
  /** Calls not ended. */
  list(): readonly CallSnapshot[];
  /** Voice statistics of a running call. */
  statistics(id: number): Promise<StreamStatistics | undefined>;
}
