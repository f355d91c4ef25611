// Functions are optimised after fewer runs than usual, and only until that is ended.

import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { Worker } from "node:worker_threads";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { optimiseSooner, withUsualOptions } from "../../../firmware/runtime/tier-up.js";
import { pause } from "../../support/wait.js";

const test = suite("tier up");

setFlagsFromString("--allow-natives-syntax");
/** A bit of V8's answer to %GetOptimizationStatus. */
const OPTIMISED = 1 << 6;
const status = new Function("work", "return %GetOptimizationStatus(work)") as (work: unknown) => number;

/** Runs a function that nobody has run before a hundred times; whether it is optimised then. */
async function isOptimised(): Promise<boolean> {
  const work = new Function(
    "text",
    `let sum = 0; for (const char of text.split(",")) sum += char.length; return "${Math.random()}" + sum;`,
  );
  for (let run = 0; run < 100; run++) {
    work("a,bc,def,ghij,klmno");
    // It is compiled on another thread, and taken into use when it is run next.
    await pause(1);
  }
  return (status(work) & OPTIMISED) !== 0;
}

/** Whether another engine, which has never seen the program, refuses its compiled code. */
async function isRefused(source: string, cachedData: Buffer): Promise<boolean> {
  const work = `const { parentPort, workerData } = require("node:worker_threads");
    const { source, cachedData } = workerData;
    parentPort.postMessage(new (require("node:vm").Script)(source, { cachedData: Buffer.from(cachedData) }).cachedDataRejected);`;
  const worker = new Worker(work, { eval: true, workerData: { source, cachedData } });
  return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
}

test("a hundred runs are enough, until that is ended", async () => {
  assert.not(await isOptimised());
  const end = optimiseSooner();
  assert.ok(await isOptimised());
  end();
  assert.not(await isOptimised());
});

test("code that is kept meanwhile is taken by an engine with V8's own options", async () => {
  const source = "(text) => text.length";
  const end = optimiseSooner();
  const refused = new Script(source).createCachedData();
  const taken = withUsualOptions(() => new Script(source).createCachedData());
  assert.ok(await isOptimised(), "goes on after it");
  end();
  assert.is(await isRefused(source, taken), false);
  assert.is(await isRefused(source, refused), true);
});

test.run();
