// The command behind toolchain/image.

import { statSync } from "node:fs";
import { Command } from "commander";
import { images } from "../../platform/images.js";
import { runCommand } from "./command.js";
import { compress } from "./disk.js";
import { type ImageOptions, makeImage } from "./image.js";

const program = new Command("toolchain/image")
  .description(
    "Makes a bootable disk image of a board: EFI loader, Debian's kernel, read-only root in two slots, data partition.",
  )
  .requiredOption("--board <name>", images.map(({ board }) => board).join(", "))
  .option("--out <folder>", "where it goes (default: out/image/<board>)")
  .option("--config <file>", "configuration of the telephone, instead of the board's own")
  .option("--network <file>", "network.conf, instead of DHCP on the first interface")
  .option(
    "--update-key <file>",
    "your public key (scripts/update --make-key): only you may update the device, else nobody",
  )
  .option("--firmware <folder>", "firmware files for the hardware (Wi-Fi chips): laid into /usr/lib/firmware")
  .option("--xz", "compress it as well, for handing it on")
  .addHelpText("after", "\nExample:\n  toolchain/image --board qemu-virt && scripts/emulate");

type Options = ImageOptions & { readonly board: string; readonly xz?: true };

await runCommand(program, async (options: Options, status) => {
  const made = await makeImage(options.board, { ...options, onStatus: status });
  const mb = (file: string) => `${(statSync(file).size / 1e6).toFixed(1)} MB`;
  console.log(`${made.disk}: kernel ${mb(made.kernel)}, first root ${mb(made.initrd)}, root ${mb(made.root)}`);
  if (!options.xz) return;
  status("compressing the disk");
  const compressed = await compress(made.disk);
  console.log(`${compressed}: ${mb(compressed)}`);
});
