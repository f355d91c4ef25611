// Files that are either the old or the new version, never half of one.

import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import writeFileAtomicCallback from "write-file-atomic";
import { makeFolder } from "./folder.js";

/** How {@link writeFileAtomic} writes. */
export interface AtomicWriteOptions {
  /** Permission bits, default 0o600: what this phone writes is private unless said otherwise. */
  readonly mode?: number;
}

/**
 * Replaces a file's content in one step (write beside it, fsync, rename), making its folder when it is missing.
 * @throws the file system's error, with the path in its message; the old file is then untouched.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: AtomicWriteOptions = {},
): Promise<void> {
  await makeFolder(dirname(path));
  const data = typeof content === "string" ? content : Buffer.from(content.buffer, content.byteOffset, content.length);
  await writeFileAtomicCallback(path, data, { mode: options.mode ?? 0o600, fsync: true });
}

/** A name no other process uses, for files and sockets in a shared folder. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${process.pid}-${randomBytes(4).toString("hex")}`;
}
