// Digits we send: telephone-events in place of voice packets (RFC 4733 section 2.5.1), or tones where the peer takes no events.

import { eventOfDigit, TelephoneEventSender, writeRtpHeaderInto } from "../rtp/index.js";
import { InbandDigits } from "./inband-digits.js";

/** The digits of one stream. Nothing is allocated per packet. */
export class DigitSender {
  /** As agreed on; undefined: the peer takes no telephone-events and hears tones. */
  payloadType: number | undefined;
  private readonly events = new TelephoneEventSender();
  private readonly tones: InbandDigits;

  /** @param clockRate of the stream, RTP's and the samples', Hz. */
  constructor(private readonly clockRate: number) {
    this.tones = new InbandDigits(clockRate);
  }

  /** Queues a digit; one too many (33) is dropped. */
  enqueue(digit: string, durationMs: number): void {
    const event = eventOfDigit(digit);
    if (event === undefined) return;
    if (this.payloadType === undefined) this.tones.enqueue(digit, durationMs);
    else this.events.send(event, Math.round((durationMs * this.clockRate) / 1000));
  }

  /** Nothing can be sent now: what waits is forgotten. */
  abandon(): void {
    if (this.events.active) this.events.stop();
    this.tones.abandon();
  }

  /** Tones in place of the voice in `frame[0, samples)`, when one is due. */
  replace(frame: Int16Array, samples: number): void {
    this.tones.replace(frame, samples);
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
