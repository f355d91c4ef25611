// Quality figures of one RTP session: what is received (RFC 3550 appendices A.1, A.3, A.8), what is sent, and the round-trip time.

import type { ReportBlock } from "./rtcp.js";

/** Appendix A.1. */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;

/** Middle 32 bits of a 64-bit NTP timestamp: seconds and fraction, 16 bits each (RFC 3550 section 4). */
export function ntpMiddle(ntp: bigint): number {
  return Number((ntp >> 16n) & 0xffff_ffffn);
}

/**
 * Round-trip time from a report block on our stream (RFC 3550 section 6.4.1, figure 2).
 *
 * @param arrivalNtp when the report arrived, 64-bit NTP
 * @returns ms; undefined when the reporter has had no sender report yet, or the figures make no sense (negative, or over a minute)
 */
export function roundTripMs(report: ReportBlock, arrivalNtp: bigint): number | undefined {
  if (report.lastSenderReport === 0) return undefined;
  const ticks = (ntpMiddle(arrivalNtp) - report.lastSenderReport - report.delaySinceLastSenderReport) | 0;
  const ms = (ticks / 65_536) * 1000;
  // Rounding on both sides may make a round trip on one machine a hair negative.
  if (ms < -1 || ms > 60_000) return undefined;
  return Math.max(0, ms);
}

/** Reception of one source. Nothing is allocated per packet. */
export class ReceptionStatistics {
  /** Packets received, late and duplicate ones too. */
  received = 0;

  private started = false;
  private base = 0;
  private cycles = 0;
  private highest = 0;
  private suspect = -1;
  private transit = 0;
  private anyTransit = false;
  private jitterTicks = 0;
  private expectedPrior = 0;
  private receivedPrior = 0;
  private senderReport = 0;
  private senderReportMs = 0;

  /** @param clockRate RTP clock rate, Hz */
  constructor(
    readonly ssrc: number,
    private readonly clockRate: number,
  ) {
    if (!(clockRate >= 1000)) throw new RangeError(`clockRate must be at least 1000 Hz, got ${clockRate}`);
  }

  /**
   * Counts a packet.
   *
   * @returns false for one whose sequence number is too wild to believe before the next confirms it (appendix A.1): it is not counted
   */
  receive(sequence: number, timestamp: number, arrivalMs: number): boolean {
    if (!this.started) this.restart(sequence);
    else {
      const ahead = (sequence - this.highest) & 0xffff;
      if (ahead < MAX_DROPOUT) {
        if (sequence < this.highest) this.cycles += 0x1_0000;
        this.highest = sequence;
        this.suspect = -1;
      } else if (ahead <= 0x1_0000 - MAX_MISORDER) {
        if (sequence !== this.suspect) {
          this.suspect = (sequence + 1) & 0xffff;
          return false;
        }
        this.restart(sequence);
      }
    }
    this.received++;
    const transit = Math.round((arrivalMs * this.clockRate) / 1000) - timestamp;
    if (this.anyTransit) {
      // Differences modulo 2^32: the timestamp wraps, arrival does not.
      const difference = (transit - this.transit) | 0;
      this.jitterTicks += (Math.abs(difference) - this.jitterTicks) / 16;
    }
    this.anyTransit = true;
    this.transit = transit;
    return true;
  }

  /** A sender report of the source came: its NTP timestamp goes back in our reports. */
  senderReported(ntp: bigint, arrivalMs: number): void {
    this.senderReport = ntpMiddle(ntp);
    this.senderReportMs = arrivalMs;
  }

  /** Extended highest sequence number. */
  get highestSequence(): number {
    return this.cycles + this.highest;
  }
  /** Packets that should have come. */
  get expected(): number {
    return this.started ? this.cycles + this.highest - this.base + 1 : 0;
  }
  /** Expected less received; negative when duplicates outweigh losses. */
  get lost(): number {
    return this.expected - this.received;
  }
  /** Interarrival jitter, ms. */
  get jitterMs(): number {
    return (this.jitterTicks / this.clockRate) * 1000;
  }

  /** Makes the report block for the next RTCP packet; the fraction lost is that since the last call. */
  report(nowMs: number): ReportBlock {
    const { expected, received } = this;
    const expectedInterval = expected - this.expectedPrior;
    const lostInterval = expectedInterval - (received - this.receivedPrior);
    this.expectedPrior = expected;
    this.receivedPrior = received;
    const fraction =
      expectedInterval <= 0 || lostInterval <= 0 ? 0 : Math.floor((lostInterval * 256) / expectedInterval);
    const since = Math.round(((nowMs - this.senderReportMs) * 65_536) / 1000);
    return {
      ssrc: this.ssrc,
      fractionLost: Math.min(255, fraction),
      cumulativeLost: Math.max(-0x80_0000, Math.min(0x7f_ffff, expected - received)),
      highestSequence: this.highestSequence % 0x1_0000_0000,
      jitter: Math.min(0xffff_ffff, Math.floor(this.jitterTicks)),
      lastSenderReport: this.senderReport,
      delaySinceLastSenderReport: this.senderReport === 0 ? 0 : Math.max(0, Math.min(0xffff_ffff, since)),
    };
  }

  private restart(sequence: number): void {
    this.started = true;
    this.base = sequence;
    this.highest = sequence;
    this.cycles = 0;
    this.suspect = -1;
    this.received = 0;
    this.expectedPrior = 0;
    this.receivedPrior = 0;
    this.anyTransit = false;
  }
}

/** What we send: the counters of a sender report, and which RTP timestamp is now. */
export class SenderStatistics {
  packets = 0;
  /** Octets of payload. */
  octets = 0;
  private timestamp = 0;
  private sentMs = 0;

  /** @param clockRate RTP clock rate, Hz */
  constructor(private readonly clockRate: number) {
    if (!(clockRate >= 1000)) throw new RangeError(`clockRate must be at least 1000 Hz, got ${clockRate}`);
  }

  /** Counts a packet with `payloadBytes` of payload. */
  sent(timestamp: number, payloadBytes: number, nowMs: number): void {
    this.packets++;
    this.octets += payloadBytes;
    this.timestamp = timestamp;
    this.sentMs = nowMs;
  }

  /** The RTP timestamp that belongs to `nowMs`, for a sender report (RFC 3550 section 6.4.1). */
  timestampAt(nowMs: number): number {
    return (this.timestamp + Math.round(((nowMs - this.sentMs) * this.clockRate) / 1000)) >>> 0;
  }
}
