import type { RtpPacket } from "../rtp/index.js";
export class DigitReceiver {
  payloadType: number | undefined;
  constructor(
    readonly rate: number,
    readonly ended: (digit: string, durationMs: number) => void,
  ) {}
  take(_packet: RtpPacket, _nowMs: number): void {}
  poll(_nowMs: number): void {}
}
