// A replay cache that outlives the process.

import { MemoryReplayCache, type ReplayCache } from "../../mikey/index.js";
import { LineFile } from "../../runtime/line-file.js";

const line = /^([A-Za-z0-9+/=]{44}) (\d{1,16}(?:\.\d+)?)$/;

export interface FileReplayOptions {
  /** Messages remembered; default 4096. */
  readonly capacity?: number;
  /** Now, wall-clock ms since 1970: what is older is left out when the file is read. */
  readonly nowMs: number;
  /** Told when the file cannot be written; the cache goes on in memory. */
  readonly failed?: (error: Error) => void;
}

/** {@link MemoryReplayCache} with a file behind it. A message is in the file before its offer is answered. */
export class FileReplayCache implements ReplayCache {
  private readonly memory: MemoryReplayCache;
  private readonly store: LineFile;

  /** Throws Error when the file is there but is none of ours. */
  constructor(file: string, { capacity = 4096, nowMs, failed }: FileReplayOptions) {
    const memory = () => this.memory;
    this.store = new LineFile({
      file,
      head: "sotto-replay 1",
      what: "a replay cache",
      limit: 2 * capacity,
      *lines() {
        for (const [key, untilMs] of memory().entries()) yield `${key} ${untilMs}`;
      },
      failed,
    });
    const found = this.store.read().map((text) => line.exec(text));
    const entries = found.flatMap((one): [string, number][] => (one ? [[one[1], Number(one[2])]] : []));
    this.memory = new MemoryReplayCache(
      capacity,
      entries.filter(([, untilMs]) => untilMs >= nowMs),
    );
    this.store.rewrite();
  }

  has(key: string, untilMs: number): boolean {
    return this.memory.has(key, untilMs);
  }

  add(key: string, untilMs: number, nowMs: number): "added" | "known" | "full" {
    const outcome = this.memory.add(key, untilMs, nowMs);
    if (outcome === "added") this.store.append(`${key} ${untilMs}`);
    return outcome;
  }
}
