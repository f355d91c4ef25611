// Benchmark: how many calls a second an automatically answering telephone holds, ours beside baresip, and what a call costs it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Benchmark } from "./benchmark.js";
import { type Answerer, startBaresip, startSotto } from "./uas/answerers.js";
import { load } from "./uas/load.js";

const ROUNDS = 3;
/** Calls a second, tried upwards until one is not held. */
const RATES = [50, 100, 150, 200, 250, 300, 350, 400, 500];
const SECONDS = 5;
/** The rate both hold and are compared at. */
const COMMON = 100;

export const sipUas: Benchmark = {
  name: "sip-uas",
  description: "calls a second held as an auto-answering callee (sipp calls), and CPU a call, beside baresip",
  async run(context) {
    const folder = mkdtempSync(join(tmpdir(), "sotto-uas-"));
    const top = process.env["SOTTO_TOP"] ?? process.cwd();
    const rounds = context.rounds ?? ROUNDS;
    const answerers: Answerer[] = [];
    try {
      answerers.push(await startSotto(join(folder, "sotto"), join(top, "out", "js", "firmware", "cli", "entry.js")));
      answerers.push(await startBaresip(join(folder, "baresip")));
      const rows = answerers.map(({ name }) => ({ name, held: [] as number[], cpu: [] as number[] }));
      // Compiled code and caches settle in both.
      for (const answerer of answerers) await load(answerer, COMMON, 2 * SECONDS);
      for (let round = 0; round < rounds; round++) {
        const limits = answerers.map(() => 0);
        const up = answerers.map(() => true);
        for (const rate of RATES)
          for (const [i, answerer] of answerers.entries()) {
            if (!up[i]) continue;
            context.status(`round ${round + 1} of ${rounds}: ${answerer.name} at ${rate}/s`);
            const first = await load(answerer, rate, SECONDS);
            if (rate === COMMON) rows[i].cpu.push(first.cpuMsPerCall);
            // Anything else on the machine can spoil one try.
            if (first.held || (await load(answerer, rate, SECONDS)).held) limits[i] = rate;
            else up[i] = false;
          }
        for (const [i, row] of rows.entries()) row.held.push(limits[i]);
      }
      context.report({
        title: "calls a second held without a failure",
        unit: "calls/s",
        series: rows.map(({ name, held }) => ({ name, samples: held })),
        paired: true,
      });
      context.report({
        title: `CPU time of the callee, at ${COMMON} calls a second`,
        unit: "ms/call",
        series: rows.map(({ name, cpu }) => ({ name, samples: cpu })),
        paired: true,
      });
      context.note(
        `each call: INVITE, 200, ACK, BYE over UDP, answered without ringing, hung up as soon as it is answered, voice streams opened and closed; ` +
          `rates ${RATES.join(", ")} tried upwards for ${SECONDS} s each, twice before one is given up; the caller takes CPU from the callee on a small machine`,
      );
    } finally {
      await Promise.all(answerers.map((answerer) => answerer.stop()));
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
