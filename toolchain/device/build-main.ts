// The command behind toolchain/build.

import { Command } from "commander";
import { buildForDevice } from "./build.js";
import { runCommand } from "./command.js";
import { tryNatives } from "./target-node.js";
import { findTarget, targets } from "./targets.js";

const program = new Command("toolchain/build")
  .description("Builds the firmware for a device: bundle, native parts, licence notices, size report.")
  .requiredOption("--target <name>", targets.map((target) => target.name).join(", "))
  .option("--out <folder>", "where it goes (default: out/device/<target>)")
  .option("--fresh", "compile native parts anew")
  .option("--check", "load every native part with the target's Node, under qemu-user")
  .addHelpText("after", "\nExample:\n  toolchain/build --target armv7");

await runCommand(
  program,
  async (options: { target: string; out?: string; fresh?: boolean; check?: boolean }, status) => {
    const built = await buildForDevice(findTarget(options.target), { ...options, onStatus: status });
    console.log(built.report);
    if (options.check)
      for (const { name, needs, libc, exports } of await tryNatives(built))
        console.log(`native/${name}.node loads: ${exports} exports, glibc ${libc}, needs ${needs.join(" ")}`);
    console.log(`${built.app} is what goes onto the device; ${built.maps} reads its stacks.`);
  },
);
