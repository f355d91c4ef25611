// Benchmark: does the phone grow with use? A thousand calls in one pair of processes, memory read as they go.

import type { Benchmark } from "./benchmark.js";
import { HandsetPair } from "./pair.js";

const CALLS = 1000;
const STEP = 50;
/** Calls before memory counts: caches and compiled code settle. */
const WARMUP = 200;

/** Slope of a straight line through the samples (least squares), per sample. */
export function slope(samples: readonly number[]): number {
  const n = samples.length;
  const middle = (n - 1) / 2;
  const mean = samples.reduce((sum, value) => sum + value, 0) / n;
  let above = 0;
  let below = 0;
  for (let i = 0; i < n; i++) {
    above += (i - middle) * (samples[i] - mean);
    below += (i - middle) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

/** The benchmark. */
export const calls: Benchmark = {
  name: "calls",
  description: "heap and resident memory over 1,000 secured calls in one pair of processes (--rounds: how many)",
  async run(context) {
    const total = context.rounds ?? CALLS;
    const warmup = Math.min(WARMUP, Math.floor(total / 4));
    const pair = await HandsetPair.start("dh");
    const heap: number[][] = [[], []];
    const resident: number[][] = [[], []];
    const started = performance.now();
    try {
      for (let call = 1; call <= total; call++) {
        await pair.call();
        if (call % 10 === 0) context.status(`call ${call} of ${total}`);
        if (call % STEP !== 0 || call < warmup) continue;
        const status = await pair.status();
        status.forEach(({ memory }, i) => {
          heap[i].push(memory.heapUsedBytes / 1048576);
          resident[i].push(memory.rssBytes / 1048576);
        });
      }
    } finally {
      await pair.stop();
    }
    const seconds = (performance.now() - started) / 1000;
    const names = ["caller", "callee"];
    const series = (samples: number[][]) => names.map((name, i) => ({ name, samples: samples[i] }));
    context.report({
      title: `heap in use, every ${STEP} calls after the first ${warmup}`,
      unit: "MiB",
      series: series(heap),
      paired: false,
    });
    context.report({
      title: `resident memory, every ${STEP} calls after the first ${warmup}`,
      unit: "MiB",
      series: series(resident),
      paired: false,
    });
    for (let i = 0; i < names.length; i++) {
      const growth = (samples: number[]) => ((slope(samples) / STEP) * 1000).toFixed(2);
      context.note(
        `${names[i]}: heap ${heap[i][0]?.toFixed(1)} -> ${heap[i].at(-1)?.toFixed(1)} MiB (trend ${growth(heap[i])} MiB per 1,000 calls), ` +
          `resident ${resident[i][0]?.toFixed(1)} -> ${resident[i].at(-1)?.toFixed(1)} MiB (trend ${growth(resident[i])} MiB per 1,000 calls)`,
      );
    }
    context.note(`${total} dh-secured calls in ${seconds.toFixed(0)} s, the callee rings 40 ms before it answers`);
  },
};
