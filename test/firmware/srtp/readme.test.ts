// The example of firmware/srtp/README.md runs as it stands there, and prints what it says.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkout } from "../../vectors.js";

test("the example runs, and prints what its comments say", () => {
  const text = readFileSync(join(checkout, "firmware", "srtp", "README.md"), "utf8");
  const examples = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]);
  assert.is(examples.length, 1);
  const library = new URL("../../../firmware/srtp/index.js", import.meta.url).href;
  const { code } = transformSync(examples[0].replace('"sotto/srtp"', JSON.stringify(library)), { loader: "ts" });
  const folder = mkdtempSync(join(tmpdir(), "sotto-readme-"));
  try {
    const program = join(folder, "example.mjs");
    writeFileSync(program, code);
    const said = execFileSync(process.execPath, [program], { encoding: "utf8" }).trim().split("\n");
    assert.equal(said, ["to send: 182 bytes", "to play: 172 bytes", "replayed", "8", "1", "closed"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Everything a compiled module loads, itself included, and the packages among it. */
function loads(file: string, seen: Set<string>, packages: Set<string>): void {
  if (seen.has(file)) return;
  seen.add(file);
  for (const [, from] of readFileSync(file, "utf8").matchAll(/^(?:import|export|\}).*?from "([^"]+)";$/gm))
    if (from.startsWith(".")) loads(join(dirname(file), from), seen, packages);
    else packages.add(from);
}

test("the library brings nothing with it but itself and the packet ciphers", () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  loads(fileURLToPath(new URL("../../../firmware/srtp/index.js", import.meta.url)), seen, packages);
  assert.equal([...packages], []);
  assert.ok(seen.size > 15);
  for (const file of seen) assert.match(file, /\/firmware\/(srtp|crypto)\/[a-z0-9-]+\.js$/);
});

test.run();
