// The command behind toolchain/prebuild-alsa: node-alsa's binaries for its npm package.

import { mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Command } from "commander";
import { top } from "../top.js";
import { runCommand } from "./command.js";
import { compileNative, findNativePart } from "./natives.js";
import { sysroot } from "./sysroot.js";
import { libcOf } from "./target-node.js";
import { findTarget, type Target, targets } from "./targets.js";

/** Where node-alsa looks for a binary that came with it. */
export function prebuiltFile(target: Target): string {
  return join(top, "drivers", "node-alsa", "prebuilds", `linux-${target.node}`, "node-alsa.node");
}

const program = new Command("toolchain/prebuild-alsa")
  .description("Compiles node-alsa for every processor into drivers/node-alsa/prebuilds: what its npm package carries.")
  .option("--target <name>", `${targets.map((target) => target.name).join(", ")} (default: all of them)`)
  .option("--fresh", "compile anew")
  .addHelpText("after", "\nExample:\n  toolchain/prebuild-alsa && (cd drivers/node-alsa && npm pack)");

await runCommand(program, async (options: { target?: string; fresh?: boolean }, status) => {
  const part = findNativePart("node-alsa");
  for (const target of options.target === undefined ? targets : [findTarget(options.target)]) {
    status(`getting Debian's ${target.debian} libraries`);
    const root = await sysroot(target);
    const file = prebuiltFile(target);
    mkdirSync(dirname(file), { recursive: true });
    // Beside it first: who installs meanwhile finds the old one or the new one.
    await compileNative(part, target, `${file}.new`, { root, fresh: options.fresh, onStatus: status });
    renameSync(`${file}.new`, file);
    console.log(`${relative(top, file)}: ${statSync(file).size} bytes, needs glibc ${libcOf(readFileSync(file))}`);
  }
});
