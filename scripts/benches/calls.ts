// Benchmark: does the phone grow with use? A thousand calls in one pair of processes, memory read as they go.

import type { Benchmark } from "./benchmark.js";
import { HandsetPair } from "./pair.js";

const CALLS = 1000;
const STEP = 50;
/** Calls before memory counts: compiled code settles … */
const WARMUP = 200;
/** … and so does the number of transactions that RFC 3261 keeps for 32 s after their call (timers D, H, J, L, M), ms. */
const SETTLE_MS = 36_000;

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
  description:
    "heap and resident memory over 1,000 secured calls in one pair of processes, after warm-up (--rounds: how many)",
  async run(context) {
    const total = context.rounds ?? CALLS;
    const collector = new URL("./gc-on-signal.js", import.meta.url).href;
    const pair = await HandsetPair.start("dh", ["--expose-gc", "--import", collector]);
    const heap: number[][] = [[], []];
    const resident: number[][] = [[], []];
    const started = performance.now();
    let warmup = 0;
    try {
      let warm = 0;
      for (; warm < WARMUP || performance.now() - started < SETTLE_MS; warm++) {
        await pair.call();
        if (warm % 10 === 0) context.status(`warming up: call ${warm}`);
      }
      warmup = warm;
      for (let call = 1; call <= total; call++) {
        await pair.call();
        if (call % 10 === 0) context.status(`call ${call} of ${total}`);
        if (call % STEP !== 0) continue;
        pair.signal("SIGUSR2");
        await new Promise((resolve) => setTimeout(resolve, 300));
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
      title: `heap in use after garbage collection, every ${STEP} calls`,
      unit: "MiB",
      series: series(heap),
      paired: false,
    });
    context.report({
      title: `resident memory, every ${STEP} calls`,
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
    context.note(
      `${warmup} calls to warm up and ${total} measured ones, dh-secured, in ${seconds.toFixed(0)} s; the callee rings 40 ms before it answers`,
    );
  },
};
