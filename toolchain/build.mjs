// Builds what a device or a user gets: dist/sotto.js and dist/voice-thread.js (one bundle each, chunks shared), and dist/lib (the
// libraries sotto/mikey, sotto/srtp, … with their types). JavaScript because it runs before anything is built.
// Usage: node toolchain/build.mjs [--bundle-only]

import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { top } from "./compile.mjs";

const bundleOnly = process.argv.includes("--bundle-only");
const { version } = JSON.parse(readFileSync(join(top, "package.json"), "utf8"));
const dist = join(top, "dist");
rmSync(dist, { recursive: true, force: true });

const common = {
  absWorkingDir: top,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  logLevel: "warning",
  sourcemap: true,
  // Packages that ship both forms are taken as ES modules: they can be shaken, and UMD wrappers hide what they require.
  mainFields: ["module", "main"],
};

await build({
  ...common,
  entryPoints: { sotto: "firmware/cli/entry.ts", "voice-thread": "firmware/voice-thread.ts" },
  outdir: dist,
  splitting: true,
  minify: true,
  // Native parts are packages beside the bundle, loaded when a device of theirs is opened.
  external: ["onoff", "serialport", "@serialport/bindings-cpp", "koffi"],
  define: { SOTTO_VERSION: JSON.stringify(version), SOTTO_BUNDLED: "true" },
  // Some dependencies are CommonJS: they call require() for Node's own modules, and one names its file.
  banner: {
    js: [
      'import { createRequire as sottoRequire } from "node:module";',
      'import { fileURLToPath as sottoPath } from "node:url";',
      "const require = sottoRequire(import.meta.url), __filename = sottoPath(import.meta.url);",
    ].join("\n"),
  },
});

// The bundle is ES modules wherever it is copied to.
writeFileSync(join(dist, "package.json"), JSON.stringify({ name: "sotto", version, type: "module" }) + "\n");

if (!bundleOnly) {
  const rooms = ["mikey", "srtp", "rtp", "sdp", "audio", "crypto"];
  await build({
    ...common,
    packages: "external",
    entryPoints: rooms.map((room) => `firmware/${room}/index.ts`),
    outbase: ".",
    outdir: join(dist, "lib"),
    splitting: true,
  });
  const types = spawnSync(
    process.execPath,
    [
      join(top, "node_modules", "typescript", "bin", "tsc"),
      "--noEmit",
      "false",
      "--emitDeclarationOnly",
      "--declaration",
      "--outDir",
      join(dist, "lib"),
    ],
    { cwd: top, stdio: "inherit" },
  );
  if (types.status !== 0) process.exit(types.status ?? 1);
}
