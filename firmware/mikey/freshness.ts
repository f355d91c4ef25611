// Timestamps of one agent: no two of its messages have the same, and a peer's must be near our clock or above its last counter.

import { sipIdentity } from "../crypto/sip-identity.js";
import { toNtp } from "../runtime/clock.js";
import { ok } from "../runtime/result.js";
import type { CounterStore } from "./counters.js";
import { type MikeyResult, refuse } from "./errors.js";
import type { Parties } from "./methods/method.js";
import { TimestampType } from "./numbers.js";
import type { TimestampPayload } from "./payloads/index.js";
import { aheadMs, DEFAULT_SKEW_MS, readCounter, readNtp, writeCounter, writeNtp } from "./replay.js";

/** How timestamps are made and judged. */
export interface FreshnessOptions {
  readonly skewMs?: number;
  readonly timestamps?: "ntp-utc" | "ntp" | "counter";
  readonly counters?: CounterStore;
}

/** T payloads (sections 5.4, 6.6). */
export class Freshness {
  private readonly skewMs: number;
  private lastStamp = 0n;

  constructor(private readonly options: FreshnessOptions) {
    this.skewMs = options.skewMs ?? DEFAULT_SKEW_MS;
  }

  /** T of a new message of ours. Throws RangeError when the counter is used up. */
  next(parties: Parties, nowMs: number): TimestampPayload {
    const { timestamps = "ntp-utc", counters } = this.options;
    if (timestamps === "counter" && counters)
      return { kind: "timestamp", type: TimestampType.counter, value: writeCounter(counters.next(pairOf(parties))) };
    const type = timestamps === "ntp" ? TimestampType.ntp : TimestampType.ntpUtc;
    return { kind: "timestamp", type, value: writeNtp(this.newStamp(nowMs)) };
  }

  /** The clock-skew window, or the order of counters: until when a message with this T has to be remembered. */
  check(timestamp: TimestampPayload, parties: Parties, nowMs: number): MikeyResult<{ readonly untilMs: number }> {
    if (timestamp.type === TimestampType.counter) {
      const { counters } = this.options;
      if (!counters) return refuse("unsupported-timestamp", "counters as timestamps are not supported");
      if (readCounter(timestamp.value) <= counters.last(pairOf(parties)))
        return refuse("replayed", "the message's counter was reached before");
      return ok({ untilMs: nowMs + this.skewMs });
    }
    const ahead = aheadMs(readNtp(timestamp.value), toNtp(nowMs));
    if (Math.abs(ahead) > this.skewMs)
      return refuse("clock-skew", `the message's clock is ${Math.round(ahead / 1000)} s ahead of ours`);
    return ok({ untilMs: nowMs + ahead + this.skewMs });
  }

  /** Remembers the counter of an authentic message; false when there is no room for it. */
  saw(timestamp: TimestampPayload, parties: Parties): boolean {
    if (timestamp.type !== TimestampType.counter) return true;
    return this.options.counters?.saw(pairOf(parties), readCounter(timestamp.value)) ?? false;
  }

  /** Every message of an initiator has a timestamp of its own (section 5.2). */
  private newStamp(nowMs: number): bigint {
    const now = toNtp(nowMs);
    const isPast = BigInt.asIntN(64, now - this.lastStamp) <= 0n && this.lastStamp !== 0n;
    // A clock that was set back far is believed; one that stands still is nudged.
    const isNear = aheadMs(this.lastStamp, now) < 1000;
    this.lastStamp = isPast && isNear ? BigInt.asUintN(64, this.lastStamp + 1n) : now;
    return this.lastStamp;
  }
}

/** A counter's name. However a URI is spelt, it is the same peer's. */
function pairOf({ localUri, peerUri }: Parties): string {
  return [localUri, peerUri].map((uri) => sipIdentity(uri) ?? uri).join(" ");
}
