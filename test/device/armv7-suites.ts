// Test suites for another processor: bundled with the native parts of its build, run by its Node under qemu-user, counted one by one.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { nativeLoading } from "../../toolchain/device/native-loading.js";
import { compileNative, findNativePart } from "../../toolchain/device/natives.js";
import { sysroot } from "../../toolchain/device/sysroot.js";
import { targetNode } from "../../toolchain/device/target-node.js";
import type { Target } from "../../toolchain/device/targets.js";
import { runTool } from "../../toolchain/device/tools.js";
import { checkout } from "../vectors.js";

/** How one suite went. */
export interface SuiteCount {
  /** Relative to test/, without its ending. */
  readonly name: string;
  readonly passed: number;
  readonly all: number;
  /** All that it printed. */
  readonly text: string;
}

/** What the emulated Node runs: uvu's own way of several files in a process, each between lines of ours. */
const runner = (names: readonly string[]) => `
  globalThis.UVU_DEFER = 1;
  const { exec } = await import("uvu");
  for (const name of ${JSON.stringify(names)}) {
    console.log("\\n=== " + name);
    globalThis.UVU_QUEUE = [[null]];
    globalThis.UVU_INDEX = 0;
    await import(new URL("./" + name + ".mjs", import.meta.url).href);
    await exec();
  }
  console.log("\\n=== end");
  process.exit(process.exitCode);`;

/** Emulated processes at once: so many as any machine has cores. */
const WIDTH = 2;

/**
 * Runs suites in two emulated processes, in each one after the other.
 * @param folder where their bundles go, below the checkout (they look for their data from there); emptied before.
 * @param names suites as paths below test/, without `.test.ts`.
 */
export async function runSuites(target: Target, folder: string, names: readonly string[]): Promise<SuiteCount[]> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "native"), { recursive: true });
  const root = await sysroot(target);
  const flat = (name: string) => name.replaceAll("/", "-");
  const starts = Array.from({ length: WIDTH }, (_, i) => join(folder, `start-${i}.ts`));
  starts.forEach((start, i) => {
    writeFileSync(start, runner(names.filter((_, at) => at % WIDTH === i).map(flat)));
  });
  const natives = new Set<string>();
  await build({
    absWorkingDir: checkout,
    preserveSymlinks: true,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "warning",
    sourcemap: "inline",
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    entryPoints: {
      ...Object.fromEntries(names.map((name) => [flat(name), join(checkout, "test", `${name}.test.ts`)])),
      ...Object.fromEntries(starts.map((start, i) => [`start-${i}`, start])),
    },
    plugins: [nativeLoading(natives)],
    banner: {
      js: 'import { createRequire as sottoRequire } from "node:module"; const require = sottoRequire(import.meta.url), __filename = import.meta.filename ?? "", __dirname = "";',
    },
  });
  for (const name of natives)
    await compileNative(findNativePart(name), target, join(folder, "native", `${name}.node`), { root });
  const { program, args } = targetNode(target, root);
  const outputs = await Promise.all(
    starts.map((_, i) =>
      runTool(program, [...args, "--enable-source-maps", join(folder, `start-${i}.mjs`)], {
        cwd: checkout,
        env: { FORCE_COLOR: "0" },
      }).catch((error: Error) => error.message),
    ),
  );
  return counts(outputs.join("\n"), names, flat);
}

/** Reads the counts out of what was printed. A suite that is not there, or was cut short, has counts of 0. */
function counts(output: string, names: readonly string[], flat: (name: string) => string): SuiteCount[] {
  const text = output.replace(/\u001b\[[0-9;]*m/g, "");
  const parts = new Map(text.split(/^=== /m).map((part) => [part.split("\n", 1)[0], part]));
  return names.map((name) => {
    const part = parts.get(flat(name)) ?? text.slice(-2000);
    const sum = (word: string) =>
      [...part.matchAll(new RegExp(`^\\s*${word}:\\s+(\\d+)`, "gm"))].reduce((all, found) => all + Number(found[1]), 0);
    return { name, passed: sum("Passed"), all: sum("Total"), text: part };
  });
}
