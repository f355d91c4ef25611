// What a stream counts, in one typed array; turned into words only when somebody asks.

import type { StreamStatistics } from "./voice.js";

/** Why packets are dropped; the words of {@link StreamStatistics.dropped}. */
export const dropReasons = [
  "bad-tag",
  "replayed",
  "clear-refused",
  "malformed",
  "wrong-payload",
  "wrong-source",
  "no-keys",
  "not-expected",
  "stun",
  "zrtp",
  "dtls",
  "send-failed",
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Index of each reason, for the hot path. */
export const drop = Object.fromEntries(dropReasons.map((reason, index) => [reason, index])) as Record<
  DropReason,
  number
>;

/** Counts dropped packets by reason. */
export class DropCounters {
  private readonly counts = new Float64Array(dropReasons.length);
  count(reason: number): void {
    this.counts[reason]++;
  }
  /** Only what happened. */
  read(): Record<string, number> {
    const result: Record<string, number> = {};
    for (let i = 0; i < dropReasons.length; i++) if (this.counts[i] > 0) result[dropReasons[i]] = this.counts[i];
    return result;
  }
}

/** Statistics of a stream that has not lived. */
export const emptyStatistics: StreamStatistics = {
  packetsSent: 0,
  bytesSent: 0,
  packetsReceived: 0,
  bytesReceived: 0,
  packetsLost: 0,
  packetsLate: 0,
  concealed: 0,
  jitterMs: 0,
  bufferMs: 0,
  dropped: {},
  xruns: 0,
};
