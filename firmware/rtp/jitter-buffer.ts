// Adaptive jitter buffer: encoded packets in by arrival, one frame at a time out by playback; delay follows the measured jitter.

import { DelayEstimator } from "./delay-estimator.js";
import { type RtpPacket, sequenceDistance, timestampDistance } from "./packet.js";

/** What {@link JitterBuffer.put} did with a packet. */
export const Put = {
  stored: 0,
  duplicate: 1,
  /** Its turn has passed. */
  late: 2,
  /** Longer than `maxPayload`, or of no duration. */
  refused: 3,
} as const;
/** One of {@link Put}. */
export type Put = (typeof Put)[keyof typeof Put];

/** What {@link JitterBuffer.get} wants played. */
export const Pull = {
  /** Nothing: before the first packet, between talkspurts, long after the last packet. Play silence or comfort noise. */
  empty: 0,
  /** Decode the payload the buffer shows. */
  packet: 1,
  /** A packet is lost or late: conceal. */
  conceal: 2,
} as const;
/** One of {@link Pull}. */
export type Pull = (typeof Pull)[keyof typeof Pull];

/** How a buffer behaves. */
export interface JitterBufferOptions {
  /** RTP clock rate, Hz. */
  readonly clockRate: number;
  /** Least and most delay between the arrival of the fastest packets and their turn, ms. Default 20 and 200. */
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
  /** Packets held at most, a power of two. Default 64. */
  readonly slots?: number;
  /** Bytes of payload at most. Default 1460. */
  readonly maxPayload?: number;
}

/** Share of the packets that the delay is chosen to wait for; the rest is concealed. */
const WAIT_FOR = 0.98;
/** Beyond the measured delay, ms: scheduling of the reader and the width of a bin. */
const MARGIN_MS = 2;
/** Dead zone above the target before the buffer shrinks, beyond one frame, ms. */
const SHRINK_HYSTERESIS_MS = 6;
/** Between two skipped frames, ms: in silence, and while somebody speaks. */
const SHRINK_QUIET_MS = 80;
const SHRINK_SPEECH_MS = 1000;
/** How long a pause is waited for before a single frame is left out of speech, ms. */
const SHRINK_PATIENCE_MS = 10_000;
/** After a packet came too late the delay is kept this long, unless it is quiet, ms. */
const SHRINK_HOLD_MS = 3000;
/** The delay is judged by its least value within this time, ms: readers pull several frames at once. */
const JUDGE_MS = 240;
/** Without packets for this long the stream pauses: nothing more to conceal, and a free choice of delay when it goes on, ms. */
const PAUSE_MS = 240;

/** Steps of the sequence number taken as loss and as reordering, RFC 3550 appendix A.1. */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;

const FREE = 0;
const HELD = 1;
const PLAYED = 2;
/** Not sound: nothing to wait for. */
const PASSED = 3;

/**
 * Jitter buffer of one stream. The writer puts packets as they arrive; the reader gets a frame whenever its own few samples of decoded
 * sound run short, so reader period and packet time are independent. Neither call allocates.
 *
 * Time: `arrivalMs` and `nowMs` are of one monotonic clock. Duration of a packet is the caller's to say, in clock ticks: it knows
 * the codec.
 *
 * Delay rises by itself when nothing is there at a packet's turn: the concealed time is not taken off the stream, so that a packet
 * which was merely late still plays. A packet that proves lost costs no delay. The delay falls by skipping a frame, in silence where
 * possible; it is chosen freely between talkspurts. A stream whose jitter stays within the least delay is played without any change.
 */
export class JitterBuffer {
  // What get() shows of a packet; valid until the next put or get.
  /** Holds the payload at `offset`, `length` bytes. */
  readonly data: Uint8Array;
  offset = 0;
  length = 0;
  /** Clock ticks to play: of the packet, or to conceal, or of silence. Not always a whole packet's. */
  samples: number;
  payloadType = 0;
  marker = false;
  /** RTP timestamp of the packet. */
  timestamp = 0;

