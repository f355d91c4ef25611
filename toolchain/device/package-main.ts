// The command behind toolchain/package.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { buildForDevice, deviceFolder } from "./build.js";
import { runCommand } from "./command.js";
import { makePackage } from "./package.js";
import { findTarget, targets } from "./targets.js";

const program = new Command("toolchain/package")
  .description("Builds the firmware and makes a Debian package of it.")
  .option("--target <name>", `${targets.map((target) => target.name).join(", ")} (default: all of them)`)
  .option("--with-node", "put Debian's Node into the package instead of depending on it")
  .option("--fresh", "compile native parts anew")
  .addHelpText("after", "\nExample:\n  toolchain/package --target armv7");

await runCommand(program, async (options: { target?: string; withNode?: boolean; fresh?: boolean }, status) => {
  for (const target of options.target === undefined ? targets : [findTarget(options.target)]) {
    const build = await buildForDevice(target, { fresh: options.fresh, onStatus: status });
    const { name, bytes, installedBytes } = await makePackage(build, options);
    const file = join(deviceFolder(target), name);
    writeFileSync(file, bytes);
    console.log(
      `${file}: ${(bytes.length / 1e6).toFixed(2)} MB, ${(installedBytes / 1e6).toFixed(1)} MB when installed`,
    );
  }
});
