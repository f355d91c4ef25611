// Timers: absolute deadlines, no drift, and the virtual time that stands in for them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../../firmware/runtime/clock.js";
import { every, systemTimers } from "../../../firmware/runtime/timers.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

test("a system timer never fires early", async () => {
  for (let i = 0; i < 20; i++) {
    const deadline = systemClock.now() + 3.7;
    await new Promise<void>((resolve) => systemTimers.at(deadline, resolve));
    assert.ok(systemClock.now() >= deadline);
  }
});

test("a cancelled timer does not fire", async () => {
  let fired = false;
  systemTimers.after(5, () => (fired = true)).cancel();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.not(fired);
});

test("Node hears of a timer when the turn that made it is over, and never of one that was cancelled in it", async () => {
  const armed = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = armed();
  const timers = [systemTimers.after(60_000, () => {}), systemTimers.after(60_000, () => {})];
  assert.is(armed(), before);
  timers[0].cancel();
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(armed(), before + 1);
  timers[1].cancel();
  assert.is(armed(), before);
});

test("every: ticks fall on start + n * period, however late each one is served", () => {
  const time = new VirtualTime();
  const at: number[] = [];
  const timer = every(time, time, 20, () => at.push(time.now()));
  time.advance(105);
  assert.equal(at, [20, 40, 60, 80, 100]);
  timer.cancel();
  time.advance(1000);
  assert.is(at.length, 5);
  assert.is(time.active, 0);
});

test("every: may be cancelled from inside its tick", () => {
  const time = new VirtualTime();
  let ticks = 0;
  const timer = every(time, time, 10, () => {
    if (++ticks === 3) timer.cancel();
  });
  time.advance(1000);
  assert.is(ticks, 3);
});

test("every: refuses a period that is not positive", () => {
  const time = new VirtualTime();
  for (const period of [0, -1, Number.NaN]) assert.throws(() => every(time, time, period, () => {}), /periodMs/);
});

test("virtual time fires in deadline order, then in creation order", () => {
  const time = new VirtualTime();
  const order: string[] = [];
  time.at(5, () => order.push("b"));
  time.at(1, () => order.push("a"));
  time.at(5, () => order.push("c"));
  time.advance(5);
  assert.equal(order, ["a", "b", "c"]);
});

test.run();
