import type { RtpPacket } from "../rtp/index.js";
import type { StreamSurroundings } from "./stream.js";
import type { StreamOptions } from "./voice.js";
export class Control {
  packetsLost = 0;
  jitterMs = 0;
  roundTripMs: number | undefined;
  constructor(
    readonly options: StreamOptions,
    readonly around: StreamSurroundings,
    readonly send: (buffer: Uint8Array, length: number) => void,
  ) {}
  start(): void {}
  stop(): void {}
  bye(_reason: string): void {}
  sent(_ssrc: number, _timestamp: number, _bytes: number): void {}
  received(_packet: RtpPacket, _nowMs: number): void {}
  changeSsrc(_ssrc: number): void {}
  isValid(_datagram: Uint8Array, _length: number): boolean {
    return true;
  }
  receive(_datagram: Uint8Array, _length: number, _nowMs: number): void {}
}
