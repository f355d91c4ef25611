// Programs the toolchain calls: found on PATH, run with their words kept for the error.

import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Full path of `program` on PATH or in the system's own folders; undefined when it is not here. */
export function findTool(program: string): string | undefined {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    const path = join(folder || ".", program);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** @throws Error that names the Debian package when `program` is not here. */
export function needTool(program: string, debianPackage: string): string {
  const path = findTool(program);
  if (path === undefined)
    throw new Error(`${program} is not installed; on Debian, as root: apt-get install ${debianPackage}`);
  return path;
}

/** How a program is run. */
export interface RunToolOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/**
 * Runs a program to its end.
 * @returns what it wrote to standard output.
 * @throws Error with the end of its own words when it fails.
 */
export function runTool(program: string, args: readonly string[], options: RunToolOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      // A fixed language, zone and clock: what is made must not depend on who makes it, or when.
      env: { ...process.env, LC_ALL: "C.UTF-8", TZ: "UTC", SOURCE_DATE_EPOCH: String(EPOCH), ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const output: Buffer[] = [];
    let words = "";
    child.stdout.on("data", (data: Buffer) => output.push(data));
    child.stderr.on("data", (data: Buffer) => {
      words = (words + data.toString()).slice(-6000);
    });
    child.on("error", (error) => reject(new Error(`${program} cannot be run: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output));
      else
        reject(
          new Error(
            `${program} ${args.slice(0, 6).join(" ")} … failed (${signal ?? `exit code ${code}`}):\n${words.trim()}`,
          ),
        );
    });
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
  });
}

/** The time stamped on everything that is built, seconds since 1970: one commit gives the same bytes whenever it is built. */
export const EPOCH = 1_577_836_800;
