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
  "invite-sent", // step 1b
  "ringing-received", // step 7b: 180 received
  // Callee, calling phase
  "invite-received", // step 3b
  "offer-verified", // step 4a: the offer's keying message is authenticated (may fall after ringing-sent)
  "ringing-sent", // step 4b/5b: 180 sent
  // Callee, answering phase
  "picked-up",
  "answer-ready", // step 8a: the 200's answer is built, keying message included
  "ok-sent", // step 8b
  // Caller, answering phase
  "ok-received", // step 10b
  "answer-verified", // step 11a
  "ack-sent", // step 12b
  // Both
  "ack-received", // step 14b, callee
  "keys-ready", // 13a, 14a: SRTP contexts can protect and unprotect
  "media-first-sent",
  "media-first-received",
  "ended",
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
