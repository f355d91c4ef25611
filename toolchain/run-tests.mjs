// Runs the suites under test/ with uvu, each file in a process of its own, and closes with one line of totals.
// Usage: node toolchain/run-tests.mjs [--coverage] [--jobs N] [WORD ...]   (WORDs: only files whose path contains one of them)
// A suite reports a skipped test by printing "skipped: <reason>"; with CI=true a skip that names a missing peer or tool is made a failure by the suite itself.
// A line "note: <text>" is shown even where all is well.
// Suites that fail while others run beside them are run once more, alone, when all else is done: both outcomes are shown, and a suite that
// passes only then is counted as passed and named in a line of its own. More than three of them are no accident: those are not run again.

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { compile, top } from "./compile.mjs";

const LIMIT_MS = 240_000;
/** Whole devices start several times, on an emulated processor; with all that there is to them, some ten minutes long. */
const DEVICE_LIMIT_MS = process.env.SOTTO_EMULATOR === "all" ? 1_500_000 : 900_000;

const words = [];
let jobs = Math.max(2, availableParallelism());
let coverage = false;
for (let i = 2; i < process.argv.length; i++) {
  const word = process.argv[i];
  if (word === "--coverage") coverage = true;
  else if (word === "--jobs") jobs = Number(process.argv[++i]);
  else if (word.startsWith("-")) {
    console.error(`run-tests: unknown option ${word} (known: --coverage, --jobs N)`);
    process.exit(2);
  } else words.push(word);
}
if (!Number.isInteger(jobs) || jobs < 1) {
  console.error("run-tests: --jobs takes a whole number from 1 up");
  process.exit(2);
}

const js = await compile();

function suites(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return suites(path);
    return entry.name.endsWith(".test.js") ? [path] : [];
  });
}

const all = suites(join(js, "test")).sort();
const chosen = all.filter((file) => words.length === 0 || words.some((word) => relative(js, file).includes(word)));
// Suites that start whole processes and real peers mostly wait. They run in two lanes after the rest, one suite at a time in each: those that
// need the SIP servers' addresses, of which there is one set, and the others. What counts lost packets, or fills the machine, comes last, alone.
const isHeavy = (file) => /test\/(interop|device|e2e)\//.test(file);
const isAlone = (file) =>
  /test\/(device\/|e2e\/(alsa-call|headset-sound|invite-flood|key-changes|setups-during-call|latency)\b)/.test(file);
const usesServers = (file) => /test\/interop\/(kamailio|trapezoid|linphone|address-change)/.test(file);
const light = chosen.filter((file) => !isHeavy(file));
const alone = chosen.filter(isAlone);
const heavy = chosen.filter((file) => isHeavy(file) && !isAlone(file));

const coverageFolder = join(top, "coverage", "raw");
if (coverage) {
  rmSync(join(top, "coverage"), { recursive: true, force: true });
  mkdirSync(coverageFolder, { recursive: true });
}

const totals = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
/** Files that failed in company, and what they had added to the totals. */
const again = [];
const MOST_AGAIN = 3;
const colours = /\u001b\[[0-9;]*m/g;

/** Suites that run now. Each cleans up when it is asked to end; who does not within this time is killed. */
const running = new Set();
const END_MS = 10_000;
function end(child) {
  child.kill("SIGTERM");
  setTimeout(() => child.kill("SIGKILL"), END_MS).unref();
}
let isEnding = false;
for (const [signal, number] of [
  ["SIGTERM", 15],
  ["SIGINT", 2],
])
  process.on(signal, async () => {
    if (isEnding) return;
    isEnding = true;
    for (const child of running) end(child);
    await Promise.all([...running].map((child) => new Promise((resolve) => child.once("close", resolve))));
    process.exit(128 + number);
  });

function run(file, isAlone = false) {
  return new Promise((resolve) => {
    if (isEnding) return;
    const name = relative(js, file).replace(/\.js$/, ".ts");
    const started = performance.now();
    const env = { ...process.env, FORCE_COLOR: "0" };
    if (coverage) env.NODE_V8_COVERAGE = coverageFolder;
    const child = spawn(process.execPath, ["--enable-source-maps", file], {
      cwd: top,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        output += data;
      });
    let late = false;
    const limitMs = /test\/device\//.test(file) ? DEVICE_LIMIT_MS : LIMIT_MS;
    const timer = setTimeout(() => {
      late = true;
      end(child);
    }, limitMs);
    running.add(child);
    child.on("close", (code, signal) => {
      running.delete(child);
      clearTimeout(timer);
      const text = output.replace(colours, "");
      const count = (pattern) => [...text.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);
      const total = count(/^\s*Total:\s+(\d+)/gm);
      const passed = count(/^\s*Passed:\s+(\d+)/gm);
      const skips = [...text.matchAll(/^skipped: (.*)$/gm)].map((match) => match[1]);
      const skipped = count(/^\s*Skipped:\s+(\d+)/gm) + skips.length;
      let failed = total - passed;
      // A suite that says it skipped as a whole may have no test; one that dies or says nothing has failed.
      if (late || (code !== 0 && failed === 0) || (total === 0 && skips.length === 0)) failed = Math.max(1, failed);
      totals.passed += passed;
      totals.failed += failed;
      totals.skipped += skipped;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(
        `${failed ? "FAIL" : "ok  "} ${name} (${passed} passed${failed ? `, ${failed} failed` : ""}, ${seconds} s)`,
      );
      for (const reason of skips) console.log(`     skipped: ${reason}`);
      for (const [, note] of text.matchAll(/^note: (.*)$/gm)) console.log(`     ${note}`);
      if (failed) {
        const why = late ? `no end within ${limitMs / 1000} s` : signal ? `ended by ${signal}` : `exit code ${code}`;
        failures.push(`--- ${name}${isAlone ? ", alone" : ""}: ${why}\n${text.trimEnd()}`);
        if (!isAlone) again.push({ file, name, passed, failed, skipped });
      }
      resolve();
    });
  });
}

async function drain(files, width) {
  const queue = [...files];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let file = queue.shift(); file; file = queue.shift()) await run(file);
    }),
  );
}

await drain(light, jobs);
await Promise.all([
  drain(heavy.filter(usesServers), 1),
  drain(
    heavy.filter((file) => !usesServers(file)),
    1,
  ),
]);
for (const file of alone) await run(file, true);
const shaky = [];
if (again.length <= MOST_AGAIN)
  for (const { file, name, passed, failed, skipped } of again) {
    const before = totals.failed;
    totals.passed -= passed;
    totals.skipped -= skipped;
    await run(file, true);
    totals.failed -= failed;
    if (totals.failed === before - failed) shaky.push(name);
  }
for (const failure of failures) console.log(failure);
if (coverage) {
  const c8 = join(top, "node_modules", ".bin", "c8");
  await new Promise((resolve) => {
    spawn(
      c8,
      [
        "report",
        "--temp-directory",
        coverageFolder,
        "--reporter",
        "text-summary",
        "--reporter",
        "html",
        "--reports-dir",
        "coverage",
        "--exclude",
        "out/js/test/**",
        "--exclude",
        "test/**",
        "--exclude-after-remap",
        "--src",
        top,
      ],
      { cwd: top, stdio: "inherit" },
    ).on("close", resolve);
  });
}
for (const name of shaky)
  console.log(`${name} failed beside others and passed alone; what it said the first time is above`);
if (chosen.length === 0) {
  console.log(`no suite matches: ${words.join(" ")}`);
  totals.failed++;
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed ? 1 : 0);
