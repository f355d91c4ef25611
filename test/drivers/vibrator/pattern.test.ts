// Behaviour: a pattern is played as written, once or until stop.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { implementations } from "./implementations.js";

for (const { name, open } of implementations) {
  test(`${name}: once: on and off at their times, then off for good`, async () => {
    const { vibrator, pass, changes, timers } = await open();
    vibrator.start([400, 200, 300], false);
    await pass(5000);
    assert.equal(changes(), ["on 0", "off 400", "on 600", "off 900"]);
    assert.is(timers(), 0);
    vibrator.close();
  });

  test(`${name}: repeated until stop, without drift`, async () => {
    const { vibrator, pass, changes, timers } = await open();
    vibrator.start([400, 200, 400, 2000], true);
    await pass(3000 * 20 + 450);
    const seen = changes();
    assert.equal(seen.slice(0, 6), ["on 0", "off 400", "on 600", "off 1000", "on 3000", "off 3400"]);
    assert.equal(seen.slice(-2), ["on 60000", "off 60400"]);
    vibrator.stop();
    assert.is(timers(), 0);
    vibrator.close();
  });

  test(`${name}: a pattern that ends with on runs through when repeated`, async () => {
    const { vibrator, pass, changes } = await open();
    vibrator.start([100], true);
    await pass(1000);
    assert.equal(changes(), ["on 0"]);
    vibrator.close();
  });

  test(`${name}: times of 0 are passed over`, async () => {
    const { vibrator, pass, changes, timers } = await open();
    vibrator.start([0, 100, 50, 0, 50, 10], true);
    await pass(420);
    assert.equal(changes(), ["on 100", "off 200", "on 310", "off 410"]);
    vibrator.start([0, 0], true);
    await pass(1000);
    assert.is(timers(), 0);
    vibrator.close();
  });

  test(`${name}: a new pattern replaces what runs`, async () => {
    const { vibrator, pass, changes } = await open();
    vibrator.start([1000, 1000], true);
    await pass(500);
    vibrator.start([100], false);
    await pass(5000);
    assert.equal(changes(), ["on 0", "off 600"]);
    vibrator.close();
  });

  test(`${name}: the caller's array may change afterwards`, async () => {
    const { vibrator, pass, changes } = await open();
    const pattern = [100, 100];
    vibrator.start(pattern, true);
    pattern[0] = 7;
    await pass(250);
    assert.equal(changes(), ["on 0", "off 100", "on 200"]);
    vibrator.close();
  });
}

test.run();
