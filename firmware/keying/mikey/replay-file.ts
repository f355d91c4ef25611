// A replay cache that outlives the process: a file of lines, appended to as messages come and rewritten now and then.

import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { MemoryReplayCache, type ReplayCache } from "../../mikey/index.js";

const HEAD = "sotto-replay 1";
const line = /^([A-Za-z0-9+/=]{44}) (\d{1,16}(?:\.\d+)?)$/;

export interface FileReplayOptions {
  /** Messages remembered; default 4096. */
  readonly capacity?: number;
  /** Now, wall-clock ms since 1970: what is older is left out when the file is read. */
  readonly nowMs: number;
  /** Told when the file cannot be written; the cache goes on in memory. */
  readonly failed?: (error: Error) => void;
}

/**
 * {@link MemoryReplayCache} with a file behind it. A message is in the file before its offer is answered; a line that was cut off
 * by a power failure is passed over. The file is rewritten (atomically) when it has grown to twice what is remembered.
 */
export class FileReplayCache implements ReplayCache {
  private readonly memory: MemoryReplayCache;
  private readonly capacity: number;
  private lines = 0;

  /** Throws Error when the file is there but is none of ours. */
  constructor(
    private readonly file: string,
    private readonly options: FileReplayOptions,
  ) {
    this.capacity = options.capacity ?? 4096;
    this.memory = new MemoryReplayCache(this.capacity, this.read());
    this.compact();
  }

  has(key: string, untilMs: number): boolean {
    return this.memory.has(key, untilMs);
  }

  add(key: string, untilMs: number, nowMs: number): "added" | "known" | "full" {
    const outcome = this.memory.add(key, untilMs, nowMs);
    if (outcome !== "added") return outcome;
    try {
      appendFileSync(this.file, `${key} ${untilMs}\n`, { mode: 0o600 });
      this.lines++;
    } catch (error) {
      this.options.failed?.(error instanceof Error ? error : new Error("the replay cache cannot be written"));
    }
    if (this.lines > 2 * this.capacity) this.compact();
    return outcome;
  }

  private *read(): Generator<[string, number]> {
    if (!existsSync(this.file)) return;
    const [head, ...rest] = readFileSync(this.file, "utf8").split("\n");
    if (head !== HEAD) throw new Error(`${this.file} is not a replay cache`);
    for (const text of rest) {
      const found = line.exec(text);
      if (found && Number(found[2]) >= this.options.nowMs) yield [found[1], Number(found[2])];
    }
  }

  private compact(): void {
    const entries = [...this.memory.entries()];
    try {
      mkdirSync(dirname(this.file), { recursive: true });
      const text = [HEAD, ...entries.map(([key, untilMs]) => `${key} ${untilMs}`), ""].join("\n");
      writeFileAtomic.sync(this.file, text, { mode: 0o600 });
      this.lines = entries.length;
    } catch (error) {
      this.options.failed?.(error instanceof Error ? error : new Error("the replay cache cannot be written"));
    }
  }
}
