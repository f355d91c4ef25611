// Writes an image onto a disk and reads it back.

import { createHash } from "node:crypto";
import { closeSync, constants, fsyncSync, openSync, readSync, statSync, writeSync } from "node:fs";

const PIECE = 4 * 1024 * 1024;

/** Told how far it is. */
export type Progress = (what: "writing" | "verifying", done: number, all: number) => void;

/**
 * Writes `image` to the beginning of `target` and compares what is read back, byte for byte by hash.
 * @param forget lets the kernel forget what it holds of the disk, so that what is read back comes from the card.
 * @returns the SHA-256 of the image.
 * @throws Error when something cannot be read or written, or what was read back differs: the first differing place is named.
 */
export async function writeImage(
  image: string,
  target: string,
  progress: Progress = () => {},
  forget: () => Promise<void> = async () => {},
): Promise<string> {
  const all = statSync(image).size;
  const source = openSync(image, "r");
  const piece = Buffer.alloc(Math.min(PIECE, Math.max(1, all)));
  const hashes: string[] = [];
  const whole = createHash("sha256");
  try {
    // Nobody else may have the disk open for mounting meanwhile.
    const disk = openSync(target, constants.O_WRONLY | (statSync(target).isBlockDevice() ? constants.O_EXCL : 0));
    try {
      for (let at = 0; at < all; ) {
        const length = readSync(source, piece, 0, piece.length, at);
        if (length === 0) throw new Error(`${image} became shorter while it was read`);
        const part = piece.subarray(0, length);
        whole.update(part);
        hashes.push(createHash("sha256").update(part).digest("hex"));
        for (let written = 0; written < length; )
          written += writeSync(disk, part, written, length - written, at + written);
        at += length;
        progress("writing", at, all);
        // So that the rate shown is the card's and not the memory's, and Ctrl-C is heard.
        if (hashes.length % 8 === 0) fsyncSync(disk);
        await new Promise((resolve) => setImmediate(resolve));
      }
      fsyncSync(disk);
    } finally {
      closeSync(disk);
    }
  } finally {
    closeSync(source);
  }
  await forget();
  await verify(target, all, hashes, piece.length, progress);
  return whole.digest("hex");
}

async function verify(
  target: string,
  all: number,
  hashes: readonly string[],
  size: number,
  progress: Progress,
): Promise<void> {
  const disk = openSync(target, "r");
  const piece = Buffer.alloc(size);
  try {
    for (let i = 0, at = 0; at < all; i++) {
      const wanted = Math.min(size, all - at);
      let length = 0;
      while (length < wanted) {
        const more = readSync(disk, piece, length, wanted - length, at + length);
        if (more === 0) break;
        length += more;
      }
      if (createHash("sha256").update(piece.subarray(0, length)).digest("hex") !== hashes[i])
        throw new Error(
          `${target} does not hold what was written, between bytes ${at} and ${at + wanted}: the card is bad or too small`,
        );
      at += wanted;
      progress("verifying", at, all);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    closeSync(disk);
  }
}
