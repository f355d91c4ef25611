export class DigitSender {
  payloadType: number | undefined;
  busy = false;
  packets = 0;
  constructor(readonly rate: number) {}
  enqueue(_digit: string, _durationMs: number): void {}
  abandon(): void {}
  frame(_timestamp: number, _samples: number): void {}
  writeInto(_out: Uint8Array, _sequence: number, _ssrc: number): number {
    return 0;
  }
}
