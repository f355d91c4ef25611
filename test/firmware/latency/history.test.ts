// The history of call delays: bounded in memory and on disk, there again after a restart, whatever happened to its file.

import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LatencyHistory, type LatencySample } from "../../../firmware/latency/index.js";

const test = suite("history of delays", { folder: "" });
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "sotto-latency-"));
});
test.after.each((context) => rmSync(context.folder, { recursive: true }));

const sample = (atMs: number): LatencySample => ({
  ...{ atMs, direction: "outgoing", method: "open", warmth: "warm", calling: atMs / 10 },
});

test("survives a restart, keeps the newest, and its file stays bounded", ({ folder }) => {
  const file = join(folder, "deep", "latency");
  const first = new LatencyHistory({ file, capacity: 50 });
  for (let i = 0; i < 500; i++) {
    first.add(sample(i));
    assert.ok(readFileSync(file, "utf8").split("\n").length <= 103);
  }
  assert.is(statSync(file).mode & 0o777, 0o600);
  const second = new LatencyHistory({ file, capacity: 50 });
  assert.equal(second.all, first.all);
  assert.equal(
    second.all.map(({ atMs }) => atMs),
    Array.from({ length: 50 }, (_, i) => 450 + i),
  );
});

test("a line cut off by a power failure costs that line only", ({ folder }) => {
  const file = join(folder, "latency");
  const first = new LatencyHistory({ file });
  first.add(sample(1));
  appendFileSync(file, '{"atMs":2,"dire');
  const second = new LatencyHistory({ file });
  second.add(sample(3));
  assert.equal(new LatencyHistory({ file }).all, [sample(1), sample(3)]);
});

test("another file is not overwritten", ({ folder }) => {
  const file = join(folder, "important");
  writeFileSync(file, "my thesis\n");
  assert.throws(() => new LatencyHistory({ file }), /important is not a history of call delays/);
  assert.is(readFileSync(file, "utf8"), "my thesis\n");
});

test("a disk that cannot be written is told, and memory goes on", ({ folder }) => {
  const errors: Error[] = [];
  const history = new LatencyHistory({ file: join(folder, "x"), failed: (error) => errors.push(error) });
  rmSync(folder, { recursive: true });
  history.add(sample(1));
  assert.is(errors.length, 1);
  assert.equal(history.all, [sample(1)]);
  writeFileSync(folder, "");
});

test("without a file it is bounded too; a capacity of none is refused", () => {
  const history = new LatencyHistory({ capacity: 3 });
  for (let i = 0; i < 10; i++) history.add(sample(i));
  assert.equal(
    history.all.map(({ atMs }) => atMs),
    [7, 8, 9],
  );
  assert.throws(() => new LatencyHistory({ capacity: 0 }), RangeError);
});

test.run();
