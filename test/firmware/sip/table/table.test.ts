// Every line of the tables that say what SIP here can do, and cannot, is checked by a test of its name, and no test checks a line that is not there.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkout } from "../../../vectors.js";

/** First cells of a Markdown table's rows, without its heading. */
function firstCells(markdown: string, heading: RegExp): string[] {
  const from = markdown.search(heading);
  assert.ok(from >= 0, `no table under ${heading}`);
  const lines = markdown.slice(from).split("\n");
  const start = lines.findIndex((line) => line.startsWith("|"));
  const cells: string[] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith("|")) break;
    cells.push(line.split("|")[1].trim());
  }
  return cells;
}

const folder = join(checkout, "test", "firmware", "sip", "table");
const sources = readdirSync(folder)
  .filter((name) => name.endsWith(".test.ts") && name !== "table.test.ts")
  .map((name) => readFileSync(join(folder, name), "utf8"));
const matches = (pattern: RegExp): string[] =>
  sources.flatMap((source) => [...source.matchAll(pattern)].map((match) => match.groups?.["name"] ?? ""));
const names = matches(/^table\(\s*"(?<name>.+?)",/gm);

test("firmware/sip/README.md: each line has its test, each test its line", () => {
  const readme = readFileSync(join(checkout, "firmware", "sip", "README.md"), "utf8");
  const supported = firstCells(readme, /^## Supported/m);
  const missing = firstCells(readme, /^## Not supported/m).map((name) => `not: ${name}`);
  assert.ok(supported.length > 20 && missing.length > 0);
  assert.equal([...names].sort(), [...supported, ...missing].sort());
});

test("README.md: each SIP line of its table is a suite here", () => {
  const readme = readFileSync(join(checkout, "README.md"), "utf8");
  const lines = firstCells(readme, /^## Supported, and not/m).filter((name) => name.startsWith("SIP"));
  assert.equal([...matches(/suite\("(?<name>.+?)"\)/g)].sort(), [...lines].sort());
});

test("a line without a test would be seen", () => {
  const table =
    "## Supported\n\n| subject | what |\n|---|---|\n| one | x |\n| two, three | y |\n\ntext\n| no | row |\n";
  assert.equal(firstCells(table, /^## Supported/m), ["one", "two, three"]);
});

test.run();
