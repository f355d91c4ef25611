// The program behind scripts/latency: plans, measures, writes the report, judges budgets.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findBoard } from "../../platform/index.js";
import { top } from "../../toolchain/top.js";
import { describeMachine, machineLine } from "../benches/machine.js";
import { LabProgress } from "./bar.js";
import { checkBudgets, checkFilter, verdictLines } from "./check.js";
import { parseFilters } from "./filter.js";
import { Grounds } from "./ground.js";
import { type LabOptions, readOptions } from "./options.js";
import { measureParts, type PartResults } from "./parts.js";
import { People } from "./people.js";
import { estimateMs, type Plan, planRun, stepsOf } from "./plan.js";
import { readResult } from "./read-result.js";
import { labPage } from "./report/page.js";
import type { LabResult } from "./result.js";
import { LabRun } from "./runner.js";
import { resultText } from "./tables.js";
import { targetsOf } from "./targets.js";

const INTERRUPTED = 130;

function minutes(ms: number): string {
  return ms < 90_000 ? `${Math.max(1, Math.round(ms / 1000))} s` : `${Math.round(ms / 60_000)} min`;
}

function commit(): string | undefined {
  try {
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", top, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") === "" ? "" : " with changes");
  } catch {
    return undefined;
  }
}

/** Measures everything of a plan. Ctrl-C ends it after the call in progress, with what there is. */
async function measure(plan: Plan, options: LabOptions, isSilent: boolean): Promise<LabResult> {
  const machine = describeMachine();
  const startedAt = new Date();
  const before = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "sl-"));
  const keys = join(folder, "keys");
  mkdirSync(keys, { mode: 0o700 });
  const progress = new LabProgress(stepsOf(plan), isSilent);
  let isStopping = false;
  const interrupted = () => {
    if (isStopping) process.exit(INTERRUPTED);
    isStopping = true;
    progress.say("stopping after this call; once more ends at once");
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  const people = await People.create(keys);
  const program = join(top, "out", "js", "firmware", "cli", "entry.js");
  const grounds = new Grounds(folder, program, people, (text) => progress.say(text));
  const run = new LabRun(folder, grounds, people, progress, () => isStopping);
  let parts: PartResults = { wire: [], leftOut: [] };
  try {
    await run.warm(plan);
    await run.cold(plan);
    parts = await measureParts(plan.parts, {
      ...{ folder, program, people, calls: plan.calls, isQuick: plan.isQuick, progress },
      isStopping: () => isStopping,
    });
  } finally {
    progress.end();
    await grounds.stop();
    rmSync(folder, { recursive: true, force: true });
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
  }
  const { leftOut, ...measured } = parts;
  return {
    version: 1,
    startedAt: startedAt.toISOString(),
    tookMs: Math.round(performance.now() - before),
    command: ["scripts/latency", ...process.argv.slice(2)].join(" "),
    commit: commit(),
    machine,
    loadAfter: describeMachine().load,
    calls: options.calls,
    cases: run.recorders.filter(({ count, failureCount }) => count + failureCount > 0).map((one) => one.result()),
    ...measured,
    leftOut: [...grounds.leftOut, ...run.leftOut, ...leftOut],
    isPartial: isStopping,
  };
}

async function main(): Promise<void> {
  const options = readOptions(process.argv);
  const isSilent = options.json === "-";
  const say = (text: string) => {
    if (!isSilent) console.log(text);
  };
  let result: LabResult;
  if (options.from !== undefined) result = readResult(options.from);
  else {
    const filters =
      options.check !== undefined && options.only.length === 0 ? [checkFilter(findBoard(options.check))] : options.only;
    const plan = planRun(options.calls, parseFilters(filters), options.isQuick);
    const cases = plan.sites.reduce((sum, { cases: all }) => sum + all.length, 0) + plan.cold.length;
    say(
      `${machineLine(describeMachine())}\n${cases} kinds of calls; about ${minutes(estimateMs(plan))}. Ctrl-C ends it with what there is.`,
    );
    result = await measure(plan, options, isSilent);
  }
  const out = resolve(options.out);
  mkdirSync(out, { recursive: true });
  const json = `${JSON.stringify({ ...result, targets: targetsOf(result) }, null, 1)}\n`;
  writeFileSync(join(out, "report.html"), labPage(result));
  writeFileSync(join(out, "report.json"), json);
  if (isSilent) process.stdout.write(json);
  else if (options.json !== undefined) writeFileSync(options.json, json);
  say(`\n${resultText(result)}`);
  for (const { what, why } of result.leftOut) say(`left out: ${what} (${why})`);
  say(`took ${minutes(result.tookMs)}, load now ${result.loadAfter.join(" ")}. Look at ${join(out, "report.html")}`);
  if (result.isPartial && options.check === undefined) process.exitCode = INTERRUPTED;
  if (options.check === undefined) return;
  const verdicts = checkBudgets(findBoard(options.check), result);
  say("");
  for (const line of verdictLines(options.check, verdicts)) (isSilent ? console.error : console.log)(line);
  if (verdicts.some(({ isKept }) => !isKept)) process.exitCode = 1;
}

await main().then(
  () => process.exit(),
  (error: unknown) => {
    console.error(`scripts/latency: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  },
);
