// Functions are optimised after fewer runs than usual, and only until that is ended.

import { setFlagsFromString } from "node:v8";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { optimiseSooner } from "../../../firmware/runtime/tier-up.js";
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

test("a hundred runs are enough, until that is ended", async () => {
  assert.not(await isOptimised());
  const end = optimiseSooner();
  assert.ok(await isOptimised());
  end();
  assert.not(await isOptimised());
});

test.run();
