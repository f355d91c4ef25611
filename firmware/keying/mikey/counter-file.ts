// Counters of MIKEY timestamps that outlive the process.

import { type CounterEntry, type CounterStore, MemoryCounters } from "../../mikey/index.js";
import { LineFile } from "../../runtime/line-file.js";

/** `sent sip:us@here sip:them@there 12` */
const line = /^(sent|seen) (\S+ \S+) (\d{1,10})$/;

export interface FileCountersOptions {
  /** Peers remembered; default 1024. */
  readonly capacity?: number;
  /** Told when the file cannot be written; the counters go on in memory. */
  readonly failed?: (error: Error) => void;
}

/** {@link MemoryCounters} with a file behind it: a number is in the file before it is used or believed. */
export class FileCounters implements CounterStore {
  private readonly memory: MemoryCounters;
  private readonly store: LineFile;

  /** Throws Error when the file is there but is none of ours. */
  constructor(file: string, { capacity = 1024, failed }: FileCountersOptions = {}) {
    const memory = () => this.memory;
    this.store = new LineFile({
      file,
      head: "sotto-counters 1",
      what: "a file of counters",
      limit: 4 * capacity,
      *lines() {
        for (const entry of memory().entries()) yield lineOf(entry);
      },
      failed,
    });
    const entries = this.store.read().flatMap((text): CounterEntry[] => {
      const found = line.exec(text);
      return found ? [{ direction: found[1] as "sent" | "seen", pair: found[2], value: Number(found[3]) }] : [];
    });
    this.memory = new MemoryCounters(entries, capacity);
    this.store.rewrite();
  }

  next(pair: string): number {
    const value = this.memory.next(pair);
    this.store.append(lineOf({ direction: "sent", pair, value }));
    return value;
  }

  last(pair: string): number {
    return this.memory.last(pair);
  }

  saw(pair: string, value: number): boolean {
    const before = this.memory.last(pair);
    if (!this.memory.saw(pair, value)) return false;
    if (value > before) this.store.append(lineOf({ direction: "seen", pair, value }));
    return true;
  }
}

function lineOf({ direction, pair, value }: CounterEntry): string {
  return `${direction} ${pair} ${value}`;
}
