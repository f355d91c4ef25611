// Digits we send: telephone-events that take the place of voice packets (RFC 4733 section 2.5.1).

import { eventOfDigit, TelephoneEventSender, writeRtpHeaderInto } from "../rtp/index.js";

/** The digits of one stream. Nothing is allocated per packet. */
export class DigitSender {
  /** As agreed on; undefined: the peer takes no telephone-events, digits are not sent. */
  payloadType: number | undefined;
  private readonly events = new TelephoneEventSender();

  /** @param clockRate of the stream, Hz. */
  constructor(private readonly clockRate: number) {}

  /** Queues a digit; one too many (33) is dropped. */
  enqueue(digit: string, durationMs: number): void {
    const event = eventOfDigit(digit);
    if (event === undefined || this.payloadType === undefined) return;
    this.events.send(event, Math.round((durationMs * this.clockRate) / 1000));
  }

  /** Nothing can be sent now: what waits is forgotten. */
  abandon(): void {
    if (this.events.active) this.events.stop();
  }

  /** A packet time of `samples` that began at `timestamp` is over. @returns how many event packets stand for it; 0: send the voice. */
  packetsFor(timestamp: number, samples: number): number {
    return this.payloadType === undefined ? 0 : this.events.next(timestamp, samples);
  }

  /** Writes packet `index` of those announced. @returns its length, bytes. */
  writeInto(out: Uint8Array, index: number, sequence: number, ssrc: number): number {
    const { events } = this;
    events.select(index);
    const header = writeRtpHeaderInto(out, events.marker, this.payloadType!, sequence, events.timestamp, ssrc);
    for (let i = 0; i < events.payload.length; i++) out[header + i] = events.payload[i];
    return header + events.payload.length;
  }
}
