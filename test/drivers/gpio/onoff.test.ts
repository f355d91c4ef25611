// onoff itself, on files: it looks only at /sys/class/gpio, so a folder is put there in a mount namespace of a child's own.

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadOnoff } from "../../../drivers/gpio/index.js";
import { exportLine, gpioTree, temporaryFolder, writeTree } from "../../support/fake-sysfs.js";

const canMount = process.getuid?.() === 0 && spawnSync("unshare", ["-m", "true"]).status === 0 && (await haveOnoff());

async function haveOnoff(): Promise<boolean> {
  try {
    await loadOnoff();
    return true;
  } catch {
    return false;
  }
}

if (!canMount) console.log("skipped: onoff on files needs root, unshare and a compiled onoff");
else
  test("an output switches a real file through onoff", () => {
    const classes = temporaryFolder("class");
    const root = gpioTree();
    exportLine(root, 514);
    const gpio = fileURLToPath(new URL("../../../drivers/gpio/index.js", import.meta.url));
    const script = join(
      writeTree(temporaryFolder("script"), {
        "run.mjs": `
        import { readFileSync } from "node:fs";
        import { GpioOutput } from ${JSON.stringify(gpio)};
        const output = await GpioOutput.open({ chip: "9030000.pl061", line: 2 });
        const value = () => readFileSync("/sys/class/gpio/gpio514/value", "utf8")[0];
        const seen = [value()];
        output.set(true); seen.push(value());
        output.set(false); seen.push(value());
        output.set(true); output.close(); seen.push(value());
        console.log(seen.join(""), readFileSync("/sys/class/gpio/gpio514/direction", "utf8"));
        process.exit(0);
      `,
      }),
      "run.mjs",
    );
    const said = execFileSync(
      "unshare",
      [
        "-m",
        "sh",
        "-c",
        `mount --bind "$1" /sys/class && mkdir /sys/class/gpio && mount --bind "$2" /sys/class/gpio && exec "$3" "$4"`,
        "sh",
        classes,
        root,
        process.execPath,
        script,
      ],
      { encoding: "utf8" },
    );
    assert.is(said.trim(), "0100 low");
    assert.is(readFileSync(join(root, "unexport"), "utf8"), "514");
  });

test.run();
