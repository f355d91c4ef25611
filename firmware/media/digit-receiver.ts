// Digits of the peer: telephone-events (RFC 4733 section 2.5.2), each told once, whatever was lost or repeated.

import { digitOfEvent, type RtpPacket, TelephoneEventReceiver } from "../rtp/index.js";

/** Follows the telephone-events of one stream. */
export class DigitReceiver {
  /** As agreed on. */
  payloadType: number | undefined;
  private readonly events: TelephoneEventReceiver;

  /** @param clockRate of the stream, Hz. @param ended a digit is over, or its end got lost. */
  constructor(clockRate: number, ended: (digit: string, durationMs: number) => void) {
    this.events = new TelephoneEventReceiver(
      {
        ended: (event, ticks) => {
          const digit = digitOfEvent(event);
          if (digit !== undefined) ended(digit, (ticks * 1000) / clockRate);
        },
      },
      clockRate,
    );
  }

  take(packet: RtpPacket, nowMs: number): void {
    this.events.receive(packet.timestamp, packet.data, packet.payloadOffset, packet.payloadLength, nowMs);
  }

  /** Ends a digit whose reports have stopped. Once a period. */
  poll(nowMs: number): void {
    this.events.poll(nowMs);
  }

  /** Another source speaks, or nobody is listened to: what lasts is over. */
  reset(): void {
    this.events.reset();
  }
}
