// Which programs of other people are here, and what a suite does when one is not: it skips with a line, or fails where CI=true.

import { execFileSync } from "node:child_process";
import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { checkout } from "../vectors.js";

/** Full path of `program` when it is found on PATH (or is a path itself) and may be run. */
export function which(program: string): string | undefined {
  const folders = program.includes("/") ? [""] : [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    const path = folder === "" ? program : join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/**
 * True when `present`. Otherwise prints `skipped: <what> is not here` (which toolchain/run-tests.mjs counts) and answers false;
 * with CI=true, where everything must be there, it throws instead.
 *
 * @example
 * if (requireOrSkip("baresip", which("baresip") !== undefined)) test("...", ...);
 * test.run();
 */
export function requireOrSkip(what: string, present: boolean): boolean {
  if (present) return true;
  if (process.env.CI === "true") throw new Error(`${what} is not here, and CI=true allows no skip`);
  console.log(`skipped: ${what} is not here`);
  return false;
}

/** Path of `program`, under the policy of {@link requireOrSkip}. `hint` says where one gets it. */
export function needTool(program: string, hint?: string): string | undefined {
  const path = which(program);
  return requireOrSkip(hint === undefined ? program : `${program} (${hint})`, path !== undefined) ? path : undefined;
}

/** True when every one of `programs` is here, under the policy of {@link requireOrSkip}: one line names all that are missing. */
export function needPeer(name: string, ...programs: string[]): boolean {
  const missing = programs.filter((program) => which(program) === undefined);
  return requireOrSkip(missing.length === 0 ? name : `${name} (${missing.join(", ")})`, missing.length === 0);
}

/**
 * Compiles test/interop/`name`.c into out/interop/`name` with gcc and the flags given.
 * Undefined (under the policy of {@link requireOrSkip}) when gcc or one of the `headers` is not here.
 * @throws Error with the compiler's words when our own source does not compile.
 */
export function compilePeer(name: string, headers: readonly string[], flags: readonly string[]): string | undefined {
  const gcc = needTool("gcc");
  if (gcc === undefined) return undefined;
  for (const header of headers) if (!requireOrSkip(`C header ${header}`, hasHeader(gcc, header))) return undefined;
  const folder = join(checkout, "out", "interop");
  mkdirSync(folder, { recursive: true });
  const program = join(folder, name);
  const source = join(checkout, "test", "interop", `${name}.c`);
  execFileSync(gcc, ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source, ...flags], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return program;
}

function hasHeader(gcc: string, header: string): boolean {
  try {
    execFileSync(gcc, ["-E", "-o", "/dev/null", "-"], {
      input: `#include <${header}>\n`,
      stdio: ["pipe", "ignore", "ignore"],
    });
    return true;
  } catch {
    return false;
  }
}
