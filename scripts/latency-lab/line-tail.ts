// Reads a file of JSON lines as it grows, each line once.

import { closeSync, openSync, readSync } from "node:fs";

/** What was added to a file since the last look. */
export class LineTail<T> {
  private offset = 0;
  private rest = "";

  constructor(private readonly file: string) {}

  /** Whole new lines; none when the file is not there yet. */
  read(): T[] {
    let descriptor: number;
    try {
      descriptor = openSync(this.file, "r");
    } catch {
      return [];
    }
    try {
      const block = Buffer.alloc(65_536);
      for (;;) {
        const count = readSync(descriptor, block, 0, block.length, this.offset);
        if (count === 0) break;
        this.offset += count;
        this.rest += block.toString("utf8", 0, count);
      }
    } finally {
      closeSync(descriptor);
    }
    const lines = this.rest.split("\n");
    this.rest = lines.pop() ?? "";
    return lines.filter(Boolean).map((line) => JSON.parse(line) as T);
  }
}
