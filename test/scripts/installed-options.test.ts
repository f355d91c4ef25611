// Every way of starting a telephone starts Node alike.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { installedOptions } from "../../scripts/demo-call/phone.js";
import { launcherFlags } from "../../toolchain/device/target-node.js";

test("a checkout's command and an installed one start Node as the laboratory does", () => {
  const here = /^exec node (.*) "\$top/m.exec(readFileSync("scripts/sotto", "utf8"))?.[1].split(" ");
  assert.equal(here, [...installedOptions]);
  assert.equal(launcherFlags().slice(0, installedOptions.length), [...installedOptions]);
});

test("this Node has the options", () => {
  const { status, stderr } = spawnSync(process.execPath, [...installedOptions, "-e", "0"], { encoding: "utf8" });
  assert.is(status, 0, stderr);
});

test.run();
