// What one call says about its establishment: delays and steps, from the trace points of both phones.

import { between, type TraceEntry } from "../../firmware/runtime/trace.js";
import { delaysOf } from "../demo-report/delays.js";
import type { Side } from "./people.js";

/** Trace points of both ends of one call. */
export type CallTraces = Readonly<Record<Side, readonly TraceEntry[]>>;

/** Delays of a call, ms. The caller's first two are missing where the 180 was lost: over UDP nobody sends it again. */
export interface Delays {
  /** `dialled` to `ringing-received` at the caller. */
  readonly calling?: number;
  /** `picked-up` at the callee to the later of `ack-received` and `keys-ready` there. */
  readonly answering: number;
  /** `invite-sent` to `ringing-received`: Session Request Delay, RFC 6076 section 4.3.1. */
  readonly srd?: number;
  /** `ok-received` at the caller until its keys are ready (open: until the ACK has left). */
  readonly confirming: number;
  /** `picked-up` at the callee to the first voice packet at the callee, and at the caller; missing where none came in time. */
  readonly voiceAtCallee?: number;
  readonly voiceAtCaller?: number;
}

/** Names of {@link Delays}, in the order of a call. */
export const delayNames = ["calling", "srd", "answering", "confirming", "voiceAtCallee", "voiceAtCaller"] as const;
export type DelayName = (typeof delayNames)[number];

/** A step of the paper's figure 1 in one call, ms since its phase began. */
export interface StepTime {
  readonly id: string;
  readonly kind: "work" | "message";
  readonly phase: "calling" | "answering";
  readonly side: Side;
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /** Nobody waits for it. */
  readonly parallel: boolean;
}

/** One measured call. */
export interface Sample {
  readonly delays: Delays;
  readonly steps: readonly StepTime[];
  /** What the INVITE went over: one that is too large for UDP takes TCP (RFC 3261 section 18.1.1). */
  readonly carriedBy?: "udp" | "tcp" | "tls";
}

/**
 * Works out a sample.
 * @param isLossy the network loses packets: a 180 that never came is no error.
 * @throws Error naming the trace point that is missing.
 */
export function sampleOf(traces: CallTraces, isSecured: boolean, isLossy = false): Sample {
  const { alice, bob } = traces;
  const { callingMs, answeringMs, steps } = delaysOf(traces, isSecured);
  const need = (what: string, value: number | null | undefined): number => {
    if (value === null || value === undefined) throw new Error(`a trace point of the ${what} delay is missing`);
    return value;
  };
  const at = (entries: readonly TraceEntry[], point: TraceEntry["point"]) =>
    entries.find((entry) => entry.point === point)?.atMs;
  const [dialled, picked] = [at(alice, "dialled") ?? 0, at(bob, "picked-up") ?? 0];
  const voice = (entries: readonly TraceEntry[]) => {
    const first = at(entries, "media-first-received");
    return first === undefined || first < picked ? undefined : first - picked;
  };
  const confirming = between(alice, "ok-received", isSecured ? "keys-ready" : "ack-sent");
  const srd = between(alice, "invite-sent", "ringing-received");
  const delays: Delays = {
    calling: isLossy ? (callingMs ?? undefined) : need("calling", callingMs),
    answering: need("answering", answeringMs),
    srd: isLossy ? srd : need("session request", srd),
    // Keys that early media brought were there before the 200.
    confirming: Math.max(0, need("confirming", confirming)),
    voiceAtCallee: voice(bob),
    voiceAtCaller: voice(alice),
  };
  return {
    delays,
    steps: steps.map(({ id, kind, phase, side, label, fromMs, toMs, parallel }) => {
      const origin = phase === "calling" ? dialled : picked;
      return { id, kind, phase, side, label, from: fromMs - origin, to: toMs - origin, parallel };
    }),
  };
}