  // Counters since construction.
  /** Packets stored. */
  received = 0;
  /** Packets handed out. */
  played = 0;
  /** Packets that came after their turn. */
  late = 0;
  duplicates = 0;
  /** Sequence numbers passed over because they were not there. */
  missed = 0;
  /** Calls of get that were answered "conceal". */
  concealed = 0;
  /** Frames left out to lower the delay. */
  skipped = 0;
  /** Frames put in to raise the delay: the part of `concealed` that stood for no lost packet. */
  inserted = 0;
  /** Begun anew: another SSRC, a jump of sequence number or timestamp. */
  restarts = 0;

  private readonly ticksPerMs: number;
  private readonly minDelayMs: number;
  private readonly maxDelayMs: number;
  private readonly slots: number;
  private readonly mask: number;
  private readonly maxPayload: number;
  private readonly delays = new DelayEstimator();

  // Slots, by extended sequence number modulo their count.
  private readonly state: Uint8Array;
  private readonly slotSequence: Float64Array;
  private readonly slotTime: Float64Array;
  private readonly slotLength: Int32Array;
  private readonly slotSamples: Int32Array;
  private readonly slotType: Uint8Array;

  private active = false;
  private ssrc = 0;
  /** Newest extended sequence number and its extended timestamp. */
  private newest = 0;
  private newestTime = 0;
  /** Next extended sequence number to play. */
  private next = 0;
  /** Nothing was played yet: older packets may still become the first. */
  private fresh = true;
  /** A sequence number far off that would be believed if it came next; -1 none. */
  private suspect = -1;
  private held = 0;
  /** Extended timestamp of the next sample to play. */
  private cursor = 0;
  private paused = true;
  /** Ticks concealed with nothing in the buffer, not yet set against a loss. */
  private overrun = 0;
  private frame: number;
  private lastLateMs = Number.NEGATIVE_INFINITY;
  private lastSkipMs = Number.NEGATIVE_INFINITY;
  private target: number;
  private need = 0;
  // Least delay of the running and of the last judging period.
  private judgeStart = 0;
  private judgeMin = Number.POSITIVE_INFINITY;
  private judgeLast = Number.POSITIVE_INFINITY;
  private delay = 0;

  constructor(options: JitterBufferOptions) {
    const { clockRate, minDelayMs = 20, maxDelayMs = 200, slots = 64, maxPayload = 1460 } = options;
    if (!(clockRate >= 1000)) throw new RangeError(`clockRate must be at least 1000 Hz, got ${clockRate}`);
    if (!(minDelayMs >= 0 && maxDelayMs >= minDelayMs))
      throw new RangeError(`delays must be 0 <= min <= max, got ${minDelayMs} and ${maxDelayMs}`);
    if (!Number.isInteger(slots) || slots < 4 || slots > 4096 || slots & (slots - 1))
      throw new RangeError(`slots must be a power of two from 4 to 4096, got ${slots}`);
    if (!Number.isInteger(maxPayload) || maxPayload < 1 || maxPayload > 65_535)
      throw new RangeError(`maxPayload must be 1 to 65535 bytes, got ${maxPayload}`);
    this.ticksPerMs = clockRate / 1000;
    this.minDelayMs = minDelayMs;
    this.maxDelayMs = maxDelayMs;
    this.target = minDelayMs;
    this.slots = slots;
    this.mask = slots - 1;
    this.maxPayload = maxPayload;
    this.frame = Math.round(clockRate / 50);
    this.samples = this.frame;
    this.data = new Uint8Array(slots * maxPayload);
    this.state = new Uint8Array(slots);
    this.slotSequence = new Float64Array(slots);
    this.slotTime = new Float64Array(slots);
    this.slotLength = new Int32Array(slots);
    this.slotSamples = new Int32Array(slots);
    this.slotType = new Uint8Array(slots);
  }

  /** Delay the last frame had between the fastest packets' arrival and its turn, ms. */
  get delayMs(): number {
    return this.delay;
  }
  /** Delay aimed at, ms. */
  get targetMs(): number {
    return this.target;
  }
  /** Packets held now. */
  get packets(): number {
    return this.held;
  }

