// A suite that is told to end ends first what it has started, and what cannot be stopped in time does not keep it.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkout } from "../vectors.js";
import { eventually } from "./wait.js";

const test = suite("what a test has started");
const folder = mkdtempSync(join(tmpdir(), "sotto-started-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** A suite that keeps something to be stopped, something that never comes up, and a program with a child of its own. */
const program = (mark: string) => `
  const { Started, endWithUs } = await import(${JSON.stringify(join(checkout, "out/js/test/support/started.js"))});
  const { spawn } = await import("node:child_process");
  const { writeFileSync } = await import("node:fs");
  const started = new Started();
  await started.keep(Promise.resolve({ stop: async () => writeFileSync(${JSON.stringify(mark)}, "") }));
  void started.keep(new Promise((resolve) => setTimeout(resolve, 300, { stop: async () => {} })));
  const child = spawn("sh", ["-c", "sleep 1000 & echo $!; wait"], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  endWithUs(-child.pid, new Promise((resolve) => child.once("close", resolve)));
  child.stdout.once("data", (pid) => console.log(String(pid).trim()));
  setInterval(() => {}, 1000);
`;

for (const [signal, code] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)
  test(`is ended by ${signal}, also by one that comes twice`, async () => {
    const mark = join(folder, signal);
    const child = spawn(process.execPath, ["--input-type=module", "-e", program(mark)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = new Promise((resolve) => child.once("close", resolve));
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    await eventually("it has started all", 30_000, () => /\d+\n/.test(said));
    const grandchild = Number(said);
    assert.ok(isRunning(grandchild));
    child.kill(signal);
    child.kill(signal);
    assert.is(await closed, code);
    assert.ok(existsSync(mark), "what was kept is stopped");
    await eventually("a program's own child has ended as well", 30_000, () => !isRunning(grandchild));
  });

test.run();
