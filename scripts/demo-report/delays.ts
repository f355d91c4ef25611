// Call establishment in figures: the steps of Bilien, Eliasson and Vatn's figure 1, from both phones' trace points.

import type { TraceEntry, TracePoint } from "../../firmware/runtime/trace.js";
import type { Side } from "./ladder.js";

/** What a step is: work of a phone, or a message under way. */
export interface Step {
  /** The figure's number, e.g. `"1a"`; `"1b-3b"` for a message that no server stands between. */
  readonly id: string;
  readonly kind: "work" | "message";
  readonly phase: "calling" | "answering";
  /** Who works, or who sends. */
  readonly side: Side;
  /** What happens, in words. */
  readonly label: string;
  /** Monotonic ms. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Work beside the call's way: neither delay waits for its end. */
  readonly parallel: boolean;
}

/** Delays of one call's establishment. */
export interface CallDelays {
  /** From dialling to 180 Ringing received by the caller, ms; null when a point is missing. */
  readonly callingMs: number | null;
  /** From picking up to ACK received and SRTP keys ready at the callee, ms; null when a point is missing. */
  readonly answeringMs: number | null;
  /** In order of their beginning; only what was measured. */
  readonly steps: readonly Step[];
}

/** Steps of the paper's figure that belong to SIP servers, of which a call between two phones has none. */
export const serverSteps: readonly string[] = ["2a", "3a", "5a", "6a", "9a", "10a", "12a", "13a"];

/** Both phones' trace points of the call. */
export type CallTrace = Readonly<Record<Side, readonly TraceEntry[]>>;

/** Monotonic ms of a point's first occurrence. */
export function pointAt(trace: CallTrace, side: Side, point: TracePoint): number | undefined {
  return trace[side].find((entry) => entry.point === point)?.atMs;
}

/**
 * Works out the delays and steps of a call that Alice places to Bob. Steps 1a, 4a, 7a, 8a, 11a and 14a are work of the phones; the messages
 * between them are named by the hops they replace.
 * @param secured whether keys are agreed on in this call: without, the answer waits for no keys.
 */
export function delaysOf(trace: CallTrace, secured: boolean): CallDelays {
  const alice = (point: TracePoint) => pointAt(trace, "alice", point);
  const bob = (point: TracePoint) => pointAt(trace, "bob", point);
  const steps: Step[] = [];
  const add = (
    id: string,
    kind: Step["kind"],
    phase: Step["phase"],
    side: Side,
    label: string,
    from: number | undefined,
    to: number | undefined,
    parallel = false,
  ) => {
    if (from !== undefined && to !== undefined)
      steps.push({ id, kind, phase, side, label, fromMs: from, toMs: Math.max(from, to), parallel });
  };

  const what = secured ? "the keying message in it" : "clear";
  add(
    "1a",
    "work",
    "calling",
    "alice",
    `builds the offer, ${what}, and sends INVITE`,
    alice("dialled"),
    alice("invite-sent"),
  );
  add("1b-3b", "message", "calling", "alice", "INVITE", alice("invite-sent"), bob("invite-received"));
  const ringing = bob("ringing-sent");
  const verified = bob("offer-verified");
  add("4a", "work", "calling", "bob", "reads the offer and rings", bob("invite-received"), ringing);
  add("4b-6b", "message", "calling", "bob", "180 Ringing", ringing, alice("ringing-received"));
  if (secured && verified !== undefined && ringing !== undefined && verified > ringing)
    add("4a+", "work", "calling", "bob", "verifies who calls, while it rings", ringing, verified, true);

  const keysAlice = alice("keys-ready");
  const keysBob = bob("keys-ready");
  const acked = bob("ack-received");
  add("8a", "work", "answering", "bob", `builds the answer, ${what}, and sends 200`, bob("picked-up"), bob("ok-sent"));
  add("8b-10b", "message", "answering", "bob", "200 OK", bob("ok-sent"), alice("ok-received"));
  add(
    "11a",
    "work",
    "answering",
    "alice",
    secured ? "verifies the answer and sends ACK" : "reads the answer and sends ACK",
    alice("ok-received"),
    alice("ack-sent"),
  );
  add("11b-13b", "message", "answering", "alice", "ACK", alice("ack-sent"), acked);
  if (secured && keysBob !== undefined && bob("ok-sent") !== undefined && keysBob > bob("ok-sent")!) {
    const waits = acked !== undefined && keysBob > acked;
    add("8a+", "work", "answering", "bob", "computes the session keys", bob("ok-sent"), waits ? acked : keysBob, true);
    if (waits) add("14a", "work", "answering", "bob", "waits for its session keys", acked, keysBob);
  }
  if (secured && keysAlice !== undefined && alice("ack-sent") !== undefined && keysAlice > alice("ack-sent")!)
    add("11a+", "work", "answering", "alice", "computes the session keys", alice("ack-sent"), keysAlice, true);

  const dialled = alice("dialled");
  const heard = alice("ringing-received");
  const picked = bob("picked-up");
  const ready = secured ? (acked === undefined || keysBob === undefined ? undefined : Math.max(acked, keysBob)) : acked;
  steps.sort((a, b) => a.fromMs - b.fromMs);
  return {
    callingMs: dialled === undefined || heard === undefined ? null : heard - dialled,
    answeringMs: picked === undefined || ready === undefined ? null : ready - picked,
    steps,
  };
}
