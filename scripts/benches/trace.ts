// Benchmark: what the instruments cost. A trace point must be cheap enough to stay in for good.

import { systemClock } from "../../firmware/runtime/clock.js";
import { Log } from "../../firmware/runtime/log.js";
import { Trace } from "../../firmware/runtime/trace.js";
import { type Benchmark, interleave, nanosecondsPer } from "./benchmark.js";

const POINTS = 20_000;
const LINES = 1_000;

/** The benchmark. */
export const trace: Benchmark = {
  name: "trace",
  description: "cost of reading the clock, of one trace point and of one log line",
  async run(context) {
    const ring = new Trace(systemClock);
    let written = 0;
    const log = new Log("bench", (line) => {
      written += line.length;
    });
    let sum = 0;
    const series = await interleave(
      [
        {
          name: "clock read",
          sample: () =>
            nanosecondsPer(POINTS, () => {
              sum += systemClock.now();
            }),
        },
        { name: "trace point", sample: () => nanosecondsPer(POINTS, (i) => ring.mark("invite-sent", i & 15)) },
        {
          name: "log line below its level",
          sample: () => nanosecondsPer(POINTS, (i) => log.debug("packet", { call: i, text: "sip:bob@example.com" })),
        },
        {
          name: "log line",
          sample: () => nanosecondsPer(LINES, (i) => log.info("packet", { call: i, text: "sip:bob@example.com" })),
        },
      ],
      {
        rounds: context.rounds ?? 200,
        warmup: 20,
        onRound: (done, all) => context.status(`round ${done} of ${all}`),
      },
    );
    // The work must leave something behind, or the compiler may leave it out.
    if (!(sum > 0) || written === 0 || ring.read().length === 0) throw new Error("the measured work was not done");
    context.report({ title: "one call", unit: "ns", series, paired: true });
    context.note(`each measurement is the mean over ${POINTS} calls (${LINES} log lines); log lines go to memory`);
  },
};
