// The command line of scripts/latency.

import { Command, InvalidArgumentError } from "commander";
import { boards } from "../../platform/index.js";
import { filterWords, parseFilters } from "./filter.js";

/** Exit code of a wrong command line. */
export const USAGE = 2;
export const DEFAULT_CALLS = 50;
const QUICK_CALLS = 4;

/** What was asked for. */
export interface LabOptions {
  readonly calls: number;
  readonly only: readonly string[];
  readonly isQuick: boolean;
  readonly out: string;
  readonly json?: string;
  /** Board whose budget decides the exit code. */
  readonly check?: string;
  /** An earlier run's JSON file to draw, or check, instead of measuring. */
  readonly from?: string;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It takes a whole number from 1 up.");
  return value;
}

function filter(text: string, before: readonly string[] = []): string[] {
  try {
    parseFilters([text]);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return [...before, text];
}

function board(name: string): string {
  const known = boards.map((one) => one.name);
  if (!known.includes(name)) throw new InvalidArgumentError(`Boards: ${known.join(", ")}.`);
  return name;
}

/** Reads the command line; ends the process for --help and for a wrong one. */
export function readOptions(argv: readonly string[]): LabOptions {
  const program = new Command("scripts/latency")
    .description(
      "Measures how fast calls are set up, secured and open, side by side: every key agreement over UDP, TCP and TLS, direct and " +
        "through two domains' proxies, the first call and the hundredth, with work done ahead and without, beside other telephones. " +
        "Leaves report.html and report.json.",
    )
    .option("--calls <n>", "measured calls of each case", whole)
    .option(
      "--only <filter>",
      `measure a part; may be repeated. Words joined by / or ,: ${filterWords.join(" ")}. E.g. dh,none/udp/direct`,
      filter,
    )
    .option("--quick", "a few calls of a few cases, to see that it works")
    .option("--out <dir>", "where the report goes", "out/latency")
    .option("--json <file>", "write the measurements there as well; - is standard output, and nothing else is printed")
    .option("--check <board>", "exit with 1 when a budget of the board is exceeded", board)
    .option("--from <file>", "draw or check an earlier run's report.json instead of measuring")
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE));
  program.parse(argv);
  const given = program.opts<{
    calls?: number;
    only?: string[];
    quick?: boolean;
    out: string;
    json?: string;
    check?: string;
    from?: string;
  }>();
  const isQuick = given.quick === true;
  return {
    calls: given.calls ?? (isQuick ? QUICK_CALLS : DEFAULT_CALLS),
    only: given.only ?? [],
    ...{ isQuick, out: given.out, json: given.json, check: given.check, from: given.from },
  };
}
