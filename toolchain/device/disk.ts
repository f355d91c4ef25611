// A disk image: GPT partitions, an EFI system partition, and files put into their places, all in a plain file.

import { closeSync, ftruncateSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { needTool, runTool } from "./tools.js";

/** A partition of the image. */
export interface Partition {
  readonly name: string;
  readonly type: "efi" | "linux";
  readonly bytes: number;
  /** File whose content it starts with. */
  readonly content?: string;
}

const MIB = 1024 * 1024;
const typeIds = {
  efi: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  linux: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
} as const;

/** Writes the partition table and the partitions' contents into `file`; what is empty takes no room in it. @returns where each begins, bytes. */
export async function writeDisk(
  file: string,
  diskId: string,
  partitions: readonly Partition[],
): Promise<readonly number[]> {
  const starts: number[] = [];
  let at = MIB;
  for (const { bytes } of partitions) {
    starts.push(at);
    at += Math.ceil(bytes / MIB) * MIB;
  }
  const disk = openSync(file, "w");
  try {
    // Room for the second copy of the table.
    ftruncateSync(disk, at + MIB);
    const table = [
      "label: gpt",
      `label-id: ${diskId}`,
      ...partitions.map(
        ({ name, type, bytes }, i) =>
          `start=${starts[i] / 512}, size=${(Math.ceil(bytes / MIB) * MIB) / 512}, type=${typeIds[type]}, name="${name}"`,
      ),
    ].join("\n");
    await runTool(needTool("sfdisk", "fdisk"), ["--quiet", "--no-reread", "--no-tell-kernel", file], { input: table });
    for (const [i, { content, bytes, name }] of partitions.entries()) {
      if (content === undefined) continue;
      if (statSync(content).size > bytes)
        throw new Error(`${name} needs ${statSync(content).size} bytes, it has ${bytes}`);
      copySparse(content, disk, starts[i]);
    }
  } finally {
    closeSync(disk);
  }
  return starts;
}

/** Copies a file's content to `offset`, leaving out pieces of zeros. */
export function copySparse(from: string, disk: number, offset: number): void {
  const source = openSync(from, "r");
  const piece = Buffer.alloc(MIB);
  const zeros = Buffer.alloc(MIB);
  try {
    for (let at = 0; ; ) {
      const length = readSync(source, piece, 0, MIB, at);
      if (length === 0) return;
      if (piece.compare(zeros, 0, length, 0, length) !== 0) writeSync(disk, piece, 0, length, offset + at);
      at += length;
    }
  } finally {
    closeSync(source);
  }
}

/** Compresses a file, for handing it on. @returns the compressed file, `<file>.xz`. */
export async function compress(file: string): Promise<string> {
  await runTool(needTool("xz", "xz-utils"), ["--keep", "--force", "--threads=0", file]);
  return `${file}.xz`;
}
