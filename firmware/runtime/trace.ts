// Named points in time of a call, kept in a preallocated ring: a point costs one clock read and two typed-array stores.

import type { Clock } from "./clock.js";

/**
 * The points one device can see of a call's establishment, after the phases of Bilien, Eliasson, Vatn,
 * "Call establishment delay for secure VoIP" (WiOpt'04), figure 1. The calling delay is `dialled` to `ringing-received` at the caller;
 * the answering delay is `picked-up` to the later of `ack-received` and `keys-ready` at the callee.
 */
export const tracePoints = [
  // Caller, calling phase
  "dialled",
  "offer-ready", // step 1a: the INVITE's offer is built, keying message included
  "invite-sent", // step 1b begins; RFC 6076: SRD begins
  "ringing-received", // step 6b ends: 180 received; RFC 6076: SRD ends
  "ringing-shown", // step 7a: screen and ringing tone know
  // Callee, calling phase
  "invite-received", // step 3b ends
  "offer-verified", // step 4a: the offer's keying message is authenticated (may fall after ringing-sent)
  "ringing-sent", // step 4b begins: 180 sent
  // Callee, answering phase
  "picked-up",
  "answer-ready", // step 8a: the 200's answer is built, keying message included
  "ok-sent", // step 8b begins
  // Caller, answering phase
  "ok-received", // step 10b ends
  "answer-verified", // step 11a's verification; the ACK does not wait for it
  "ack-sent", // step 11b begins
  // Both
  "ack-received", // step 13b ends, callee
  "keys-ready", // step 14a at the callee, at the caller beside 12a: SRTP contexts can protect and unprotect
  "media-first-sent",
  "media-first-received",
  "ended",
  "bye-sent", // whoever hangs up; RFC 6076: SDD begins
  "bye-answered", // its 200 received; RFC 6076: SDD ends
  // The phone itself (call 0): process started, every registration made, everything open
  "boot",
  "registered",
  "ready",
] as const;

/** Name of a trace point. */
export type TracePoint = (typeof tracePoints)[number];

const indexOf = new Map<TracePoint, number>(tracePoints.map((name, index) => [name, index]));

/** One recorded point. */
export interface TraceEntry {
  readonly point: TracePoint;
  /** Which call: the number given to {@link Trace.mark}. */
  readonly call: number;
  /** Monotonic milliseconds. */
  readonly atMs: number;
}

/** A ring of trace points; old ones are overwritten. */
export class Trace {
  private readonly times: Float64Array;
  private readonly what: Int32Array;
  private next = 0;
  private count = 0;

  /** @param capacity how many points are kept. */
  constructor(
    private readonly clock: Clock,
    private readonly capacity = 4096,
  ) {
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new RangeError(`capacity must be a positive integer, got ${capacity}`);
    this.times = new Float64Array(capacity);
    this.what = new Int32Array(capacity * 2);
  }

  /** Records `point` of `call` now, or at `atMs` when the moment was seen elsewhere (another thread, a packet's arrival). */
  mark(point: TracePoint, call: number, atMs = this.clock.now()): void {
    const slot = this.next;
    this.times[slot] = atMs;
    this.what[slot * 2] = indexOf.get(point)!;
    this.what[slot * 2 + 1] = call;
    this.next = slot + 1 === this.capacity ? 0 : slot + 1;
    if (this.count < this.capacity) this.count++;
  }

  /** What is still in the ring, oldest first; of one call when it is given. */
  read(call?: number): TraceEntry[] {
    const entries: TraceEntry[] = [];
    for (let i = 0; i < this.count; i++) {
      const slot = (this.next - this.count + i + this.capacity) % this.capacity;
      if (call !== undefined && this.what[slot * 2 + 1] !== call) continue;
      entries.push({ point: tracePoints[this.what[slot * 2]], call: this.what[slot * 2 + 1], atMs: this.times[slot] });
    }
    return entries;
  }
}

/** Time between two points of one call in ms (first occurrence of each); undefined where one is missing. */
export function between(entries: readonly TraceEntry[], from: TracePoint, to: TracePoint): number | undefined {
  const start = entries.find((entry) => entry.point === from);
  const end = entries.find((entry) => entry.point === to);
  return start && end ? end.atMs - start.atMs : undefined;
}
