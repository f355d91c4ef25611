// The local control protocol: one JSON object a line, both ways, over a Unix socket.

import type { SpeculationStatus } from "../call/index.js";
import type { CallEvent, CallSnapshot } from "../call/types.js";
import type { KeyPairPoolStatus } from "../keying/index.js";
import type { LatencyRow } from "../latency/index.js";
import type { LoopDelayStatus } from "../runtime/index.js";
import type { RegistrationStatus } from "../sip/registration/index.js";

/** What can be asked of a running handset, and with what. */
export interface ControlMethods {
  dial: { params: { uri: string; account?: string; anonymous?: boolean }; result: CallSnapshot };
  /**
   * Somebody is likely to be called (without `uri`: nobody is): what the call needs is made ready. Answered when it is, or when it is known
   * that it cannot be, which `dial` will explain.
   */
  expect: { params: { uri?: string; account?: string; anonymous?: boolean }; result: null };
  /** Sends a text message; answered when it was taken. */
  message: { params: { uri: string; text: string; account?: string }; result: null };
  answer: { params: { id?: number }; result: null };
  hangup: { params: { id?: number }; result: null };
  hold: { params: { id?: number }; result: null };
  resume: { params: { id?: number }; result: null };
  /** Answered when the open call is private, or with why it is not. */
  secure: { params: { id?: number }; result: null };
  /** Answered when the private call has other keys, or with why it has not. */
  rekey: { params: { id?: number }; result: null };
  mute: { params: { on: boolean; id?: number }; result: null };
  digit: { params: { digit: string; id?: number }; result: null };
  /** Presses a key of the handset, as if a finger did. */
  key: { params: { key: string; action?: "press" | "long" }; result: null };
  /** Moves simulated devices: `speak` (the microphone hears its recording), `unplug`, `replug`, `press` with `key`, `hold`, `headset`, … */
  simulate: { params: { action: string; [option: string]: unknown }; result: null };
  status: { params: Record<string, never>; result: HandsetStatus };
  /** Delays of the calls so far, summed up. */
  latency: { params: Record<string, never>; result: readonly LatencyRow[] };
  /** The same as Prometheus text. */
  metrics: { params: Record<string, never>; result: string };
  /** From now on every event is sent as `{"event": …}`. */
  events: { params: Record<string, never>; result: null };
}

/** Name of a control method. */
export type ControlMethod = keyof ControlMethods;

/** A request line. */
export interface ControlRequest {
  readonly id: number;
  readonly method: string;
  readonly params?: Record<string, unknown>;
}

/** A reply line. */
export type ControlReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly code: string; readonly text: string } };

/** What happens on a phone. */
export type PhoneEvent =
  | CallEvent
  | { readonly type: "device"; readonly device: string; readonly text: string }
  /** A registration was made, lost, refused, taken back. */
  | { readonly type: "registration"; readonly registration: RegistrationStatus };

/** The same with the moment. */
export type HandsetEvent = PhoneEvent & {
  /** Wall-clock ms since 1970. */
  readonly atMs: number;
  /** The same moment on the machine's monotonic clock. */
  readonly monotonicMs: number;
};

/** What `sotto status` shows. */
export interface HandsetStatus {
  readonly version: string;
  readonly board: string;
  readonly pid: number;
  readonly uptimeS: number;
  /** How long it took to come up. */
  readonly startUp: {
    /** Start of the process on the machine's monotonic clock, ms. */
    readonly bootMonotonicMs: number;
    /** From the start of the process until every registration had been made, ms; absent where none has been. */
    readonly registeredMs?: number;
    /** Until all of the phone was open, ms. */
    readonly readyMs?: number;
    /** Compiled code of an earlier start was there (`kept`), was made anew, or has no place to be kept. */
    readonly code: "kept" | "compiled" | "not kept";
  };
  readonly sip: {
    /** Of the first transport. */
    readonly address: string;
    readonly port: number;
    readonly transport: "udp" | "tcp" | "tls";
    /** Where the phone is reached over each. */
    readonly transports: readonly {
      readonly transport: "udp" | "tcp" | "tls";
      readonly address: string;
      readonly port: number;
    }[];
    /** TCP and TLS connections open now. */
    readonly connections: number;
  };
  readonly accounts: readonly {
    readonly uri: string;
    readonly security: string;
    /** Methods ready, e.g. `["mikey"]`; with `required` and none no call is possible. */
    readonly keying: readonly string[];
    /** Key agreements offered to peers without settings of their own, and SRTP suites, most wanted first. */
    readonly offers: readonly string[];
    readonly suites: readonly string[];
  }[];
  /** Of accounts that register, one for each outbound proxy. */
  readonly registrations: readonly RegistrationStatus[];
  readonly calls: readonly (CallSnapshot & { readonly voice?: unknown })[];
  readonly sound: { readonly state: "ok" | "lost" | "failed"; readonly text: string; readonly xruns: number };
  /** Diffie-Hellman key pairs made ahead: how many are ready, how often one was and was not. */
  readonly keyPairs: KeyPairPoolStatus;
  /** Offers made ahead for the person about to be called: how often a call found one, found none, and how many were never sent. */
  readonly offersAhead: SpeculationStatus;
  /** SIP messages handled and dropped, by reason. */
  readonly counters: Readonly<Record<string, number>>;
  /** Voice packets dropped in all calls, by reason. */
  readonly voiceDrops: Readonly<Record<string, number>>;
  /** Offers refused, by reason. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly callsSoFar: {
    readonly placed: number;
    readonly taken: number;
    readonly failed: number;
    readonly refused: number;
  };
  /** How long the event loop kept others waiting while there were calls. */
  readonly loopDelay: LoopDelayStatus;
  readonly memory: { readonly rssBytes: number; readonly heapUsedBytes: number };
}

/** Longest request line taken, bytes. */
export const MAX_LINE = 65_536;

/** Cuts a stream into lines. `onLine` gets each without its newline; `onOverflow` is called once when a line exceeds {@link MAX_LINE}. */
export function lineReader(onLine: (line: string) => void, onOverflow: () => void): (chunk: string) => void {
  let rest = "";
  let dead = false;
  return (chunk) => {
    if (dead) return;
    rest += chunk;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const line = rest.slice(0, end).replace(/\r$/, "");
      rest = rest.slice(end + 1);
      if (line) onLine(line);
    }
    if (rest.length > MAX_LINE) {
      dead = true;
      rest = "";
      onOverflow();
    }
  };
}
