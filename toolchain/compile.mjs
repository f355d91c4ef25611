// Translates every TypeScript file of the tree to JavaScript under out/js, same folders, with source maps.
// Used for tests and scripts of a checkout; a device gets the bundle of toolchain/build.mjs instead.
// This one is JavaScript because it runs before anything is built. Usage: node toolchain/compile.mjs

import { readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The checkout's top folder. */
export const top = dirname(dirname(fileURLToPath(import.meta.url)));
const rooms = ["firmware", "drivers", "platform", "scripts", "test", "toolchain"];

/** Every .ts file (not .d.ts) below `folder`, as paths relative to the checkout. */
function sources(folder) {
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name === "prebuilds") continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...sources(path));
    else if (entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts")) found.push(relative(top, path));
  }
  return found;
}

/** Removes translated files whose source is gone, so that a deleted test does not run on. */
function prune(files, out) {
  const wanted = new Set(files.map((f) => f.replace(/\.ts$/, ".js")));
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.name.endsWith(".js") && !wanted.has(relative(out, path))) {
        rmSync(path);
        rmSync(path + ".map", { force: true });
      }
    }
  };
  if (statSync(out, { throwIfNoEntry: false })) walk(out);
}

/** Translates the tree into `out` (default out/js). */
export async function compile(out = join(top, "out", "js")) {
  const files = rooms.flatMap((room) => sources(join(top, room)));
  prune(files, out);
  await build({
    absWorkingDir: top,
    entryPoints: files,
    outbase: ".",
    outdir: out,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: true,
    logLevel: "warning",
  });
  return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await compile();
