// Buttons on GPIO lines: chatter, levels, holding, giving back.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { GpioKeys, type GpioKeysOptions } from "../../../drivers/gpio/index.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { exportLine, FakeGpio, gpioTree } from "../../support/fake-sysfs.js";

async function rig(options: Partial<GpioKeysOptions> = {}) {
  const time = new VirtualTime();
  const root = gpioTree();
  exportLine(root, 512);
  const buttons = [{ key: "volumeUp" as const, chip: "gpiochip0", line: 0, activeLow: true }];
  const keys = await GpioKeys.open({ buttons, root, Gpio: FakeGpio.on(root), clock: time, timers: time, ...options });
  const seen: string[] = [];
  keys.listen((action, key, atMs) => seen.push(`${action} ${key} ${atMs}`));
  return { time, keys, seen, gpio: FakeGpio.at(root, 512) };
}

test("a chattering contact is one press, told at its first edge, and one release", async () => {
  const { time, seen, gpio, keys } = await rig();
  time.advance(100);
  for (const level of [1, 0, 1, 0, 1] as const) {
    gpio.level(level);
    time.advance(2);
  }
  time.advance(190);
  for (const level of [0, 1, 0, 1, 0] as const) {
    gpio.level(level);
    time.advance(2);
  }
  time.advance(100);
  assert.equal(seen, ["press volumeUp 100", "release volumeUp 300"]);
  keys.close();
});

test("a press that ended within the settling time is still let go", async () => {
  const { time, seen, gpio, keys } = await rig({ debounceMs: 20 });
  gpio.level(1);
  time.advance(5);
  gpio.level(0);
  time.advance(100);
  assert.equal(seen, ["press volumeUp 0", "release volumeUp 20"]);
  assert.is(time.active, 0);
  keys.close();
});

test("held: long, then repeats at their own times until it is let go", async () => {
  const { time, seen, gpio, keys } = await rig({ longMs: 500, repeatMs: 100 });
  gpio.level(1);
  time.advance(850);
  gpio.level(0);
  time.advance(1000);
  assert.equal(
    seen.map((line) => line.replace(" volumeUp", "")),
    ["press 0", "long 500", "repeat 600", "repeat 700", "repeat 800", "release 850"],
  );
  keys.close();
});

test("keys that do not repeat say long once", async () => {
  const { time, seen, gpio, keys } = await rig({ repeats: [] });
  gpio.level(1);
  time.advance(5000);
  assert.equal(seen, ["press volumeUp 0", "long volumeUp 800"]);
  keys.close();
});

test("the line is asked for as active low, both edges", async () => {
  const { gpio, keys } = await rig();
  assert.equal(gpio.options, { activeLow: true });
  assert.is(gpio.edge(), "both");
  keys.close();
});

test("close gives the line back and forgets what is held", async () => {
  const { time, seen, gpio, keys } = await rig();
  gpio.level(1);
  keys.close();
  keys.close();
  time.advance(5000);
  assert.equal(seen, ["press volumeUp 0"]);
  assert.is(time.active, 0);
  assert.throws(() => gpio.writeSync(0), /EBADF/);
});

test("a failed interrupt is no press", async () => {
  const time = new VirtualTime();
  const root = gpioTree();
  exportLine(root, 512);
  let callback: (error: Error | null, value: 0 | 1) => void = () => {};
  const Gpio = class extends FakeGpio {
    constructor(line: number, direction: "in" | "out" | "high" | "low", edge?: string, options?: object) {
      super(root, line, direction, edge, options);
    }
    override watch(listener: typeof callback): void {
      callback = listener;
    }
  };
  const keys = await GpioKeys.open({
    buttons: [{ key: "call", chip: "gpiochip0", line: 0 }],
    ...{ root, Gpio, clock: time, timers: time },
  });
  const seen: string[] = [];
  keys.listen((action) => seen.push(action));
  callback(new Error("EIO"), 1);
  assert.equal(seen, []);
  keys.close();
});

test.run();
