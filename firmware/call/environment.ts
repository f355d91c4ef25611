// What every call gets from the composition root.

import type { Keying } from "../keying/keying.js";
import type { Voice } from "../media/voice.js";
import type { Clock, Log, Timers, Trace } from "../runtime/index.js";
import type { Call } from "./call.js";
import type { CallerRules } from "./caller-policy.js";
import type { CallEvent } from "./types.js";

/** An account as calls need it. */
export interface CallAccount {
  readonly uri: string;
  readonly displayName?: string;
  readonly security: "required" | "preferred" | "off";
  /** Methods in order of preference; empty where none is configured. */
  readonly keying: readonly Keying[];
  /** Encoding names, most wanted first. */
  readonly codecs: readonly string[];
  readonly autoAnswerMs?: number;
  /** Whether it sends and takes text messages. */
  readonly messages?: boolean;
  /** Its calls do not say who calls. */
  readonly anonymous?: boolean;
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
  /** Who may ring. */
  readonly callers: CallerRules;
  /** When SIP last handed a message to the network, monotonic ms. */
  readonly lastSendMs: () => number;
  emit(event: CallEvent): void;
  /** A call has sent its last event. */
  ended(call: Call): void;
}
