// Sends telephone-events (RFC 4733 section 2.5.1): reports instead of sound, three end packets, segments of long events.

import { EVENT_BYTES, MAX_EVENT_DURATION, writeEventInto } from "./telephone-event.js";

/** Reports of an event's or a segment's end are sent this often altogether (RFC 4733 section 2.5.1.4). */
const END_PACKETS = 3;
const QUEUE = 32;

/**
 * Plays a short queue of events. Once per packet time the voice path asks {@link next} how many event packets take the place of
 * sound; {@link select} then shows each. Sequence numbers and SSRC are the sound's; nothing is allocated per packet.
 */
export class TelephoneEventSender {
  // What select() shows.
  /** Of the RTP header: set on the first packet of an event. */
  marker = false;
  /** Of the RTP header: start of the event or segment. */
  timestamp = 0;
  /** The payload, 4 bytes. */
  readonly payload = new Uint8Array(EVENT_BYTES);

  private readonly events = new Uint8Array(QUEUE);
  private readonly durations = new Float64Array(QUEUE);
  private head = 0;
  private queued = 0;

  private running = false;
  private event = 0;
  private total = 0;
  private segmentStart = 0;
  /** Ticks of the event that earlier segments reported. */
  private reported = 0;
  private elapsed = 0;
  private first = false;
  private endsSent = 0;
  private gapLeft = 0;
  // The end of the segment before this one, still to be repeated.
  private oldStart = 0;
  private oldLeft = 0;
  private oldNow = false;

  /**
   * @param volume power of the tone without its sign, dBm0 (0-63)
   * @param gapTicks pause between two events, clock ticks, beside the repetition of the end
   */
  constructor(
    private readonly volume = 10,
    private readonly gapTicks = 400,
  ) {
    if (!(volume >= 0 && volume <= 63)) throw new RangeError(`volume must be 0 to 63, got ${volume}`);
    if (!(gapTicks >= 0)) throw new RangeError(`gapTicks must not be negative, got ${gapTicks}`);
  }

  /** True while an event is reported, repeated or waiting. */
  get active(): boolean {
    return this.running || this.queued > 0;
  }

  /**
   * Queues an event.
   *
   * @param event 0-255
   * @param durationTicks its length, clock ticks
   * @returns false when 32 events wait already
   */
  send(event: number, durationTicks: number): boolean {
    if (!Number.isInteger(event) || event < 0 || event > 255)
      throw new RangeError(`event must be 0 to 255, got ${event}`);
    if (!(durationTicks >= 1 && durationTicks <= 2 ** 31))
      throw new RangeError(`durationTicks must be 1 to 2^31, got ${durationTicks}`);
    if (this.queued === QUEUE) return false;
    const at = (this.head + this.queued++) % QUEUE;
    this.events[at] = event;
    this.durations[at] = Math.round(durationTicks);
    return true;
  }

  /** Ends the running event with its next report, and forgets those that wait. */
  stop(): void {
    this.queued = 0;
    if (this.running && this.elapsed < this.total) this.total = Math.max(1, this.elapsed);
  }

  /**
   * One packet time has passed: how many event packets to send for it. 0: send sound. More than one only while the end of a segment is
   * repeated beside the next segment.
   *
   * @param timestamp RTP timestamp of the sound this packet time would have carried
   * @param step its length, clock ticks
   */
  next(timestamp: number, step: number): number {
    if (!this.running) {
      if (this.gapLeft > 0) {
        this.gapLeft -= step;
        return 0;
      }
      if (this.queued === 0) return 0;
      this.event = this.events[this.head];
      this.total = this.durations[this.head];
      this.head = (this.head + 1) % QUEUE;
      this.queued--;
      this.running = true;
      this.first = true;
      this.segmentStart = timestamp >>> 0;
      this.reported = 0;
      this.elapsed = 0;
      this.endsSent = 0;
      this.oldLeft = 0;
    } else this.first = false;
    this.elapsed = Math.min(this.total, this.elapsed + step);
    this.oldNow = false;
    if (this.elapsed - this.reported > MAX_EVENT_DURATION) {
      this.oldStart = this.segmentStart;
      this.oldLeft = END_PACKETS;
      this.reported += MAX_EVENT_DURATION;
      this.segmentStart = (this.segmentStart + MAX_EVENT_DURATION) >>> 0;
    }
    if (this.oldLeft > 0) {
      this.oldNow = true;
      this.oldLeft--;
    }
    if (this.elapsed === this.total && ++this.endsSent === END_PACKETS) {
      this.running = false;
      this.gapLeft = this.gapTicks;
    }
    return this.oldNow ? 2 : 1;
  }

  /** Shows packet `index` of those {@link next} announced. */
  select(index: number): void {
    if (this.oldNow && index === 0) {
      this.marker = false;
      this.timestamp = this.oldStart;
      writeEventInto(this.payload, 0, this.event, false, this.volume, MAX_EVENT_DURATION);
      return;
    }
    this.marker = this.first;
    this.timestamp = this.segmentStart;
    writeEventInto(this.payload, 0, this.event, this.elapsed === this.total, this.volume, this.elapsed - this.reported);
  }
}
