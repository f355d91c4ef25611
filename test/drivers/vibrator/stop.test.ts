// Behaviour: stop and close switch the motor off at once, from every state; misuse changes nothing.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { implementations } from "./implementations.js";

for (const { name, open } of implementations) {
  for (const [state, before] of [
    ["never started", undefined],
    ["in its first pulse", 50],
    ["in a pause", 150],
    ["in a later round", 1250],
  ] as const)
    for (const how of ["stop", "close"] as const)
      test(`${name}: ${how} when ${state}`, async () => {
        const { vibrator, pass, changes, timers } = await open();
        if (before !== undefined) {
          vibrator.start([100, 100], true);
          await pass(before);
        }
        vibrator[how]();
        const seen = changes();
        assert.not.match(seen.at(-1) ?? "off", /^on/);
        await pass(5000);
        assert.equal(changes(), seen);
        assert.is(timers(), 0);
        vibrator.close();
      });

  test(`${name}: stop twice is one off`, async () => {
    const { vibrator, changes } = await open();
    vibrator.start([100], false);
    vibrator.stop();
    vibrator.stop();
    assert.equal(changes(), ["on 0", "off 0"]);
    vibrator.close();
  });

  test(`${name}: starts again after stop`, async () => {
    const { vibrator, pass, changes } = await open();
    vibrator.start([100], false);
    vibrator.stop();
    vibrator.start([100], false);
    await pass(200);
    assert.equal(changes(), ["on 0", "off 0", "on 0", "off 100"]);
    vibrator.close();
  });

  test(`${name}: patterns that are none throw RangeError and leave what runs`, async () => {
    const { vibrator, pass, changes } = await open();
    vibrator.start([100], false);
    for (const pattern of [[], [-1], [100, Number.NaN], [Number.POSITIVE_INFINITY]])
      assert.throws(
        () => vibrator.start(pattern, true),
        (error: unknown) => error instanceof RangeError,
      );
    await pass(500);
    assert.equal(changes(), ["on 0", "off 100"]);
    vibrator.close();
  });

  test(`${name}: nothing moves after close, nothing throws`, async () => {
    const { vibrator, pass, changes, timers } = await open();
    vibrator.close();
    vibrator.close();
    vibrator.start([100], true);
    vibrator.start([], true);
    vibrator.stop();
    await pass(500);
    assert.equal(changes(), []);
    assert.is(timers(), 0);
  });
}

test.run();
