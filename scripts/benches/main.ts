// The program behind scripts/bench: runs one benchmark, prints its table, writes its measurements.

import { open, writeFile } from "node:fs/promises";
import { Command, InvalidArgumentError } from "commander";
import type { Benchmark, Group } from "./benchmark.js";
import { benchmarks } from "./list.js";
import { describeMachine, machineLine } from "./machine.js";
import { type BenchResult, benchFile, groupTable } from "./output.js";

/** Exit code of a wrong command line. */
const USAGE = 2;

/** Runs a benchmark. `status` is for the person waiting. */
async function runBenchmark(
  benchmark: Benchmark,
  rounds: number | undefined,
  status: (text: string) => void,
): Promise<BenchResult> {
  const machine = describeMachine();
  const startedAt = new Date().toISOString();
  const before = performance.now();
  const groups: Group[] = [];
  const notes: string[] = [];
  await benchmark.run({
    rounds,
    status,
    report: (group) => groups.push(group),
    note: (text) => notes.push(text),
  });
  return {
    benchmark: benchmark.name,
    description: benchmark.description,
    startedAt,
    tookMs: Math.round(performance.now() - before),
    machine,
    loadAfter: describeMachine().load,
    groups,
    notes,
  };
}

/** `--list`. */
function listText(all: readonly Benchmark[]): string {
  const width = Math.max(...all.map((benchmark) => benchmark.name.length));
  return all.map((benchmark) => `  ${benchmark.name.padEnd(width)}  ${benchmark.description}`).join("\n");
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It takes a whole number from 1 up.");
  return value;
}

/** Shows the status in place on a terminal, and nothing elsewhere. */
function statusLine(): { show(text: string): void; clear(): void } {
  const terminal = process.stderr.isTTY;
  let shownAt = 0;
  return {
    show(text) {
      if (!terminal || performance.now() - shownAt < 100) return;
      shownAt = performance.now();
      process.stderr.write(`\r\u001b[2K${text}`);
    },
    clear() {
      if (terminal) process.stderr.write("\r\u001b[2K");
    },
  };
}

async function main(): Promise<void> {
  const program = new Command("scripts/bench")
    .description("Measures Sotto on this machine. Variants of one thing are measured side by side in one run.")
    .argument("[name]", "which benchmark; --list shows them")
    .option("--list", "show the benchmarks there are")
    .option("--json <file>", "write all measurements, their summaries and the machine to a file; - is standard output")
    .option("--rounds <n>", "how many rounds to measure instead of the benchmark's own number", positive)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE));
  program.parse();
  const options = program.opts<{ list?: boolean; json?: string; rounds?: number }>();
  const [name] = program.args;
  if (options.list) {
    console.log(listText(benchmarks));
    return;
  }
  const benchmark = benchmarks.find((one) => one.name === name);
  if (!benchmark) {
    const problem = name === undefined ? "which benchmark?" : `there is no benchmark ${JSON.stringify(name)}.`;
    console.error(`scripts/bench: ${problem} There are:\n${listText(benchmarks)}`);
    process.exitCode = USAGE;
    return;
  }
  const quiet = options.json === "-";
  // A file that cannot be written is said before the measuring, not after it.
  if (options.json && !quiet) await (await open(options.json, "a")).close();
  const status = statusLine();
  if (!quiet) console.log(`${benchmark.name}: ${benchmark.description}\n${machineLine(describeMachine())}\n`);
  const result = await runBenchmark(benchmark, options.rounds, (text) => status.show(`${benchmark.name}: ${text}`));
  status.clear();
  const json = `${JSON.stringify(benchFile(result), null, 1)}\n`;
  if (quiet) {
    process.stdout.write(json);
    return;
  }
  for (const group of result.groups) console.log(`${groupTable(group)}\n`);
  for (const note of result.notes) console.log(note);
  console.log(`took ${(result.tookMs / 1000).toFixed(1)} s, load now ${result.loadAfter.join(" ")}`);
  if (options.json) {
    await writeFile(options.json, json);
    console.log(`measurements: ${options.json}`);
  }
}

await main().catch((error: unknown) => {
  console.error(`scripts/bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
