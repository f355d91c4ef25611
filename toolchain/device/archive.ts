// Archives that are the same on every host: tar (by tar-stream) and ar, with fixed owners and times.

import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import tar from "tar-stream";
import { EPOCH } from "./tools.js";

/** Something in an archive; the path has no leading slash. */
export interface ArchiveEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Where a link leads. */
  readonly target?: string;
}

/** A file with its content. */
export function fileEntry(path: string, content: string | Uint8Array, mode = 0o644): ArchiveEntry {
  return { path, type: "file", mode, content: typeof content === "string" ? Buffer.from(content) : content };
}

/** Everything below a folder, put at `prefix`; programs keep that they can be run, nothing else of their modes. */
export function folderEntries(folder: string, prefix: string): ArchiveEntry[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name): ArchiveEntry[] => {
      const [from, path] = [join(folder, name), `${prefix}/${name}`];
      const found = lstatSync(from);
      if (found.isSymbolicLink()) return [{ path, type: "symlink", mode: 0o777, target: readlinkSync(from) }];
      if (found.isDirectory()) return [{ path, type: "directory", mode: 0o755 }, ...folderEntries(from, path)];
      return [fileEntry(path, readFileSync(from), found.mode & 0o111 ? 0o755 : 0o644)];
    });
}

/** Adds the folders that entries lie in, sorts, and refuses two entries of one name. */
export function complete(entries: readonly ArchiveEntry[]): ArchiveEntry[] {
  const byPath = new Map<string, ArchiveEntry>();
  for (const entry of entries) {
    if (entry.path.startsWith("/") || entry.path.includes(".."))
      throw new RangeError(`not a path for an archive: ${entry.path}`);
    const before = byPath.get(entry.path);
    if (before && before.type !== "directory") throw new RangeError(`${entry.path} is there twice`);
    byPath.set(entry.path, entry);
    for (let at = entry.path.lastIndexOf("/"); at > 0; at = entry.path.lastIndexOf("/", at - 1)) {
      const path = entry.path.slice(0, at);
      if (!byPath.has(path)) byPath.set(path, { path, type: "directory", mode: 0o755 });
    }
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A gzipped tar as Debian's packages have it: names begin with `./`, everything belongs to root. */
export async function tarball(entries: readonly ArchiveEntry[]): Promise<Buffer> {
  const pack = tar.pack();
  const chunks: Buffer[] = [];
  const collected = (async () => {
    for await (const chunk of pack) chunks.push(chunk as Buffer);
  })();
  const common = { mtime: new Date(EPOCH * 1000), uid: 0, gid: 0, uname: "root", gname: "root" };
  const add = (header: Partial<tar.Header> & { name: string }, content?: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      if (header.type === "file") pack.entry(header, Buffer.from(content ?? []), done);
      else pack.entry(header, done);
    });
  await add({ ...common, name: "./", type: "directory", mode: 0o755 });
  for (const { path, type, mode, content, target } of complete(entries))
    await add(
      { ...common, name: `./${path}${type === "directory" ? "/" : ""}`, type, mode, linkname: target },
      content,
    );
  pack.finalize();
  await collected;
  return gzipSync(Buffer.concat(chunks), { level: 9 });
}

/** An `ar` archive (the format of a .deb, deb(5)): a line of magic, then members of 60-byte headers and contents padded to even lengths. */
export function ar(members: readonly { readonly name: string; readonly content: Uint8Array }[]): Buffer {
  const parts: Buffer[] = [Buffer.from("!<arch>\n")];
  for (const { name, content } of members) {
    if (!/^[\x21-\x7e]{1,15}$/.test(name)) throw new RangeError(`not a name for an ar archive: ${name}`);
    const header = [
      name.padEnd(16),
      String(EPOCH).padEnd(12),
      "0".padEnd(6),
      "0".padEnd(6),
      "100644".padEnd(8),
      String(content.length).padEnd(10),
      "`\n",
    ].join("");
    parts.push(Buffer.from(header), Buffer.from(content));
    if (content.length % 2) parts.push(Buffer.from("\n"));
  }
  return Buffer.concat(parts);
}
