// What the toolchain's commands have in common: options, one line of status, errors as sentences.

import type { Command } from "commander";

/** Parses the arguments and runs `work`; an error becomes its sentence and exit code 1. */
export async function runCommand<O>(
  program: Command,
  work: (options: O, status: (text: string) => void, args: readonly string[]) => Promise<void>,
): Promise<void> {
  program.parse();
  try {
    await work(program.opts<O & Record<string, unknown>>(), (text) => console.error(`${text} ...`), program.args);
  } catch (error) {
    console.error(`${program.name()}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
