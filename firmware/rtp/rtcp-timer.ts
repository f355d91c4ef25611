// When to send RTCP (RFC 3550 sections 6.2, 6.3 and appendix A.7): a pure state machine; time and randomness are arguments.

/** How a participant starts. */
export interface RtcpTimerOptions {
  readonly ssrc: number;
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** RTCP's share of the session: 5 % of its bandwidth, bytes per second. */
  readonly bandwidth: number;
  /** Size of the first RTCP packet to be sent, bytes with UDP and IP headers. Default 128. */
  readonly firstSize?: number;
  /** Least interval, ms; the first is half of it. Default 5000. */
  readonly minimumMs?: number;
}

/** e - 3/2: what timer reconsideration takes off on average (section 6.3.1). */
const COMPENSATION = Math.E - 1.5;
const SENDER_SHARE = 0.25;
/** Members silent for this many intervals are gone (section 6.3.5). */
const TIMEOUT_INTERVALS = 5;
/** Above this many members a goodbye waits its turn (section 6.3.7). */
const BYE_AT_ONCE = 50;
/** Sources remembered; further ones are not counted. */
const MAX_MEMBERS = 128;

interface Member {
  heardMs: number;
  /** Of RTP; -Infinity: not a sender. */
  sentMs: number;
}

/**
 * RTCP transmission interval of one participant. The owner sets a timer for {@link nextMs} and calls {@link expire} then.
 */
export class RtcpTimer {
  private readonly ssrc: number;
  private readonly random: () => number;
  private readonly bandwidth: number;
  private readonly minimumMs: number;
  private readonly others = new Map<number, Member>();
  private averageSize: number;
  private initial = true;
  private lastMs: number;
  private dueMs: number;
  private previousMembers = 1;
  private intervalMs: number;
  private lastRtpMs = Number.NEGATIVE_INFINITY;
  private everSent = false;
  /** While a goodbye waits: how many others say goodbye; -1 otherwise. */
  private goodbyes = -1;

  constructor(options: RtcpTimerOptions) {
    if (!(options.bandwidth > 0)) throw new RangeError(`bandwidth must be positive, got ${options.bandwidth}`);
    this.ssrc = options.ssrc;
    this.random = options.random;
    this.bandwidth = options.bandwidth;
    this.minimumMs = options.minimumMs ?? 5000;
    this.averageSize = options.firstSize ?? 128;
    this.lastMs = options.nowMs;
    this.intervalMs = this.randomInterval();
    this.dueMs = options.nowMs + this.intervalMs;
  }

  /** When to call {@link expire}, ms. It moves: ask again after every call. */
  get nextMs(): number {
    return this.dueMs;
  }
  /** Participants known, ourselves included. */
  get members(): number {
    return this.goodbyes >= 0 ? 1 + this.goodbyes : 1 + this.others.size;
  }
  /** Participants that send RTP, ourselves included when we do. */
  get senders(): number {
    if (this.goodbyes >= 0) return 0;
    let count = this.weSent ? 1 : 0;
    for (const { sentMs } of this.others.values()) if (sentMs !== Number.NEGATIVE_INFINITY) count++;
    return count;
  }
  /** True when we sent RTP within the last two intervals: the next report is a sender report. */
  get weSent(): boolean {
    return this.goodbyes < 0 && this.lastRtpMs !== Number.NEGATIVE_INFINITY;
  }

  /** An RTP packet of another participant came (validated). */
  rtpReceived(ssrc: number, nowMs: number): void {
    const member = this.member(ssrc, nowMs);
    if (member) member.sentMs = nowMs;
  }

  /** A compound without goodbye came. @param size bytes with UDP and IP headers */
  rtcpReceived(ssrc: number, size: number, nowMs: number): void {
    if (this.goodbyes >= 0) return;
    this.member(ssrc, nowMs);
    this.average(size);
  }

  /** A compound with a goodbye of `ssrc` came. */
  byeReceived(ssrc: number, size: number, nowMs: number): void {
    if (this.goodbyes >= 0) {
      this.goodbyes = Math.min(this.goodbyes + 1, 1_000_000);
      this.average(size);
      return;
    }
    this.average(size);
    if (this.others.delete(ssrc)) this.reverse(nowMs);
  }

