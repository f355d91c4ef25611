// What every call gets from the composition root.

import type { Keying } from "../keying/keying.js";
import type { Voice } from "../media/voice.js";
import type { Clock, Log, Timers, Trace } from "../runtime/index.js";
import type { SipAddress } from "../sip/contract.js";
import type { WorkBudget } from "./budget.js";
import type { Call } from "./call.js";
import type { CallerRules } from "./caller-policy.js";
import type { CallEvent } from "./types.js";

/** How an account's calls deal with keys. */
export interface KeyRules {
  /** New keys after this time, ms; absent: only when they are used up or somebody asks. */
  readonly rekeyMs?: number;
  /** The request that brings them. */
  readonly rekeyBy: "invite" | "update";
  /** Packets a key of ours protects; absent: as many as SRTP allows. */
  readonly lifetime?: number;
  /** `proved`: an offer or answer within a secured call must carry a message of the key agreement; `any`: its keys speak for it. */
  readonly changes: "any" | "proved";
  /** A secured line that cannot be verified: the whole offer is refused, or that line where there is another with keys of its own. */
  readonly failedLine: "refuse-all" | "refuse-line";
  /** New keys of ours that the peer refuses: the call ends (RFC 4567 section 4.1.2; default), or goes on under the keys it has. */
  readonly refusedRekey?: "end" | "keep";
}

/** How an account's calls leave the phone. */
export interface CallRoute {
  readonly nextHop?: SipAddress;
  /** Route values. */
  readonly routes: readonly string[];
}

/** An account as calls need it. */
export interface CallAccount {
  readonly uri: string;
  readonly displayName?: string;
  readonly security: "required" | "preferred" | "off";
  /** Methods in order of preference; empty where none is configured. */
  readonly keying: readonly Keying[];
  readonly keys?: KeyRules;
  /** Whom a refused offer is refused for: this phone (488, default), or all phones of the account's person (606, which ends a forked call). */
  readonly refusesFor?: "phone" | "person";
  /** Encoding names, most wanted first. */
  readonly codecs: readonly string[];
  readonly autoAnswerMs?: number;
  /** Whether it sends and takes text messages. */
  readonly messages?: boolean;
  /** Its calls do not say who calls. */
  readonly anonymous?: boolean;
  /** Verifying an offer asks nobody else (the DNS for a key, say) and takes a moment only. */
  readonly verifiesAlone?: boolean;
  /** It registers: calls for it come through its proxies. */
  readonly registers?: boolean;
}

/** Shared by all calls. */
export interface CallEnvironment {
  readonly voice: Voice;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly trace: Trace;
  readonly log: Log;
  /** Bytes from the operating system. */
  readonly random: (length: number) => Uint8Array;
  /** The address media is announced with. */
  localAddress: string;
  readonly ringLimitMs: number;
  /** Work is done before somebody waits for it. */
  readonly precompute: boolean;
  /** Who may ring. */
  readonly callers: CallerRules;
  /** Offers verified for each source. */
  readonly budget: WorkBudget;
  /** When SIP last handed a message to the network, monotonic ms. */
  readonly lastSendMs: () => number;
  /** Runs costly work for calls that nobody has picked up yet, one call's after the other's. It must not reject. */
  oneAtATime(work: () => Promise<void>): void;
  emit(event: CallEvent): void;
  /** A call has sent its last event. */
  ended(call: Call): void;
}
