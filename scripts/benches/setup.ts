// Benchmark: how long a call takes to set up, unsecured and secured, side by side.

import type { Benchmark, Series } from "./benchmark.js";
import { HandsetPair, type PairKeying } from "./pair.js";

const methods: readonly PairKeying[] = ["none", "psk", "dh"];
const ROUNDS = 60;
const WARMUP = 8;

/** The benchmark. */
export const setup: Benchmark = {
  name: "setup",
  description: "calling and answering delay of a call: open, MIKEY pre-shared key, MIKEY signed Diffie-Hellman",
  async run(context) {
    const rounds = context.rounds ?? ROUNDS;
    const pairs: HandsetPair[] = [];
    const calling = methods.map((): number[] => []);
    const answering = methods.map((): number[] => []);
    try {
      for (const method of methods) pairs.push(await HandsetPair.start(method));
      for (let round = -WARMUP; round < rounds; round++) {
        context.status(`round ${round + WARMUP + 1} of ${rounds + WARMUP}`);
        for (let i = 0; i < pairs.length; i++) {
          await pairs[i].call();
          if (round < 0) continue;
          const sample = pairs[i].lastDelays();
          calling[i].push(sample.callingMs);
          answering[i].push(sample.answeringMs);
        }
      }
    } finally {
      await Promise.all(pairs.map((pair) => pair.stop()));
    }
    const series = (samples: number[][]): Series[] => methods.map((name, i) => ({ name, samples: samples[i] }));
    context.report({
      title: "calling delay: dialled to 180 received",
      unit: "ms",
      series: series(calling),
      paired: true,
    });
    context.report({
      title: "answering delay: picked up to ACK received and keys ready",
      unit: "ms",
      series: series(answering),
      paired: true,
    });
    context.note(`a pair of handset processes for each method, loopback UDP, ${WARMUP} calls to warm up`);
  },
};
