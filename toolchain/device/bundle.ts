// The firmware as a device gets it: one esbuild run, minified, source maps aside.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { top } from "../top.js";
import { nativeLoading } from "./native-loading.js";

/** A bundle on disk. */
export interface Bundle {
  /** What was bundled into what, by esbuild. */
  readonly meta: Metafile;
  /** Names of the native parts its code loads. */
  readonly natives: readonly string[];
}

/** The programs of a device and the files that start them: the handset with its command line, and the voice thread. */
const programs = [
  { name: "handset", entry: "firmware/cli/entry.ts", loader: "sotto" },
  { name: "voice", entry: "firmware/voice-thread.ts", loader: "voice-thread" },
] as const;

/**
 * Writes the bundle into `app` (emptied before) and its source maps into `maps`. Each program is one CommonJS file, since V8 keeps compiled
 * code of scripts and not of modules; what a program imports late is in it as a function that has not run. Names of its functions stay out;
 * stacks are read with the maps.
 * @throws Error in esbuild's words.
 */
export async function bundle(app: string, maps: string, version: string): Promise<Bundle> {
  for (const folder of [app, maps]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const natives = new Set<string>();
  const common: BuildOptions = {
    absWorkingDir: top,
    // Linked folders keep their names: the bytes must not depend on where packages are stored.
    preserveSymlinks: true,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node20",
    logLevel: "warning",
    minify: true,
    legalComments: "none",
    metafile: true,
    tsconfigRaw: {},
  };
  const outputs: Metafile["outputs"] = {};
  for (const { name, entry, loader } of programs) {
    const program = await build({
      ...common,
      mainFields: ["module", "main"],
      entryPoints: { [name]: entry },
      outdir: app,
      outExtension: { ".js": ".cjs" },
      // Packages that ask for Node's own modules late are to get them from require(): a script has no import().
      supported: { "dynamic-import": false },
      sourcemap: "external",
      sourcesContent: true,
      plugins: [nativeLoading(natives)],
      define: { SOTTO_VERSION: JSON.stringify(version), "import.meta.url": "sottoUrl" },
      banner: {
        js: '(function(exports,require,module,__filename,__dirname,SOTTO_CODE_CACHE){const sottoUrl=require("node:url").pathToFileURL(__filename).href;',
      },
      footer: { js: "})" },
    });
    Object.assign(outputs, program.metafile!.outputs);
    const text = readFileSync(join(app, `${name}.cjs`));
    const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
    const started = await build({
      ...common,
      entryPoints: { [loader]: "firmware/loader/entry.ts" },
      outdir: app,
      define: { SOTTO_PROGRAM: JSON.stringify({ name, digest }) },
    });
    Object.assign(outputs, started.metafile!.outputs);
  }
  for (const name of readdirSync(app).filter((one) => one.endsWith(".map"))) {
    const map = JSON.parse(readFileSync(join(app, name), "utf8")) as { sources: string[] };
    // Named from the checkout's top, wherever the bundle was put.
    map.sources = map.sources.map((source) => (source.includes(":") ? source : relative(top, resolve(app, source))));
    writeFileSync(join(maps, name), JSON.stringify(map));
    rmSync(join(app, name));
  }
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "sotto", version, type: "commonjs" }) + "\n");
  return { meta: { inputs: {}, outputs }, natives: [...natives].sort() };
}

/** The version in package.json. */
export function sottoVersion(): string {
  return JSON.parse(readFileSync(join(top, "package.json"), "utf8")).version as string;
}
