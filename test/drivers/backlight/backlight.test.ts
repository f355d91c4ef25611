// Behaviour of backlights: shows the latest level, each change once, refuses levels that are none, is left as it was found.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Backlight } from "../../../drivers/contract.js";
import { SysfsBacklight } from "../../../drivers/leds/index.js";
import { SimulatedBacklight } from "../../../drivers/simulated/backlight.js";
import { temporaryFolder, writeTree } from "../../support/fake-sysfs.js";

const panel = () =>
  writeTree(temporaryFolder("backlight"), { "panel/brightness": "30\n", "panel/max_brightness": "200\n" });

/** A real driver joins by adding an entry here. `level` tells how bright it is, 0 to 1. */
const implementations: readonly { name: string; open(): { light: Backlight; level(): number | undefined } }[] = [
  {
    name: "simulated",
    open: () => {
      const light = new SimulatedBacklight();
      return { light, level: () => light.level };
    },
  },
  {
    name: "sysfs",
    open: () => {
      const root = panel();
      return {
        light: new SysfsBacklight(undefined, root),
        level: () => Number(readFileSync(join(root, "panel", "brightness"), "utf8")) / 200,
      };
    },
  },
];

for (const { name, open } of implementations) {
  test(`${name}: every level`, () => {
    const { light, level } = open();
    for (const wanted of [1, 0, 0.5, 0.5, 1]) {
      light.set(wanted);
      assert.is(level(), wanted);
    }
    light.close();
  });

  test(`${name}: levels that are none throw RangeError and change nothing`, () => {
    const { light, level } = open();
    light.set(0.5);
    for (const wrong of [-0.1, 1.1, Number.NaN])
      assert.throws(
        () => light.set(wrong),
        (error: unknown) => error instanceof RangeError,
      );
    assert.is(level(), 0.5);
    light.close();
  });

  test(`${name}: after close nothing changes, nothing throws`, () => {
    const { light, level } = open();
    light.close();
    light.close();
    const before = level();
    light.set(1);
    assert.is(level(), before);
  });
}

test("sysfs: anything above 0 is lit, and it is left as bright as it was found", () => {
  const root = panel();
  const light = new SysfsBacklight("panel", root);
  light.set(0.001);
  const file = join(root, "panel", "brightness");
  assert.is(readFileSync(file, "utf8"), "1");
  light.close();
  assert.is(readFileSync(file, "utf8"), "30");
});

test("sysfs: none, several, or another name are told", () => {
  assert.throws(() => new SysfsBacklight(undefined, join(panel(), "none")), /there is no backlight in/);
  const two = writeTree(panel(), { "keys/brightness": "0", "keys/max_brightness": "1" });
  assert.throws(() => new SysfsBacklight(undefined, two), /several backlights: keys, panel; name one/);
  assert.throws(() => new SysfsBacklight("screen", two), /no light "screen" .*lights: keys, panel/);
});

test.run();
