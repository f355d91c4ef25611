// Folders are made with those above them; what cannot be made is an error, never an endless wait.

import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeFolder } from "../../../firmware/runtime/index.js";

const top = mkdtempSync(join(tmpdir(), "sotto-folder-"));
test.after(() => rmSync(top, { recursive: true, force: true }));

async function failure(path: string): Promise<NodeJS.ErrnoException> {
  try {
    await makeFolder(path);
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error(`${path} was made`);
}

test("a folder, those above it, again, and by several at once", async () => {
  const deep = join(top, "a", "b", "c");
  await makeFolder(deep, 0o700);
  assert.is(statSync(deep).mode & 0o777, 0o700);
  await makeFolder(deep);
  await makeFolder("/");
  const other = join(top, "x", "y", "z");
  await Promise.all([makeFolder(other), makeFolder(other), makeFolder(join(other, "w"))]);
  assert.ok(existsSync(join(other, "w")));
});

test("a file in the way", async () => {
  const file = join(top, "file");
  writeFileSync(file, "");
  assert.is((await failure(file)).code, "EEXIST");
  const error = await failure(join(file, "below"));
  assert.is(error.code, "ENOTDIR");
  assert.ok(error.message.includes(file));
});

test("a file system that takes no folders", async () => {
  if (!existsSync("/proc/self")) return console.log("skipped: there is no /proc here");
  assert.ok(["ENOENT", "EACCES", "EPERM", "EROFS"].includes((await failure("/proc/none/below")).code ?? ""));
});

test.run();
