// The command behind scripts/flash.

import { createInterface } from "node:readline/promises";
import { SingleBar } from "cli-progress";
import { Command } from "commander";
import { findTool, runTool } from "../../toolchain/device/tools.js";
import { lookAt, megabytes, refusal } from "./disks.js";
import { checkImage } from "./image-file.js";
import { type Progress, writeImage } from "./write.js";

const program = new Command("scripts/flash")
  .description("Writes an image onto a card or disk, after asking, and verifies it by reading it back.")
  .argument("<image>", "of toolchain/image")
  .argument("<device>", "the whole disk, e.g. /dev/sdX or /dev/mmcblk0; or a file")
  .option("--yes", "do not ask: for scripts that know what they do")
  .addHelpText("after", "\nExample:\n  scripts/flash out/image/generic-efi-arm64/sotto-generic-efi-arm64.img /dev/sdX")
  .parse();

async function main(image: string, device: string, options: { yes?: boolean }): Promise<void> {
  const bytes = checkImage(image);
  const disk = lookAt(device);
  const refused = refusal(disk, bytes);
  if (refused) throw new Error(refused);
  console.log(
    `${disk.path}: ${disk.name}, ${megabytes(disk.bytes)}${disk.kind === "disk" && !disk.removable ? ", NOT removable" : ""}`,
  );
  console.log(
    disk.partitions.length ? "What is erased:" : "What is erased: everything on it (no partitions that can be named)",
  );
  for (const { name, bytes: size } of disk.partitions) console.log(`  ${name} (${megabytes(size)})`);
  if (!options.yes) {
    if (!process.stdin.isTTY) throw new Error("there is nobody to ask; --yes says that this disk is meant");
    const ask = createInterface({ input: process.stdin, output: process.stdout });
    // Ctrl-C, or the end of what is typed, is an answer as well.
    const answer = await ask
      .question(`Write ${image} (${megabytes(bytes)}) over it? Type ${disk.path} to go on: `)
      .catch(() => "\n");
    ask.close();
    if (answer === "\n") console.log();
    if (answer.trim() !== disk.path) throw new Error("nothing was written");
  }
  const bar = new SingleBar({
    format: "{what} [{bar}] {percentage} %  {rate} MB/s, {left} s left",
    stream: process.stderr,
    hideCursor: true,
    noTTYOutput: false,
  });
  let begun = performance.now();
  let doing = "";
  const blockdev = disk.kind === "disk" ? findTool("blockdev") : undefined;
  const progress: Progress = (what, done, all) => {
    if (what !== doing) {
      if (doing) bar.stop();
      doing = what;
      begun = performance.now();
      bar.start(all, 0, { what: what.padEnd(9), rate: "-", left: "-" });
    }
    const seconds = Math.max(0.001, (performance.now() - begun) / 1000);
    bar.update(done, {
      what: what.padEnd(9),
      rate: (done / 1e6 / seconds).toFixed(1),
      left: Math.ceil(((all - done) / done) * seconds),
    });
  };
  const forget = async () => {
    if (blockdev) await runTool(blockdev, ["--flushbufs", device]).catch(() => {});
  };
  // The terminal gets its cursor back, and nobody takes half an image for a whole one.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      bar.stop();
      console.error(
        `scripts/flash: stopped. ${doing === "verifying" ? `${device} was not verified` : `${device} holds part of the image only`}: write it again`,
      );
      process.exit(130);
    });
  const hash = await writeImage(image, device, progress, forget).finally(() => bar.stop());
  if (disk.kind === "disk") {
    // The kernel forgets the old partitions, and nothing waits to be written: the card may be pulled out.
    if (blockdev) await runTool(blockdev, ["--rereadpt", device]).catch(() => {});
    const eject = findTool("eject");
    if (eject && disk.removable) await runTool(eject, [device]).catch(() => {});
  }
  console.log(`${device} holds the image (SHA-256 ${hash}) and may be pulled out.`);
}

try {
  const [image, device] = program.args;
  await main(image, device, program.opts());
} catch (error) {
  console.error(`scripts/flash: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