  /** Forgets the stream; counters stay. */
  reset(): void {
    this.state.fill(FREE);
    this.held = 0;
    this.active = false;
    this.paused = true;
    this.fresh = true;
    this.suspect = -1;
    this.overrun = 0;
    this.target = this.minDelayMs;
    this.need = 0;
    this.judgeMin = this.judgeLast = Number.POSITIVE_INFINITY;
    this.lastLateMs = this.lastSkipMs = Number.NEGATIVE_INFINITY;
    this.delays.reset();
  }

  /**
   * Takes a packet; its payload is copied.
   *
   * @param arrivalMs when it arrived
   * @param samples its duration, clock ticks
   */
  put(packet: RtpPacket, arrivalMs: number, samples: number): Put {
    if (packet.payloadLength > this.maxPayload || !(samples > 0 && samples <= this.ticksPerMs * 1000))
      return Put.refused;
    if (this.active && packet.ssrc !== this.ssrc) this.restart();
    if (!this.active) this.begin(packet);
    let sequence = this.newest + sequenceDistance(packet.sequence, this.newest & 0xffff);
    const ahead = sequence - this.next;
    if (ahead >= this.slots || ahead < -MAX_MISORDER) {
      // A gap the buffer cannot span is a new start; a wild number only when the next one follows it (RFC 3550 appendix A.1).
      if ((ahead < 0 || ahead >= MAX_DROPOUT) && packet.sequence !== this.suspect) {
        this.suspect = (packet.sequence + 1) & 0xffff;
        this.late++;
        return Put.late;
      }
      this.restart();
      this.begin(packet);
      sequence = this.newest;
    }
    let time = this.newestTime + timestampDistance(packet.timestamp, this.newestTime % 0x1_0000_0000);
    if (!this.fresh && sequence >= this.next && sequence >= this.newest && time + samples <= this.cursor) {
      // In order, yet before what was played: the sender's clock jumped back.
      this.restart();
      this.begin(packet);
      sequence = this.newest;
      time = this.newestTime;
    }
    this.suspect = -1;
    const slot = sequence & this.mask;
    if (this.state[slot] !== FREE && this.slotSequence[slot] === sequence) {
      this.duplicates++;
      return Put.duplicate;
    }
    this.delays.add(arrivalMs - time / this.ticksPerMs, arrivalMs);
    this.need = this.delays.quantile(WAIT_FOR) + MARGIN_MS;
    this.target = Math.min(this.maxDelayMs, Math.max(this.minDelayMs, this.need));
    if (sequence < this.next) {
      if (!this.fresh || this.newest - sequence >= this.slots) {
        this.late++;
        this.lastLateMs = arrivalMs;
        return Put.late;
      }
      this.next = sequence;
    }
    if (sequence > this.newest) {
      this.newest = sequence;
      this.newestTime = time;
    }
    this.state[slot] = HELD;
    this.slotSequence[slot] = sequence;
    this.slotTime[slot] = time;
    this.slotLength[slot] = packet.payloadLength;
    this.slotSamples[slot] = samples;
    this.slotType[slot] = packet.payloadType | (packet.marker ? 0x80 : 0);
    const to = slot * this.maxPayload;
    for (let i = 0, from = packet.payloadOffset; i < packet.payloadLength; i++)
      this.data[to + i] = packet.data[from + i];
    this.held++;
    this.received++;
    this.frame = samples;
    return Put.stored;
  }

  /**
   * Takes note of a packet of the stream that holds no sound for this buffer (telephone-event, comfort noise), so that its sequence
   * number is not taken for a loss. While such packets stand where sound would, get answers "empty".
   */
  pass(packet: RtpPacket): void {
    if (!this.active || packet.ssrc !== this.ssrc) return;
    const sequence = this.newest + sequenceDistance(packet.sequence, this.newest & 0xffff);
    const ahead = sequence - this.next;
    const slot = sequence & this.mask;
    if (ahead < 0 || ahead >= this.slots || (this.state[slot] !== FREE && this.slotSequence[slot] === sequence)) return;
    this.state[slot] = PASSED;
    this.slotSequence[slot] = sequence;
    if (sequence > this.newest) this.newest = sequence;
    // The window slides over a run of such packets, however long, keeping one that says why there is no sound.
    if (this.held === 0 && !this.fresh) while (this.passed(this.next) && this.passed(this.next + 1)) this.next++;
  }

