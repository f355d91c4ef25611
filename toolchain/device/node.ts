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

/**
 * Debian's Node reads some of its own modules from other packages' files, and dies without them. Ours are in a folder of ours, whose name is
 * as long, so that it can be put where the other one is in the library.
 */
const MODULES = "/usr/share/nodejs/";
const OWN_MODULES = "/usr/lib/sotto/js/";

/** A library that asks for modules in {@link MODULES}, made to ask for them in {@link OWN_MODULES}, and which they are. */
export function withOwnModules(library: Buffer): { readonly library: Buffer; readonly modules: readonly string[] } {
  const text = library.toString("latin1");
  const modules = [...text.matchAll(/\/usr\/share\/nodejs\/([\w./@-]+)/g)].map((found) => found[1]);
  return {
    library: Buffer.from(text.replaceAll(MODULES, OWN_MODULES), "latin1"),
    modules: [...new Set(modules)].sort(),
  };
}

/** Node with its libraries and modules: `usr/lib/sotto/node/{bin,lib}`, `usr/lib/sotto/js`. @throws Error when one is missing. */
export async function bundledNode(target: Target): Promise<ArchiveEntry[]> {
  const root = await sysroot(target);
  const prefix = "usr/lib/sotto/node";
  const program = realpathSync(join(root, "usr", "bin", "node"));
  const libraries = await libraryClosure(program, root, target.triplet);
  const entries = [fileEntry(`${prefix}/bin/node`, readFileSync(program), 0o755)];
  const wanted = new Set<string>();
  for (const [name, path] of [...libraries].sort()) {
    const { library, modules } = withOwnModules(readFileSync(path));
    entries.push(fileEntry(`${prefix}/lib/${name}`, library));
    for (const module of modules) wanted.add(module);
  }
  for (const module of [...wanted].sort())
    entries.push(fileEntry(`${OWN_MODULES.slice(1)}${module}`, readFileSync(join(root, MODULES, module))));
  const owners = ["nodejs", "libnode115", ...[...wanted].map((module) => `node-${module.split("/", 1)[0]}`)];
  for (const name of [...new Set(owners)].sort()) {
    const licence = join(root, "usr", "share", "doc", name, "copyright");
    if (existsSync(licence)) entries.push(fileEntry(`${prefix}/copyright.${name}`, readFileSync(licence)));
  }
  return entries;
}
