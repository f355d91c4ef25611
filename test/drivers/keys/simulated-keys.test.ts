// The simulated keys' own promises: holding, observing, refusing what no phone has.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SimulatedKeys } from "../../../drivers/simulated/keys.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

test("long comes at 800 ms while held, release at the end", () => {
  const time = new VirtualTime();
  const seen: string[] = [];
  const keys = new SimulatedKeys({ clock: time, timers: time, observe: (what, atMs) => seen.push(`${what} ${atMs}`) });
  keys.hold("1", 1000);
  keys.hold("1", 50);
  keys.hold("2", 799);
  time.advance(2000);
  assert.equal(seen, ["press 1 0", "press 2 0", "release 2 799", "long 1 800", "release 1 1000"]);
  assert.is(time.active, 0);
});

test("close lets go of what is held, without a word", () => {
  const time = new VirtualTime();
  const keys = new SimulatedKeys({ clock: time, timers: time });
  const seen: string[] = [];
  keys.listen((action) => seen.push(action));
  keys.hold("call", 1000);
  keys.close();
  time.advance(2000);
  assert.equal(seen, ["press"]);
  assert.is(time.active, 0);
});

test("refuses keys no phone has and times that are none", () => {
  const keys = new SimulatedKeys();
  assert.throws(() => keys.press("A" as never), /no key A/);
  assert.throws(() => keys.hold("1", -1), /0 ms or more/);
  assert.throws(() => keys.hold("1", Number.NaN), /0 ms or more/);
});

test.run();
