// Receives telephone-events (RFC 4733 section 2.5.2): one beginning and one end per event, whatever is lost or repeated.

import { timestampDistance } from "./packet.js";
import { EVENT_BYTES, MAX_EVENT_DURATION } from "./telephone-event.js";

/** What a receiver tells. Durations in clock ticks. */
export interface TelephoneEventListener {
  /** An event is seen for the first time. */
  began?(event: number, volume: number): void;
  /**
   * It is over. `complete` is false when its end was never received: the duration is then the last one reported.
   */
  ended(event: number, durationTicks: number, complete: boolean): void;
}

/** Reports missing for this many times their usual spacing end an event (RFC 4733 section 2.5.2.2). */
const MISSING_REPORTS = 3;
/** Spacing assumed before it is known, and the greatest believed, ms. */
const USUAL_SPACING_MS = 50;
const MAX_SPACING_MS = 200;
/** Reports this much older than the last event's are repetitions; still older ones a clock that was reset, seconds. */
const REMEMBER_S = 60;

/** Follows the events of one RTP stream. */
export class TelephoneEventReceiver {
  /** Payloads that were no event reports. */
  malformed = 0;

  private running = false;
  private event = 0;
  private segmentStart = 0;
  /** Ticks of earlier segments. */
  private earlier = 0;
  private duration = 0;
  private lastMs = 0;
  private spacingMs = USUAL_SPACING_MS;
  /** Segment start of the last event that is over. */
  private over = 0;
  private anyOver = false;

  constructor(
    private readonly listener: TelephoneEventListener,
    private readonly clockRate = 8000,
  ) {
    if (!(clockRate >= 1000)) throw new RangeError(`clockRate must be at least 1000 Hz, got ${clockRate}`);
  }

  /** True while an event lasts. */
  get active(): boolean {
    return this.running;
  }

  /**
   * Reads the payload of a telephone-event packet: one or more reports of four bytes, each starting where the one before ends.
   *
   * @param timestamp of the RTP header
   * @param data holds the payload at `[offset, offset + length)`
   */
  receive(timestamp: number, data: Uint8Array, offset: number, length: number, arrivalMs: number): void {
    if (length < EVENT_BYTES || length % EVENT_BYTES !== 0) {
      this.malformed++;
      return;
    }
    let start = timestamp >>> 0;
    for (let at = offset; at < offset + length; at += EVENT_BYTES) {
      const duration = (data[at + 2] << 8) | data[at + 3];
      // Duration zero is for states only; of tones it is to be ignored (section 2.3.5).
      if (duration > 0)
        this.report(start, data[at], (data[at + 1] & 0x80) !== 0, data[at + 1] & 0x3f, duration, arrivalMs);
      start = (start + duration) >>> 0;
    }
  }

  /** Ends an event whose reports have stopped. Call it once in a while, say every packet time. */
  poll(nowMs: number): void {
    if (this.running && nowMs - this.lastMs > MISSING_REPORTS * this.spacingMs) this.finish(false);
  }

  /** Ends what is running and forgets the stream (another SSRC). */
  reset(): void {
    if (this.running) this.finish(false);
    this.anyOver = false;
  }

  private report(
    start: number,
    event: number,
    end: boolean,
    volume: number,
    duration: number,
    arrivalMs: number,
  ): void {
    if (this.running && event === this.event) {
      const ahead = timestampDistance(start, this.segmentStart);
      if (ahead === MAX_EVENT_DURATION) {
        // The next segment of a long event: it starts where the longest possible report ends.
        this.earlier += MAX_EVENT_DURATION;
        this.segmentStart = start;
        this.duration = 0;
      } else if (ahead === -MAX_EVENT_DURATION && this.earlier > 0) return;
      if (start === this.segmentStart) {
        if (duration > this.duration) {
          const spacing = arrivalMs - this.lastMs;
          if (spacing > this.spacingMs) this.spacingMs = Math.min(spacing, MAX_SPACING_MS);
          this.duration = duration;
        }
        this.lastMs = arrivalMs;
        if (end) this.finish(true);
        return;
      }
    }
    // Repetitions and stragglers of what is over, or of what came before the running event.
    if (this.running && this.isOld(start, this.segmentStart)) return;
    if (this.anyOver && this.isOld(start, this.over)) return;
    if (this.running) this.finish(false);
    this.running = true;
    this.event = event;
    this.segmentStart = start;
    this.earlier = 0;
    this.duration = duration;
    this.lastMs = arrivalMs;
    this.spacingMs = USUAL_SPACING_MS;
    this.listener.began?.(event, volume);
    if (end) this.finish(true);
  }

  private isOld(start: number, than: number): boolean {
    const ahead = timestampDistance(start, than);
    return ahead <= 0 && ahead > -REMEMBER_S * this.clockRate;
  }

  private finish(complete: boolean): void {
    this.running = false;
    this.over = this.segmentStart;
    this.anyOver = true;
    this.listener.ended(this.event, this.earlier + this.duration, complete);
  }
}
