// RTCP of one stream: reports at their time, source description, goodbye, and what the peer's reports tell (RFC 3550 section 6).

import {
  ReceptionStatistics,
  type ReportBlock,
  type RtcpPacket,
  RtcpTimer,
  type RtpPacket,
  roundTripMs,
  SdesType,
  SenderStatistics,
  writeRtcpInto,
} from "../rtp/index.js";
import { type Clock, type Timer, type Timers, toNtp } from "../runtime/index.js";
import { SRTCP_MAX_TRAILER } from "../srtp/index.js";

/** RTCP's 5 % of a session of two G.711 senders with their headers, bytes per second. */
const BANDWIDTH = 1000;
/** IPv4 and UDP headers, which count as RTCP bandwidth (RFC 3550 section 6.2). */
const HEADERS = 28;
/** Longest compound we make: SR with one block, a CNAME of 255 bytes, BYE with a short reason. */
const COMPOUND_BYTES = 52 + 268 + 40;
/** Buffers that take turns: a datagram may wait in a full kernel queue. */
const BUFFERS = 4;

/** What {@link Control} is made with. */
export interface ControlOptions {
  readonly ssrc: number;
  /** At most 255 bytes of UTF-8. */
  readonly cname: string;
  /** RTP clock rate, Hz. */
  readonly clockRate: number;
  /** Minimum interval, ms. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Takes the compound in `buffer[0, length)`, which has room for an SRTCP trailer. */
  send(buffer: Uint8Array, length: number): void;
}

/** RTCP of one stream. What is called once per RTP packet allocates nothing. */
export class Control {
  /** From the peer's latest report on us; undefined before. */
  roundTripMs: number | undefined;
  private ssrc: number;
  private sender: SenderStatistics;
  private source: ReceptionStatistics | undefined;
  /** Packets lost of sources before this one. */
  private lostBefore = 0;
  /** RTP came from the source since our last report. */
  private heard = false;
  private schedule: RtcpTimer | undefined;
  private timer: Timer | undefined;
  private armedMs = 0;
  private readonly buffers = Array.from({ length: BUFFERS }, () => new Uint8Array(COMPOUND_BYTES + SRTCP_MAX_TRAILER));
  private turn = 0;

  /** @throws RangeError when the CNAME is empty or too long. */
  constructor(private readonly options: ControlOptions) {
    const bytes = Buffer.byteLength(options.cname);
    if (bytes < 1 || bytes > 255) throw new RangeError(`cname must have 1 to 255 bytes, got ${bytes}`);
    this.ssrc = options.ssrc;
    this.sender = new SenderStatistics(options.clockRate);
  }

  /** Packets that never came, of all sources. */
  get packetsLost(): number {
    return this.lostBefore + Math.max(0, this.source?.lost ?? 0);
  }
  get jitterMs(): number {
    return this.source?.jitterMs ?? 0;
  }

  /** Reports from now on, the first after half an interval. */
  start(): void {
    const { clock, intervalMs } = this.options;
    this.schedule = new RtcpTimer({
      ssrc: this.ssrc,
      nowMs: clock.now(),
      random: Math.random,
      bandwidth: BANDWIDTH,
      minimumMs: intervalMs,
    });
    this.arm();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.schedule = undefined;
  }

  /** We sent an RTP packet. */
  sent(timestamp: number, payloadBytes: number, nowMs: number): void {
    this.sender.sent(timestamp, payloadBytes, nowMs);
    this.schedule?.rtpSent(nowMs);
  }

  /** An RTP packet was taken. */
  received(packet: RtpPacket, nowMs: number): void {
    if (packet.ssrc !== this.source?.ssrc) {
      this.lostBefore = this.packetsLost;
      this.source = new ReceptionStatistics(packet.ssrc, this.options.clockRate);
    }
    this.source.receive(packet.sequence, packet.timestamp, nowMs);
    this.heard = true;
    this.schedule?.rtpReceived(packet.ssrc, nowMs);
  }

  /** A compound of `bytes` came. */
  receivedControl(packets: readonly RtcpPacket[], bytes: number, nowMs: number): void {
    const [first] = packets;
    const from = first.type === "sr" || first.type === "rr" ? first.ssrc : undefined;
    if (from === undefined || from === this.ssrc) return;
    let left = false;
    for (const packet of packets) {
      switch (packet.type) {
        case "sr":
          if (packet.ssrc === this.source?.ssrc) this.source.senderReported(packet.ntp, nowMs);
          this.readReports(packet.reports, nowMs);
          break;
        case "rr":
          this.readReports(packet.reports, nowMs);
          break;
        case "bye":
          for (const source of packet.sources) {
            left ||= source === from;
            this.schedule?.byeReceived(source, bytes + HEADERS, nowMs);
          }
          break;
      }
    }
    if (!left) this.schedule?.rtcpReceived(from, bytes + HEADERS, nowMs);
    this.arm();
  }

  /** Says goodbye, unless nobody ever heard of us (RFC 3550 section 6.3.7). */
  bye(reason?: string): void {
    const now = this.options.clock.now();
    if (this.schedule?.leave(COMPOUND_BYTES, now) === "send") this.send(now, true, reason);
  }

  /** Another SSRC of ours: its counters begin at nothing. */
  changeSsrc(ssrc: number): void {
    this.ssrc = ssrc;
    this.sender = new SenderStatistics(this.options.clockRate);
    if (!this.schedule) return;
    this.stop();
    this.start();
  }

  private readReports(reports: readonly ReportBlock[], nowMs: number): void {
    const { clock } = this.options;
    for (const report of reports) {
      if (report.ssrc !== this.ssrc) continue;
      const arrived = toNtp(clock.wallMs() - (clock.now() - nowMs));
      this.roundTripMs = roundTripMs(report, arrived) ?? this.roundTripMs;
    }
  }

  /** Sets the timer to the schedule's time, which events move. */
  private arm(): void {
    const { schedule } = this;
    if (!schedule || (this.timer && this.armedMs === schedule.nextMs)) return;
    this.timer?.cancel();
    this.armedMs = schedule.nextMs;
    this.timer = this.options.timers.at(this.armedMs, () => {
      this.timer = undefined;
      const now = this.options.clock.now();
      if (schedule.expire(now)) schedule.rtcpSent(this.send(now, false) + HEADERS, now);
      this.arm();
    });
  }

  /** @returns bytes of the compound. */
  private send(nowMs: number, bye: boolean, reason?: string): number {
    const { ssrc, sender } = this;
    const { cname, clock } = this.options;
    const reports = this.heard ? [this.source!.report(nowMs)] : [];
    this.heard = false;
    const packets: RtcpPacket[] = [
      this.schedule!.weSent
        ? {
            type: "sr",
            ssrc,
            ntp: toNtp(clock.wallMs()),
            rtpTimestamp: sender.timestampAt(nowMs),
            packets: sender.packets >>> 0,
            octets: sender.octets >>> 0,
            reports,
          }
        : { type: "rr", ssrc, reports },
      { type: "sdes", chunks: [{ ssrc, items: [{ type: SdesType.cname, text: cname }] }] },
    ];
    if (bye) packets.push({ type: "bye", sources: [ssrc], ...(reason === undefined ? {} : { reason }) });
    this.turn = (this.turn + 1) % BUFFERS;
    const buffer = this.buffers[this.turn];
    const length = writeRtcpInto(buffer, packets);
    this.options.send(buffer, length);
    return length;
  }
}
