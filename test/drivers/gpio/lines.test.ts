// Lines by chip and number, and the words for what is wrong with them.

import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { GpioKeys, GpioOutput, lineNumber } from "../../../drivers/gpio/index.js";
import { exportLine, FakeGpio, gpioTree, temporaryFolder } from "../../support/fake-sysfs.js";

test("a chip is known by its label, by its name in /dev, by its name in sysfs; the base comes from the kernel", () => {
  const root = gpioTree();
  for (const chip of ["9030000.pl061", "gpiochip0", "gpiochip512"])
    assert.is(lineNumber({ chip, line: 3 }, root), 515, chip);
  assert.is(lineNumber({ chip: "expander", line: 15 }, root), 535);
});

test("a chip or line that is not there is told with those that are", () => {
  const root = gpioTree();
  assert.throws(
    () => lineNumber({ chip: "pinctrl", line: 0 }, root),
    /no GPIO chip "pinctrl"; chips: 9030000\.pl061 \(gpiochip0, 8 lines\), expander/,
  );
  for (const line of [8, -1, 1.5])
    assert.throws(() => lineNumber({ chip: "expander", line: line === 8 ? 16 : line }, root), /has lines 0 to 15, got/);
});

test("without sysfs the alternatives are named", () => {
  assert.throws(
    () => lineNumber({ chip: "x", line: 0 }, join(temporaryFolder("none"), "gpio")),
    /does not exist: this kernel has no GPIO files \(CONFIG_GPIO_SYSFS\); .*gpio-keys.*evdev.*gpio-leds.*gpio-vibrator/,
  );
});

test("files that udev hands over late are waited for without keeping the processor busy", async () => {
  const root = gpioTree();
  let turns = 0;
  // The files come after so many turns of the event loop: who blocks it waits in vain.
  const busy = setInterval(() => {
    if (++turns === 40) exportLine(root, 513);
  }, 5);
  const started = process.cpuUsage();
  const startedMs = performance.now();
  const output = await GpioOutput.open(
    { chip: "gpiochip0", line: 1 },
    { root, Gpio: FakeGpio.on(root), accessMs: 20_000 },
  );
  const { user, system } = process.cpuUsage(started);
  clearInterval(busy);
  const tookMs = performance.now() - startedMs;
  assert.ok(turns >= 40, `the event loop turned ${turns} times`);
  assert.ok((user + system) / 1000 < 0.8 * tookMs, `${(user + system) / 1000} ms of processor time in ${tookMs} ms`);
  output.close();
});

test("a line whose files never come, that has no interrupt, or that somebody holds: each in words", async () => {
  const root = gpioTree();
  const Gpio = FakeGpio.on(root);
  const button = { key: "call" as const, chip: "gpiochip0", line: 2 };
  const open = (more: object = {}) =>
    GpioKeys.open({ buttons: [button], root, Gpio, accessMs: 30, ...more }).then(
      () => "opened",
      (error: Error) => error.message,
    );
  assert.match(await open(), /GPIO line 2 of gpiochip0: .*value does not exist/);
  exportLine(root, 514, []);
  assert.match(await open(), /no interrupt, take another one for a key/);
  exportLine(root, 514);
  const deaf = class extends FakeGpio {
    constructor(line: number) {
      super(root, line, "in", "none");
    }
  };
  assert.match(await open({ Gpio: deaf }), /has no interrupt/);
  assert.match(await open({ root: join(root, "nowhere") }), /does not exist: this kernel has no GPIO files/);
});

test("what was opened before a mistake is given back", async () => {
  const root = gpioTree();
  exportLine(root, 512);
  const buttons = [
    { key: "call" as const, chip: "gpiochip0", line: 0 },
    { key: "hangup" as const, chip: "gpiochip0", line: 99 },
  ];
  const error = await GpioKeys.open({ buttons, root, Gpio: FakeGpio.on(root) }).catch((e: Error) => e.message);
  assert.match(String(error), /lines 0 to 7, got 99/);
  assert.throws(() => FakeGpio.at(root, 512).writeSync(1), /EBADF/);
});

test("an output begins switched off and never flashes: direction and level in one step, also where low means on", async () => {
  const root = gpioTree();
  const directions: string[] = [];
  const Gpio = class extends FakeGpio {
    constructor(line: number, direction: "in" | "out" | "high" | "low", edge?: string, options?: object) {
      super(root, line, direction, edge, options);
      directions.push(direction);
    }
  };
  for (const activeLow of [false, true]) {
    exportLine(root, 516);
    const output = await GpioOutput.open({ chip: "gpiochip0", line: 4, activeLow }, { root, Gpio });
    assert.is(FakeGpio.at(root, 516).readSync(), 0);
    output.set(true);
    assert.is(FakeGpio.at(root, 516).readSync(), 1);
    output.close();
    output.close();
  }
  assert.equal(directions, ["low", "high"]);
});

test.run();
