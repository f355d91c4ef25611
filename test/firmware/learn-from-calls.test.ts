// What a telephone's real calls run is optimised after some dozens of them, where it plays none to itself.

import { setFlagsFromString } from "node:v8";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { learnFromCalls } from "../../firmware/learn-from-calls.js";
import { canTune } from "../../firmware/runtime/tier-up.js";
import { pause } from "../support/wait.js";

const all = suite("learning from calls");
/** Elsewhere the engine is left alone. */
const test = canTune ? all : all.skip;

setFlagsFromString("--allow-natives-syntax");
/** A bit of V8's answer to %GetOptimizationStatus. */
const OPTIMISED = 1 << 6;
const status = new Function("work", "return %GetOptimizationStatus(work)") as (work: unknown) => number;

test("not in the first calls, and well before the three hundredth", async () => {
  const work = new Function(
    "text",
    `let sum = 0; for (const char of text.split(",")) sum += char.length; return sum;`,
  ) as (text: string) => number;
  const learn = learnFromCalls();
  let fastAfter = 0;
  for (let call = 1; call <= 300 && fastAfter === 0; call++) {
    work("a,bc,def,ghij,klmno");
    learn();
    // It is compiled on another thread, and taken into use when it is run next.
    await pause(1);
    if ((status(work) & OPTIMISED) !== 0) fastAfter = call;
  }
  assert.ok(fastAfter >= 60 && fastAfter < 300, `optimised after ${fastAfter} calls`);
});

all.run();
