// Reads a stream as lines and as counted bytes, each with a limit of time and length.

import type { Readable } from "node:stream";
import type { Timers } from "../runtime/index.js";

/** What comes from the other side. */
export class Incoming {
  private rest: Buffer = Buffer.alloc(0);
  private readonly chunks: AsyncIterator<Uint8Array>;

  constructor(
    input: Readable,
    private readonly timers: Timers,
  ) {
    this.chunks = input[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  /** A line without its end. @throws Error when it is longer than `longest` bytes, the stream ends, or nothing more comes for `limitMs`. */
  async line(longest: number, limitMs: number): Promise<string> {
    for (;;) {
      const end = this.rest.indexOf(10);
      if (end > longest || (end < 0 && this.rest.length > longest))
        throw new Error("the other side's line is too long");
      if (end >= 0) {
        const line = this.rest.toString("utf8", 0, end);
        this.rest = this.rest.subarray(end + 1);
        return line.replace(/\r$/, "");
      }
      this.rest = Buffer.concat([this.rest, await this.next(limitMs)]);
    }
  }

  /** The next `count` bytes, as they come. @throws Error as {@link line}. */
  async *bytes(count: number, limitMs: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0; ) {
      if (this.rest.length === 0) this.rest = await this.next(limitMs);
      const piece = this.rest.subarray(0, left);
      this.rest = this.rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  private async next(limitMs: number): Promise<Buffer> {
    let late = () => {};
    const timer = this.timers.after(limitMs, () => late());
    try {
      const found = await Promise.race([
        this.chunks.next().catch((error: NodeJS.ErrnoException) => {
          throw new Error(`the connection is lost (${error.code ?? error.message})`);
        }),
        new Promise<never>((_resolve, reject) => {
          late = () => reject(new Error(`nothing came from the other side for ${limitMs / 1000} s`));
        }),
      ]);
      if (found.done) throw new Error("the other side closed the connection");
      return Buffer.from(found.value.buffer, found.value.byteOffset, found.value.length);
    } finally {
      timer.cancel();
    }
  }
}
