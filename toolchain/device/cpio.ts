// The archive a kernel unpacks its first root from: cpio, "newc" format, gzipped.

import { gzipSync } from "node:zlib";
import { type ArchiveEntry, complete } from "./archive.js";

const types = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;

/** An initramfs with `entries`. */
export function initramfs(entries: readonly ArchiveEntry[]): Buffer {
  const parts: Buffer[] = [];
  const pad = (length: number) => Buffer.alloc((4 - (length % 4)) % 4);
  let inode = 1;
  const add = (path: string, mode: number, data: Uint8Array, links: number) => {
    const name = Buffer.from(`${path}\0`);
    const fields = [path === "TRAILER!!!" ? 0 : inode++, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, name.length, 0];
    const header = Buffer.from("070701" + fields.map((field) => field.toString(16).padStart(8, "0")).join(""));
    parts.push(header, name, pad(header.length + name.length), Buffer.from(data), pad(data.length));
  };
  for (const { path, type, mode, content, target } of complete(entries))
    add(
      path,
      types[type] | mode,
      type === "symlink" ? Buffer.from(target!) : (content ?? new Uint8Array()),
      type === "directory" ? 2 : 1,
    );
  add("TRAILER!!!", 0, new Uint8Array(), 1);
  return gzipSync(Buffer.concat(parts), { level: 9 });
}
