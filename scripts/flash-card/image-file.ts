// Whether a file is a whole disk image, before a card is overwritten with it.

import { closeSync, openSync, readSync, statSync } from "node:fs";
import { megabytes } from "./disks.js";

/** What compressed files begin with. */
const compressed: readonly (readonly [start: string, unpack: string])[] = [
  ["fd377a585a00", "xz -dk"],
  ["1f8b", "gzip -dk"],
  ["28b52ffd", "zstd -dk"],
];
const SECTOR = 512;

/**
 * Looks at an image: a GPT whose second header, at the very end, is there.
 * @returns its size, bytes.
 * @throws Error that says what it is instead, and what to do.
 */
export function checkImage(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new Error(`${path} is not there; toolchain/image makes it`);
  if (!found.isFile()) throw new Error(`${path} is not a file`);
  const file = openSync(path, "r");
  try {
    const at = (place: number) => {
      const sector = Buffer.alloc(SECTOR);
      return sector.subarray(0, readSync(file, sector, 0, SECTOR, place));
    };
    const start = at(0).toString("hex", 0, 8);
    const packed = compressed.find(([magic]) => start.startsWith(magic));
    if (packed) throw new Error(`${path} is compressed; first: ${packed[1]} ${path}`);
    const header = at(SECTOR);
    if (!isHeader(header)) throw new Error(`${path} is no disk image: it has no partition table`);
    const second = Number(header.readBigUInt64LE(32)) * SECTOR;
    if (second + SECTOR > found.size)
      throw new Error(`${path} is cut short: it has ${megabytes(found.size)} of ${megabytes(second + SECTOR)}`);
    if (!isHeader(at(second))) throw new Error(`${path} is damaged: its second partition table is not there`);
    return found.size;
  } finally {
    closeSync(file);
  }
}

/** A GPT header (UEFI 2.10, section 5.3.2). */
const isHeader = (sector: Buffer): boolean =>
  sector.length === SECTOR && sector.toString("latin1", 0, 8) === "EFI PART";
