// The firmware as a device gets it: one esbuild run, minified, source maps aside.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";
import { top } from "../top.js";
import { nativeLoading } from "./native-loading.js";

/** A bundle on disk. */
export interface Bundle {
  /** What was bundled into what, by esbuild. */
  readonly meta: Metafile;
  /** Names of the native parts its code loads. */
  readonly natives: readonly string[];
}

/**
 * Writes the bundle into `app` (emptied before) and its source maps into `maps`.
 * @throws Error in esbuild's words.
 */
export async function bundle(app: string, maps: string, version: string): Promise<Bundle> {
  for (const folder of [app, maps]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const natives = new Set<string>();
  const { metafile } = await build({
    absWorkingDir: top,
    // Linked folders keep their names: the bytes must not depend on where packages are stored.
    preserveSymlinks: true,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "warning",
    mainFields: ["module", "main"],
    entryPoints: { sotto: "firmware/cli/entry.ts", "voice-thread": "firmware/voice-thread.ts" },
    outdir: app,
    splitting: true,
    minify: true,
    // Function names stay out; stacks are read with the maps.
    sourcemap: "external",
    sourcesContent: true,
    legalComments: "none",
    metafile: true,
    plugins: [nativeLoading(natives)],
    define: { SOTTO_VERSION: JSON.stringify(version), SOTTO_BUNDLED: "true" },
    banner: {
      js: [
        'import { createRequire as sottoRequire } from "node:module";',
        'import { fileURLToPath as sottoPath } from "node:url";',
        'const require = sottoRequire(import.meta.url), __filename = sottoPath(import.meta.url), __dirname = sottoPath(new URL(".", import.meta.url));',
      ].join("\n"),
    },
  });
  for (const name of readdirSync(app)) if (name.endsWith(".map")) renameSync(join(app, name), join(maps, name));
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "sotto", version, type: "module" }) + "\n");
  return { meta: metafile, natives: [...natives].sort() };
}

/** The version in package.json. */
export function sottoVersion(): string {
  return JSON.parse(readFileSync(join(top, "package.json"), "utf8")).version as string;
}
