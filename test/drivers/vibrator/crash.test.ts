// Behaviour: the motor stops when its process is killed. GPIO lines and LEDs are switched off by a guard; a rumble effect ends by itself.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EFFECT_MS, rumbleEffect } from "../../../drivers/evdev/index.js";
import { exportLine, gpioTree, temporaryFolder, writeTree } from "../../support/fake-sysfs.js";
import { eventually, pause } from "../../support/wait.js";

const drivers = new URL("../../../drivers/", import.meta.url);
const support = new URL("../../support/fake-sysfs.js", import.meta.url);

/** Runs a script in a process of its own until it says "on". */
async function run(code: string): Promise<ChildProcess> {
  const script = join(writeTree(temporaryFolder("crash"), { "run.mjs": code }), "run.mjs");
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    child.stdout!.once("data", () => resolve());
    // "close" comes after everything it said, "exit" may come before.
    child.once("close", (status) => reject(new Error(`ended with ${status}`)));
  });
  return child;
}

const cases = {
  gpio: () => {
    const root = gpioTree();
    exportLine(root, 517);
    return {
      file: join(root, "gpio517", "value"),
      open: `
        import { GpioOutput } from ${JSON.stringify(fileURLToPath(new URL("gpio/index.js", drivers)))};
        import { FakeGpio } from ${JSON.stringify(fileURLToPath(support))};
        const root = ${JSON.stringify(root)};
        const output = await GpioOutput.open({ chip: "gpiochip0", line: 5 }, { root, Gpio: FakeGpio.on(root), guarded: true });`,
    };
  },
  led: () => {
    const root = writeTree(temporaryFolder("leds"), {
      "vibrator/brightness": "0",
      "vibrator/max_brightness": "1\n",
    });
    return {
      file: join(root, "vibrator", "brightness"),
      open: `
        import { Led } from ${JSON.stringify(fileURLToPath(new URL("leds/index.js", drivers)))};
        const output = new Led("vibrator", { root: ${JSON.stringify(root)}, guarded: true });`,
    };
  },
};

const vibrate = `
  import { SwitchedVibrator } from ${JSON.stringify(fileURLToPath(new URL("switched.js", drivers)))};
  const vibrator = new SwitchedVibrator(output);
  vibrator.start([60000], true);
  console.log("on");
  setInterval(() => {}, 1000);`;

for (const [name, make] of Object.entries(cases)) {
  for (const signal of ["SIGKILL", "SIGSEGV"] as const)
    test(`${name}: the motor stops after ${signal}`, async () => {
      const { file, open } = make();
      const child = await run(open + vibrate);
      assert.is(readFileSync(file, "utf8"), "1");
      child.kill(signal);
      await eventually("the motor stops", 20_000, () => readFileSync(file, "utf8") === "0");
    });

  test(`${name}: a process that leaves by itself, without closing, stops the motor`, async () => {
    const { file, open } = make();
    await run(`${open + vibrate}\nsetTimeout(() => process.exit(3), 50);`);
    await eventually("the motor stops", 20_000, () => readFileSync(file, "utf8") === "0");
  });
}

test("after a proper close the guard is gone and leaves the device to others", async () => {
  const { file, open } = cases.led();
  const child = await run(`${open}
    const { pid } = output.guard;
    output.close();
    console.log(pid);
    setInterval(() => {}, 1000);`);
  await pause(50);
  writeTree(join(file, ".."), { brightness: "1" });
  child.kill("SIGKILL");
  await pause(300);
  assert.is(readFileSync(file, "utf8"), "1");
});

test("a rumble effect has a length of its own, where the kernel's structure has it", () => {
  for (const bits of [32, 64] as const) {
    const bytes = rumbleEffect(1, EFFECT_MS, -1, bits);
    const u16 = new Uint16Array(bytes.buffer);
    // linux/input.h: type, id, direction, trigger.button, trigger.interval, replay.length, replay.delay, then at 16 the rumble.
    assert.equal(
      [bytes.length, ...u16.subarray(0, 10)],
      [bits === 64 ? 48 : 44, 0x50, 0xffff, 0, 0, 0, EFFECT_MS, 0, 0, 0xffff, 0xffff],
    );
  }
  assert.ok(EFFECT_MS <= 2000);
});

test.run();