  /** We sent an RTP packet. */
  rtpSent(nowMs: number): void {
    this.lastRtpMs = nowMs;
    this.everSent = true;
  }

  /**
   * The timer fired.
   *
   * @returns true when an RTCP packet is to be sent now; call {@link rtcpSent} with its size.
   */
  expire(nowMs: number): boolean {
    this.timeOut(nowMs);
    const interval = this.randomInterval();
    const due = this.lastMs + interval;
    this.previousMembers = this.members;
    if (due > nowMs) {
      this.dueMs = due;
      this.intervalMs = interval;
      return false;
    }
    return true;
  }

  /** The packet that {@link expire} asked for, or one out of turn, is on its way. @param size bytes with UDP and IP headers */
  rtcpSent(size: number, nowMs: number): void {
    this.average(size);
    this.everSent = true;
    this.lastMs = nowMs;
    this.initial = false;
    this.intervalMs = this.randomInterval();
    this.dueMs = nowMs + this.intervalMs;
  }

  /**
   * We want to leave (section 6.3.7).
   *
   * @returns `"send"`: send the goodbye now; `"wait"`: it is due when {@link expire} says so; `"silent"`: nothing was ever sent, so no goodbye
   *   may be.
   */
  leave(size: number, nowMs: number): "send" | "wait" | "silent" {
    if (!this.everSent) return "silent";
    if (this.members <= BYE_AT_ONCE) return "send";
    this.goodbyes = 0;
    this.others.clear();
    this.lastMs = nowMs;
    this.previousMembers = 1;
    this.initial = true;
    this.averageSize = size;
    this.intervalMs = this.randomInterval();
    this.dueMs = nowMs + this.intervalMs;
    return "wait";
  }

  /** Td of section 6.3.1, ms. */
  private interval(weSent: boolean): number {
    const { members, senders } = this;
    let count = members;
    let bandwidth = this.bandwidth;
    if (senders <= members * SENDER_SHARE) {
      bandwidth *= weSent ? SENDER_SHARE : 1 - SENDER_SHARE;
      count = weSent ? senders : members - senders;
    }
    const least = this.initial ? this.minimumMs / 2 : this.minimumMs;
    return Math.max(least, (1000 * this.averageSize * count) / bandwidth);
  }

  private randomInterval(): number {
    return (this.interval(this.weSent) * (this.random() + 0.5)) / COMPENSATION;
  }

  private average(size: number): void {
    this.averageSize += (size - this.averageSize) / 16;
  }

  private member(ssrc: number, nowMs: number): Member | undefined {
    if (this.goodbyes >= 0 || ssrc === this.ssrc) return undefined;
    let member = this.others.get(ssrc);
    if (member) member.heardMs = nowMs;
    else if (this.others.size < MAX_MEMBERS) {
      member = { heardMs: nowMs, sentMs: Number.NEGATIVE_INFINITY };
      this.others.set(ssrc, member);
    }
    return member;
  }

  /** Section 6.3.5, and 6.3.8 for ourselves. */
  private timeOut(nowMs: number): void {
    const gone = nowMs - TIMEOUT_INTERVALS * this.interval(false);
    const notSending = nowMs - 2 * this.intervalMs;
    let left = false;
    for (const [ssrc, member] of this.others) {
      if (member.heardMs < gone) {
        this.others.delete(ssrc);
        left = true;
      } else if (member.sentMs < notSending) member.sentMs = Number.NEGATIVE_INFINITY;
    }
    if (this.lastRtpMs < notSending) this.lastRtpMs = Number.NEGATIVE_INFINITY;
    if (left) this.reverse(nowMs);
  }

  /** Reverse reconsideration, section 6.3.4: the group shrank, so our turn comes sooner. */
  private reverse(nowMs: number): void {
    const { members } = this;
    if (members >= this.previousMembers) return;
    const share = members / this.previousMembers;
    this.dueMs = nowMs + share * (this.dueMs - nowMs);
    this.lastMs = nowMs - share * (nowMs - this.lastMs);
    this.previousMembers = members;
  }
}
