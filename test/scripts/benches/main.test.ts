// The command line of scripts/bench, run as a program.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const program = fileURLToPath(new URL("../../../scripts/benches/main.js", import.meta.url));

function bench(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

test("--list and --help", async () => {
  const list = await bench("--list");
  assert.is(list.code, 0);
  assert.match(list.out, /^ {2}trace +cost of/m);
  const help = await bench("--help");
  assert.is(help.code, 0);
  assert.match(help.out, /Usage: scripts\/bench/);
});

test("a wrong command line says what is right", async () => {
  for (const [args, words] of [
    [["nonsense"], /no benchmark "nonsense"\. There are:\n {2}\w/],
    [[], /which benchmark\? There are:/],
    [["trace", "--rounds", "0"], /whole number from 1 up/],
    [["trace", "--nonsense"], /unknown option '--nonsense'/],
    [["trace", "more"], /too many arguments/],
  ] as const) {
    const { code, out, err } = await bench(...args);
    assert.is(code, 2, args.join(" "));
    assert.match(err, words);
    assert.is(out, "");
  }
});

test("a file that cannot be written is said before anything is measured", async () => {
  const { code, out, err } = await bench("trace", "--json", "/nonexistent/folder/x.json");
  assert.is(code, 1);
  assert.match(err, /^scripts\/bench: ENOENT.*x\.json/);
  assert.is(out, "");
});

test("a benchmark runs, prints its table and writes its measurements", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-bench-"));
  try {
    const file = join(folder, "trace.json");
    const { code, out } = await bench("trace", "--rounds", "3", "--json", file);
    assert.is(code, 0);
    assert.match(out, /trace point +3 /);
    const written = JSON.parse(await readFile(file, "utf8"));
    assert.is(written.benchmark, "trace");
    assert.is(written.groups[0].series[1].samples.length, 3);
    assert.ok(written.groups[0].series[1].samples.every((ns: number) => ns > 0));
    const piped = await bench("trace", "--rounds", "1", "--json", "-");
    assert.is(JSON.parse(piped.out).groups[0].series.length, 4);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
