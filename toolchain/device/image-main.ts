// The command behind toolchain/image.

import { statSync } from "node:fs";
import { Command } from "commander";
import { images } from "../../platform/images.js";
import { runCommand } from "./command.js";
import { makeImage } from "./image.js";

const program = new Command("toolchain/image")
  .description(
    "Makes a bootable disk image of a board: EFI loader, Debian's kernel, read-only root in two slots, data partition.",
  )
  .requiredOption("--board <name>", images.map(({ board }) => board).join(", "))
  .option("--out <folder>", "where it goes (default: out/image/<board>)")
  .option("--config <file>", "configuration of the telephone, instead of the board's own")
  .option("--network <file>", "network.conf, instead of DHCP on the first interface")
  .addHelpText("after", "\nExample:\n  toolchain/image --board qemu-virt && scripts/emulate");

await runCommand(
  program,
  async (options: { board: string; out?: string; config?: string; network?: string }, status) => {
    const made = await makeImage(options.board, { ...options, onStatus: status });
    const mb = (file: string) => `${(statSync(file).size / 1e6).toFixed(1)} MB`;
    console.log(`${made.disk}: kernel ${mb(made.kernel)}, first root ${mb(made.initrd)}, root ${mb(made.root)}`);
  },
);
