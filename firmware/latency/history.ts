// The delays of the phone's last calls, kept over restarts.

import { LineFile } from "../runtime/line-file.js";
import { type LatencySample, parseSample } from "./sample.js";

export interface LatencyHistoryOptions {
  /** Where it is kept; absent: in memory only. */
  readonly file?: string;
  /** Calls remembered; default 1000. */
  readonly capacity?: number;
  /** Told when the file cannot be written; the history goes on in memory. */
  readonly failed?: (error: Error) => void;
}

/** A bounded list of {@link LatencySample}s, the oldest going first. */
export class LatencyHistory {
  private readonly capacity: number;
  private readonly samples: LatencySample[] = [];
  private readonly file: LineFile | undefined;

  /** @throws Error when the file is there but is none of ours; RangeError for a capacity below 1. */
  constructor(options: LatencyHistoryOptions = {}) {
    this.capacity = options.capacity ?? 1000;
    if (!Number.isInteger(this.capacity) || this.capacity < 1)
      throw new RangeError(`a history holds at least one call, not ${this.capacity}`);
    if (options.file === undefined) return;
    const { samples } = this;
    this.file = new LineFile({
      file: options.file,
      ...{ head: "sotto-latency 1", what: "a history of call delays", limit: 2 * this.capacity },
      *lines() {
        for (const sample of samples) yield JSON.stringify(sample);
      },
      failed: options.failed,
    });
    for (const line of this.file.read()) {
      const sample = parseSample(line);
      if (sample) this.push(sample);
    }
    this.file.rewrite();
  }

  /** Calls remembered, oldest first. */
  get all(): readonly LatencySample[] {
    return this.samples;
  }

  add(sample: LatencySample): void {
    this.push(sample);
    this.file?.append(JSON.stringify(sample));
  }

  private push(sample: LatencySample): void {
    this.samples.push(sample);
    if (this.samples.length > this.capacity) this.samples.shift();
  }
}