  private passed(sequence: number): boolean {
    const slot = sequence & this.mask;
    return this.state[slot] === PASSED && this.slotSequence[slot] === sequence;
  }

  /**
   * Says what to play next; the fields `samples` and, for a packet, `data`, `offset`, `length`, `payloadType`, `marker` and `timestamp` go with it.
   *
   * @param quiet true when the last frame played was silence: the moment to change the delay unheard
   */
  get(nowMs: number, quiet: boolean): Pull {
    for (;;) {
      if (this.held === 0) return this.underrun(nowMs);
      let sequence = this.next;
      let missing = 0;
      while (this.state[sequence & this.mask] !== HELD || this.slotSequence[sequence & this.mask] !== sequence)
        if (!this.passed(sequence++)) missing++;
      const slot = sequence & this.mask;
      const time = this.slotTime[slot];
      if (this.paused) this.resume(nowMs, time);
      else this.judge(nowMs);
      let gap = time - this.cursor;
      if (gap > 0 && this.overrun > 0) {
        // What was concealed for want of a packet stood for this gap.
        const covered = Math.min(gap, this.overrun);
        this.cursor += covered;
        this.delay -= covered / this.ticksPerMs;
        gap -= covered;
        this.overrun -= covered;
      }
      if (this.overrun > 0) {
        this.inserted += Math.max(1, Math.round(this.overrun / this.frame));
        this.stretch(this.overrun);
        this.lastLateMs = nowMs;
        this.overrun = 0;
      }
      if (gap > 0) {
        const lost = missing > 0;
        gap = this.closeGap(nowMs, gap, lost);
        if (gap > 0) {
          this.samples = Math.min(gap, this.frame);
          if (!lost && this.least() < this.need && this.need <= this.maxDelayMs) this.stretch(this.samples);
          else this.cursor += this.samples;
          if (lost) this.concealed++;
          return lost ? Pull.conceal : Pull.empty;
        }
      }
      if (time + this.slotSamples[slot] <= this.cursor || this.mustSkip(nowMs, quiet, sequence)) {
        this.drop(slot, sequence, missing);
        continue;
      }
      if (quiet && this.least() < Math.min(this.need, this.maxDelayMs)) {
        this.samples = this.frame;
        this.stretch(this.frame);
        this.inserted++;
        this.concealed++;
        return Pull.conceal;
      }
      this.missed += missing;
      this.state[slot] = PLAYED;
      this.held--;
      this.played++;
      this.fresh = false;
      this.next = sequence + 1;
      this.samples = this.slotSamples[slot];
      this.cursor = time + this.samples;
      this.offset = slot * this.maxPayload;
      this.length = this.slotLength[slot];
      this.payloadType = this.slotType[slot] & 0x7f;
      this.marker = this.slotType[slot] > 0x7f;
      this.timestamp = time % 0x1_0000_0000;
      return Pull.packet;
    }
  }

  /** Nothing to play: the time is kept, for the packet may be under way. */
  private underrun(nowMs: number): Pull {
    this.samples = this.frame;
    if (this.paused) return Pull.empty;
    this.judge(nowMs);
    this.overrun += this.frame;
    if (this.overrun > PAUSE_MS * this.ticksPerMs) {
      this.paused = true;
      this.overrun = 0;
      return Pull.empty;
    }
    if (this.passed(this.next)) return Pull.empty;
    this.concealed++;
    return Pull.conceal;
  }

  /** Begins to play, or goes on after a pause: the first packet's turn comes when its delay is the target. */
  private resume(nowMs: number, time: number): void {
    const wanted = Math.round((nowMs - this.delays.reference - this.target) * this.ticksPerMs);
    this.cursor = Math.min(wanted, time);
    this.paused = false;
    this.overrun = 0;
    // The patience counts from the beginning of the stream; what is far too long may go at once.
    if (this.lastSkipMs === Number.NEGATIVE_INFINITY) this.lastSkipMs = nowMs - SHRINK_SPEECH_MS;
    this.judgeMin = this.judgeLast = Number.POSITIVE_INFINITY;
    this.judge(nowMs);
  }

