// Counters in a file: what was used or seen before a restart stays so.

import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileCounters } from "../../../../firmware/keying/mikey/counter-file.js";

const test = suite("mikey counter file");
const folder = mkdtempSync(join(tmpdir(), "counters-"));
const file = join(folder, "deep", "counters");
const pair = "sip:bob@example.com sip:alice@example.com";

test("a restart forgets neither what was sent nor what was seen", () => {
  const first = new FileCounters(file);
  assert.equal([first.next(pair), first.next(pair)], [1, 2]);
  assert.ok(first.saw(pair, 41));
  assert.ok(first.saw(pair, 7));
  assert.is(statSync(file).mode & 0o777, 0o600);
  const second = new FileCounters(file);
  assert.equal([second.last(pair), second.next(pair), second.last("x y")], [41, 3, 0]);
});

test("a line cut off by a power failure is passed over, another file is not touched", () => {
  appendFileSync(file, `seen ${pair} 9`);
  assert.is(new FileCounters(file).last(pair), 41);
  const strange = join(folder, "strange");
  writeFileSync(strange, "my diary");
  assert.throws(() => new FileCounters(strange), /not a file of counters/);
});

test("the file does not grow with uptime", () => {
  const small = join(folder, "small");
  const counters = new FileCounters(small, { capacity: 10 });
  for (let i = 1; i < 2000; i++) assert.is(counters.next(pair), i);
  assert.ok(statSync(small).size < 5000, String(statSync(small).size));
  assert.is(new FileCounters(small).next(pair), 2000);
});

test("a disk that refuses is told of, and the counters go on", () => {
  let told = 0;
  const counters = new FileCounters(join(folder, "strange", "x"), { failed: () => told++ });
  assert.equal([counters.next(pair), counters.next(pair)], [1, 2]);
  assert.ok(told >= 2);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
