// Every way of starting a telephone starts Node alike.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { installedOptions } from "../../scripts/demo-call/phone.js";

for (const launcher of ["scripts/sotto", "toolchain/debian/sotto.sh"])
  test(`${launcher} starts Node as the laboratory does`, () => {
    const command = readFileSync(launcher, "utf8").replace(/\\\n/g, " ");
    const started = /^exec .*$/m.exec(command)?.[0].split(/\s+/) ?? [];
    for (const option of installedOptions) assert.ok(started.includes(option), `${option} is not in ${launcher}`);
  });

test("this Node has the options", () => {
  const { status, stderr } = spawnSync(process.execPath, [...installedOptions, "-e", "0"], { encoding: "utf8" });
  assert.is(status, 0, stderr);
});

test.run();