  /** Measures the delay at the cursor. */
  private judge(nowMs: number): void {
    this.delay = nowMs - this.cursor / this.ticksPerMs - this.delays.reference;
    if (nowMs - this.judgeStart >= JUDGE_MS) {
      this.judgeStart = nowMs;
      this.judgeLast = this.judgeMin;
      this.judgeMin = this.delay;
    } else if (this.delay < this.judgeMin) this.judgeMin = this.delay;
  }

  private least(): number {
    return Math.min(this.judgeMin, this.judgeLast);
  }

  /** Lets `ticks` be played beside the stream: the delay rises. */
  private stretch(ticks: number): void {
    const ms = ticks / this.ticksPerMs;
    this.judgeMin += ms;
    this.judgeLast += ms;
  }

  /** Moves the cursor over `ticks` that are not played at all. */
  private leap(ticks: number): void {
    this.cursor += ticks;
    const ms = ticks / this.ticksPerMs;
    this.delay -= ms;
    this.judgeMin -= ms;
    this.judgeLast -= ms;
  }

  /** Before a gap (silence the sender did not send, or a loss) the delay can fall for nothing. Returns what is left of the gap. */
  private closeGap(nowMs: number, gap: number, lost: boolean): number {
    const over = this.delay > this.maxDelayMs;
    const excess = ((over ? this.delay : this.least()) - this.target) * this.ticksPerMs;
    if (!over) {
      const worth = lost ? this.frame : SHRINK_HYSTERESIS_MS * this.ticksPerMs;
      if (excess <= worth || (lost && nowMs - this.lastLateMs < SHRINK_HOLD_MS)) return gap;
    }
    const ticks = Math.min(gap, Math.floor(excess));
    this.leap(ticks);
    if (over) {
      // The measured least belongs to the time before the jump.
      this.judgeMin = this.delay;
      this.judgeLast = Number.POSITIVE_INFINITY;
    }
    return gap - ticks;
  }

  private mustSkip(nowMs: number, quiet: boolean, sequence: number): boolean {
    const frameMs = this.frame / this.ticksPerMs;
    const least = this.least();
    if (least > this.maxDelayMs + frameMs) return true;
    if (least - this.target < frameMs + SHRINK_HYSTERESIS_MS || this.held < 2) return false;
    const follower = (sequence + 1) & this.mask;
    if (this.state[follower] !== HELD || this.slotSequence[follower] !== sequence + 1) return false;
    const since = nowMs - this.lastSkipMs;
    if (quiet) {
      if (since < SHRINK_QUIET_MS) return false;
    } else {
      // In speech a frame left out is heard: for a delay that is one frame too long the next pause is awaited for a while.
      const patience = least - this.target < 2 * frameMs + SHRINK_HYSTERESIS_MS ? SHRINK_PATIENCE_MS : SHRINK_SPEECH_MS;
      if (since < patience || nowMs - this.lastLateMs < SHRINK_HOLD_MS) return false;
    }
    this.lastSkipMs = nowMs;
    return true;
  }

  /** Takes a packet out unplayed and moves past it. */
  private drop(slot: number, sequence: number, missing: number): void {
    this.missed += missing;
    this.skipped++;
    this.state[slot] = PLAYED;
    this.held--;
    this.fresh = false;
    this.next = sequence + 1;
    const end = this.slotTime[slot] + this.slotSamples[slot];
    if (end > this.cursor) this.leap(end - this.cursor);
  }

  private begin(packet: RtpPacket): void {
    this.active = true;
    this.ssrc = packet.ssrc;
    // One round of the sequence numbers and timestamps up, so that an older first packet stays positive.
    this.newest = packet.sequence + 0x1_0000;
    this.newestTime = packet.timestamp + 0x1_0000_0000;
    this.next = this.newest;
  }

  private restart(): void {
    this.reset();
    this.restarts++;
  }
}
