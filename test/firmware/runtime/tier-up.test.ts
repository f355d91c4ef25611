// Functions are optimised after fewer runs than usual, and only until that is ended.

import { execFileSync } from "node:child_process";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { canTune, optimiseSooner, watchClosely, withUsualOptions } from "../../../firmware/runtime/tier-up.js";
import { pause } from "../../support/wait.js";

const all = suite("tier up");
/** Elsewhere the engine is left alone. */
const test = canTune ? all : all.skip;

setFlagsFromString("--allow-natives-syntax");
/** A bit of V8's answer to %GetOptimizationStatus. */
const OPTIMISED = 1 << 6;
const status = new Function("work", "return %GetOptimizationStatus(work)") as (work: unknown) => number;

/** A function that nobody has run before. */
function newWork(): (text: string) => string {
  return new Function(
    "text",
    `let sum = 0; for (const char of text.split(",")) sum += char.length; return "${Math.random()}" + sum;`,
  ) as (text: string) => string;
}

async function runs(work: (text: string) => string, times: number): Promise<void> {
  for (let run = 0; run < times; run++) {
    work("a,bc,def,ghij,klmno");
    // It is compiled on another thread, and taken into use when it is run next.
    await pause(1);
  }
}

const isFast = (work: unknown) => (status(work) & OPTIMISED) !== 0;

/** Whether a function that nobody has run before is optimised after a hundred runs. */
async function isOptimised(): Promise<boolean> {
  const work = newWork();
  await runs(work, 100);
  return isFast(work);
}

/** Whether another engine, which has never seen the program and has V8's own options, refuses its compiled code. */
function isRefused(source: string, cachedData: Buffer): boolean {
  const work = `const { source, code } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    const cachedData = Buffer.from(code, "base64");
    console.log(new (require("node:vm").Script)(source, { cachedData }).cachedDataRejected);`;
  const input = JSON.stringify({ source, code: cachedData.toString("base64") });
  return (
    execFileSync(process.execPath, ["--allow-natives-syntax", "-e", work], { input, encoding: "utf8" }).trim() ===
    "true"
  );
}

test("a hundred runs are enough once it is said, and until that is ended", async () => {
  assert.not(await isOptimised());
  watchClosely();
  assert.not(await isOptimised(), "only watched");
  const end = optimiseSooner();
  assert.ok(await isOptimised());
  end();
  assert.not(await isOptimised());
});

test("what was watched is optimised soon after it is said, and not when that is ended", async () => {
  watchClosely();
  const [watched, other] = [newWork(), newWork()];
  await runs(watched, 100);
  await runs(other, 100);
  assert.not(isFast(watched));
  const end = optimiseSooner();
  await runs(watched, 30);
  end();
  assert.ok(isFast(watched));
  await runs(other, 30);
  assert.not(isFast(other));
});

test("code that is kept meanwhile is taken by an engine with V8's own options", () => {
  const source = "(text) => text.length";
  for (const begin of [watchClosely, optimiseSooner]) {
    begin();
    const refused = new Script(source).createCachedData();
    const taken = withUsualOptions(() => new Script(source).createCachedData());
    const afterwards = new Script(source).createCachedData();
    assert.is(isRefused(source, taken), false);
    assert.is(isRefused(source, refused), true);
    assert.is(isRefused(source, afterwards), true, "goes on after it");
  }
});

all.run();
