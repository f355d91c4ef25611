// How long the event loop keeps others waiting: what a long task of ours costs whoever calls or answers just then.

import { createHistogram } from "node:perf_hooks";

/** Delays of the event loop while it was watched, ms. */
export interface LoopDelayStatus {
  /** Looks so far; 0: it was not watched yet, and the delays are 0. */
  readonly samples: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

/** Time between two looks, ms: what is shorter than that is seen only by chance, and by how much. */
const RESOLUTION_MS = 10;

/**
 * Watches the event loop of the thread it is made in. Each look wakes the processor, so it is done while there are calls only. Node's own monitor is not
 * used: switched off and on again, it takes the time between for a delay.
 */
export class LoopDelay {
  /** Nanoseconds from one look to the next. */
  private readonly histogram = createHistogram();
  private looking: NodeJS.Timeout | undefined;
  private lastMs = 0;

  /** Begins or ends watching; what was seen before stays. */
  watch(on: boolean): void {
    if (!on) {
      clearInterval(this.looking);
      this.looking = undefined;
    } else if (!this.looking) {
      this.lastMs = performance.now();
      this.looking = setInterval(() => this.look(), RESOLUTION_MS).unref();
    }
  }

  private look(): void {
    const nowMs = performance.now();
    this.histogram.record(Math.max(1, Math.round((nowMs - this.lastMs) * 1e6)));
    this.lastMs = nowMs;
  }

  get status(): LoopDelayStatus {
    const { histogram } = this;
    if (histogram.count === 0) return { samples: 0, medianMs: 0, p99Ms: 0, longestMs: 0 };
    // The pause between two looks is no delay.
    const beyond = (ns: number) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    return {
      samples: histogram.count,
      medianMs: beyond(histogram.percentile(50)),
      p99Ms: beyond(histogram.percentile(99)),
      longestMs: beyond(histogram.max),
    };
  }
}

/** The same as Prometheus text, seconds. */
export function loopDelayMetrics({ samples, medianMs, p99Ms, longestMs }: LoopDelayStatus): string {
  if (samples === 0) return "";
  const name = "sotto_event_loop_delay_seconds";
  const quantiles = { "0.5": medianMs, "0.99": p99Ms, "1": longestMs };
  const lines = Object.entries(quantiles).map(
    ([quantile, ms]) => `${name}{quantile="${quantile}"} ${(ms / 1000).toFixed(6)}\n`,
  );
  return `# HELP ${name} How long the event loop kept others waiting while there were calls.\n# TYPE ${name} gauge\n${lines.join("")}`;
}
