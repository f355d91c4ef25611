// The replay cache in a file: what was seen before a restart stays seen.

import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileReplayCache } from "../../../../firmware/keying/mikey/replay-file.js";
import { replayKey } from "../../../../firmware/mikey/replay.js";

const test = suite("mikey replay file");
const folder = mkdtempSync(join(tmpdir(), "replay-"));
const file = join(folder, "deep", "replay");
const key = (n: number) => replayKey(Uint8Array.of(n));

test("a restart forgets nothing that could still be replayed", () => {
  const first = new FileReplayCache(file, { nowMs: 0 });
  assert.is(first.add(key(1), 1000, 0), "added");
  assert.is(first.add(key(2), 5000.25, 0), "added");
  assert.is(statSync(file).mode & 0o777, 0o600);
  const second = new FileReplayCache(file, { nowMs: 2000 });
  assert.ok(second.has(key(2), 5000.25));
  assert.is(second.add(key(2), 5000.25, 2000), "known");
  assert.not(readFileSync(file, "utf8").includes(key(1)), "what is too old is left out");
});

test("a line cut off by a power failure is passed over, another file is not touched", () => {
  appendFileSync(file, `${key(3)} 9999\nAAAA`);
  const cache = new FileReplayCache(file, { nowMs: 0 });
  assert.ok(cache.has(key(3), 9999));
  const strange = join(folder, "strange");
  writeFileSync(strange, "my diary");
  assert.throws(() => new FileReplayCache(strange, { nowMs: 0 }), /not a replay cache/);
  assert.is(readFileSync(strange, "utf8"), "my diary");
});

test("the file does not grow with uptime", () => {
  const small = join(folder, "small");
  const cache = new FileReplayCache(small, { nowMs: 0, capacity: 10 });
  for (let i = 0; i < 2000; i++) assert.is(cache.add(replayKey(Buffer.from(`m${i}`)), i + 5, i), "added");
  assert.ok(statSync(small).size < 4000, String(statSync(small).size));
});

test("a disk that refuses is told of, and the cache goes on", () => {
  let told = 0;
  const cache = new FileReplayCache(join(folder, "strange", "x"), { nowMs: 0, failed: () => told++ });
  assert.is(cache.add(key(1), 10, 0), "added");
  assert.is(cache.add(key(1), 10, 0), "known");
  assert.ok(told >= 2);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
