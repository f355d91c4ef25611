// Reports are read back; other files are refused by name.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readResult } from "../../../scripts/latency-lab/read-result.js";
import { centralCases, resultOf } from "./fixture.js";

const test = suite("read result");
const result = resultOf({ cases: centralCases(1) });
const folder = mkdtempSync(join(tmpdir(), "sotto-result-"));
const file = join(folder, "report.json");

test("a report comes back as it was written", () => {
  writeFileSync(file, JSON.stringify(result));
  assert.equal(readResult(file), JSON.parse(JSON.stringify(result)));
});

test("what is none is refused, with its name and without its text", () => {
  const text = JSON.stringify(result);
  for (const [content, why] of [
    ["root:x:0:0", /report\.json is no JSON$/],
    [text.slice(0, text.length / 2), /report\.json is no JSON$/],
    ["[]", /report\.json is no report\.json of scripts\/latency/],
    [JSON.stringify({ ...result, version: 2 }), /\(version\)$/],
    [JSON.stringify({ ...result, cases: [{}] }), /\(cases\.0\.name\)$/],
  ] as const) {
    writeFileSync(file, content);
    assert.throws(() => readResult(file), why);
  }
  assert.throws(() => readResult(join(folder, "none")), /ENOENT.*none/);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
