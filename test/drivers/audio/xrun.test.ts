// Behaviour: a thread served late catches up period by period; later than the buffer it is an xrun, told, and the stream goes on.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { collector, implementations, wish } from "./implementations.js";

for (const { name, open } of implementations) {
  test(`${name}: late by less than the buffer: every period is delivered, nothing is told`, async () => {
    const { device, pass, stall } = await open(wish);
    const periodMs = (device.periodFrames / device.rate) * 1000;
    const events = collector();
    let calls = 0;
    device.start(() => calls++, events);
    await pass(10.2 * periodMs);
    // Next due at 11 periods; served at 12.7, the buffer lasts to 13.
    stall(2.5 * periodMs);
    await pass(9.9 * periodMs);
    assert.is(calls, 20);
    assert.equal(events.told, []);
    await device.close();
  });

  test(`${name}: later than the buffer: the lost frames are told for both directions, and periods go on`, async () => {
    const { device, pass, stall } = await open(wish);
    const periodMs = (device.periodFrames / device.rate) * 1000;
    const events = collector();
    let calls = 0;
    device.start(() => calls++, events);
    await pass(10.2 * periodMs);
    stall(5 * periodMs);
    await pass(9.9 * periodMs);
    assert.is(events.told.length, 2, events.told.join());
    const lost = events.told.map((text) => Number(text.split(" ")[2]));
    assert.match(events.told[0], /^xrun capture/);
    assert.match(events.told[1], /^xrun playback/);
    // Periods delivered and periods lost make up the time that passed.
    assert.ok(Math.abs(calls * device.periodFrames + lost[0] - 20 * device.periodFrames) <= device.periodFrames);
    assert.ok(lost[0] >= 3 * device.periodFrames && lost[1] >= device.periodFrames, lost.join());
    const before = calls;
    await pass(10 * periodMs);
    assert.is(calls, before + 10);
    await device.close();
  });
}

test.run();
