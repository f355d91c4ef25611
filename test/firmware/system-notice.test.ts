// What the system has to say reaches the telephone: what is there already, what comes, each once, and nothing else.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { watchNotice } from "../../firmware/system-notice.js";
import { eventually, pause } from "../support/wait.js";

const test = suite("system notices");
const folder = mkdtempSync(join(tmpdir(), "sotto-notice-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "text");
/** As the image's scripts do it. */
function put(line: string): void {
  writeFileSync(`${file}.new`, `${line}\n`);
  renameSync(`${file}.new`, file);
}

test("what is there at the start is told, and what comes later, once each", async () => {
  put("error No Wi-Fi: home does not take this passphrase");
  const told: [string, boolean][] = [];
  const notice = watchNotice(file, (text, error) => told.push([text, error]));
  assert.equal(told, [["No Wi-Fi: home does not take this passphrase", true]]);
  put("error No Wi-Fi: home does not take this passphrase");
  put("done Wi-Fi: joined home");
  await eventually("the second is told", 30_000, () => told.length === 2);
  assert.equal(told[1], ["Wi-Fi: joined home", false]);
  put(`done ${"x".repeat(1000)}`);
  await eventually("a long one is told", 30_000, () => told.length === 3);
  assert.is(told[2][0].length, 200);
  put("whatever this is");
  await pause(50);
  notice.close();
  put("error nobody hears this");
  await pause(50);
  assert.is(told.length, 3);
});

test("where there is no such folder nothing is said, and nothing fails", () => {
  watchNotice(join(folder, "nowhere", "text"), () => assert.unreachable()).close();
});

test.run();
