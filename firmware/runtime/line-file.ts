// A file of lines that outlives the process: appended to as things happen, rewritten (atomically) now and then.

import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";

/** What a {@link LineFile} is made of. */
export interface LineFileParts {
  readonly file: string;
  /** First line, by which the file is known to be ours. */
  readonly head: string;
  /** In words, for the error about a file that is none of ours: "a replay cache". */
  readonly what: string;
  /** Lines after which the file is rewritten. */
  readonly limit: number;
  /** The lines that count now. */
  lines(): Iterable<string>;
  /** Told when the file cannot be written. */
  readonly failed?: ((error: Error) => void) | undefined;
}

/** Readable and writable by its owner alone. */
const MODE = 0o600;

/** Appends lines and keeps the file from growing. A line that was cut off by a power failure is passed over. */
export class LineFile {
  private count = 0;

  constructor(private readonly parts: LineFileParts) {}

  /** The lines behind the head; none when there is no file. Throws Error when the file is none of ours. */
  read(): string[] {
    const { file, head, what } = this.parts;
    if (!existsSync(file)) return [];
    const [first, ...rest] = readFileSync(file, "utf8").split("\n");
    if (first !== head) throw new Error(`${file} is not ${what}`);
    // What no line end follows was cut off.
    return rest.slice(0, -1);
  }

  /** Adds a line; it is in the file when this returns. */
  append(line: string): void {
    this.attempt(() => appendFileSync(this.parts.file, `${line}\n`, { mode: MODE }));
    this.count++;
    if (this.count > this.parts.limit) this.rewrite();
  }

  /** Writes the lines that count now, and no others. A file that has just these is left as it is: writing to flash memory takes time. */
  rewrite(): void {
    const { file, head } = this.parts;
    const lines = [...this.parts.lines()];
    const text = [head, ...lines, ""].join("\n");
    this.attempt(() => {
      if (existsSync(file) && readFileSync(file, "utf8") === text) return;
      mkdirSync(dirname(file), { recursive: true });
      writeFileAtomic.sync(file, text, { mode: MODE });
    });
    this.count = lines.length;
  }

  private attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.parts.failed?.(error instanceof Error ? error : new Error(`${this.parts.file} cannot be written`));
    }
  }
}
