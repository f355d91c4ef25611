// Debian's Node for a target with the libraries it needs, taken out of Debian's packages.

import { existsSync, lstatSync, readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { type ArchiveEntry, fileEntry } from "./archive.js";
import { sysroot } from "./sysroot.js";
import type { Target } from "./targets.js";
import { needTool, runTool } from "./tools.js";

/** Libraries every Debian has; the C library must be the system's own. */
const systemLibraries = /^(ld-linux.*|libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|libatomic)\.so/;

/** Names of the shared libraries an ELF file asks for. */
export async function neededLibraries(file: string): Promise<string[]> {
  const text = (await runTool(needTool("readelf", "binutils"), ["-d", file])).toString();
  return [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1]);
}

/** Every library that `file` needs, directly or not, with its path in `root`; libraries of every Debian left out. @throws Error naming one that is missing. */
export async function libraryClosure(file: string, root: string, triplet: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const queue = [file];
  for (let next = queue.pop(); next !== undefined; next = queue.pop())
    for (const name of await neededLibraries(next)) {
      if (systemLibraries.test(name) || found.has(name)) continue;
      const path = join(root, "usr", "lib", triplet, name);
      if (!existsSync(path)) throw new Error(`${basename(next)} needs ${name}, which is not in ${root}`);
      const real = lstatSync(path).isSymbolicLink() ? realpathSync(path) : path;
      found.set(name, real);
      queue.push(real);
    }
  return found;
}

/** Node and its libraries as files below `prefix`: `bin/node`, `lib/*.so`. */
export async function bundledNode(target: Target, prefix: string): Promise<ArchiveEntry[]> {
  const root = await sysroot(target);
  const program = realpathSync(join(root, "usr", "bin", "node"));
  const libraries = await libraryClosure(program, root, target.triplet);
  return [
    fileEntry(`${prefix}/bin/node`, readFileSync(program), 0o755),
    ...[...libraries].sort().map(([name, path]) => fileEntry(`${prefix}/lib/${name}`, readFileSync(path))),
    ...["nodejs", "libnode115"].flatMap((name) => {
      const licence = join(root, "usr", "share", "doc", name, "copyright");
      return existsSync(licence) ? [fileEntry(`${prefix}/copyright.${name}`, readFileSync(licence))] : [];
    }),
  ];
}
