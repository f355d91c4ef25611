// The loader of a device's bundle: a program runs, its compiled code is kept, taken at the next start, and refused where it does not fit.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CodeCache, keepCode } from "../../../firmware/runtime/code-cache.js";
import { suiteFolder } from "../../support/handset-process.js";
import { checkout } from "../../vectors.js";

const folder = suiteFolder("loader");
const caches = join(folder, "caches");
const file = join(folder, "program.cjs");
const text =
  "(function (exports, require, module, __filename, __dirname, SOTTO_CODE_CACHE) { " +
  'const add = (a, b) => a + b; const { writeFileSync } = require("node:fs");' +
  "if (SOTTO_CODE_CACHE && !SOTTO_CODE_CACHE.wasTaken) writeFileSync(SOTTO_CODE_CACHE.file, SOTTO_CODE_CACHE.make());" +
  "console.log(JSON.stringify({ sum: add(1, 2), __filename, __dirname, taken: SOTTO_CODE_CACHE?.wasTaken })); })";
writeFileSync(file, text);

/** Starts the program as a device does. @returns what it printed. */
function start(digest: string, cacheFolder: string | undefined, ...flags: string[]) {
  const loader = new URL("../../../firmware/loader/load.js", import.meta.url).href;
  const code = `import { load } from ${JSON.stringify(loader)};
    load({ file: ${JSON.stringify(file)}, name: "program", digest: "${digest}" }, ${JSON.stringify(cacheFolder)});`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "--input-type=module", "-e", code], {
    cwd: checkout,
    encoding: "utf8",
  });
  assert.ok(stdout, stderr);
  return JSON.parse(stdout) as { sum: number; __filename: string; __dirname: string; taken?: boolean };
}

test("without a folder it runs, and keeps nothing", () => {
  assert.equal(start("one", undefined), { sum: 3, __filename: file, __dirname: folder });
});

test("code is taken at the second start; another program, engine flags and damage make it anew", () => {
  mkdirSync(caches);
  assert.is(start("one", caches).taken, false);
  assert.is(start("one", caches).taken, true);
  assert.is(start("two", caches).taken, false, "another text of the same length");
  const [kept] = readdirSync(caches).filter((name) => name.includes("one"));
  assert.match(kept, `${process.version}-${process.arch}`);
  assert.is(start("one", caches, "--no-opt").taken, false, "other flags");
  assert.is(start("one", caches, "--no-opt").taken, true);
  writeFileSync(join(caches, kept), readFileSync(join(caches, kept)).subarray(0, 100));
  assert.is(start("one", caches).sum, 3, "a file cut off");
  writeFileSync(join(caches, kept), "no code at all");
  assert.is(start("one", caches).taken, false);
});

test("keeping writes once, and takes what other versions left away", async () => {
  rmSync(caches, { recursive: true, force: true });
  mkdirSync(caches);
  for (const name of ["program-old.code", "voice-other.code"]) writeFileSync(join(caches, name), "old");
  let made = 0;
  const cache = (wasTaken: boolean): CodeCache => ({
    ...{ file: join(caches, "program-new.code"), prefix: "program-", wasTaken },
    make: () => {
      made++;
      return new Uint8Array([1, 2, 3]);
    },
  });
  assert.is(await keepCode(cache(true)), 0);
  assert.is(await keepCode(undefined), 0);
  assert.is(made, 0);
  assert.is(await keepCode(cache(false)), 3);
  assert.equal(readdirSync(caches).sort(), ["program-new.code", "voice-other.code"]);
  assert.is(statSync(join(caches, "program-new.code")).mode & 0o777, 0o600, "nobody else writes what is run");
  assert.ok(existsSync(join(caches, "voice-other.code")));
});

test.run();
