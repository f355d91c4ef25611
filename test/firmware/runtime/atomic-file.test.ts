// Files are the old or the new version, private unless said otherwise.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { writeFileAtomic } from "../../../firmware/runtime/atomic-file.js";

const test = suite("atomic-file", { folder: "" });
test.before((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "sotto-atomic-"));
});
test.after((context) => rmSync(context.folder, { recursive: true }));

test("writes, makes folders, is private, leaves nothing beside it", async ({ folder }) => {
  const path = join(folder, "a", "b.txt");
  await writeFileAtomic(path, "one");
  await writeFileAtomic(path, Uint8Array.from([0x74, 0x77, 0x6f]));
  assert.is(readFileSync(path, "utf8"), "two");
  assert.is(statSync(path).mode & 0o777, 0o600);
  assert.equal(readdirSync(join(folder, "a")), ["b.txt"]);
});

test("a failure leaves the old file", async ({ folder }) => {
  const path = join(folder, "kept");
  writeFileSync(path, "old");
  try {
    await writeFileAtomic(join(path, "below-a-file"), "new");
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /below-a-file|kept/);
  }
  assert.is(readFileSync(path, "utf8"), "old");
});

test.run();
