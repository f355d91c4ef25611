// Behaviour: while it runs, a sound card calls once a period with arrays of one period; stop and start may alternate.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { collector, implementations, wish } from "./implementations.js";

for (const { name, open } of implementations) {
  test(`${name}: one call a period, both arrays one period long`, async () => {
    const { device, pass } = await open(wish);
    let calls = 0;
    device.start((captured, play) => {
      calls++;
      assert.is(captured.length, device.periodFrames);
      assert.is(play.length, device.periodFrames);
    }, collector());
    const periodMs = (device.periodFrames / device.rate) * 1000;
    await pass(50.5 * periodMs);
    await device.close();
    assert.is(calls, 50);
  });

  test(`${name}: nothing is called before start, after stop, or from inside start`, async () => {
    const { device, pass } = await open(wish);
    let calls = 0;
    await pass(100);
    device.start(() => calls++, collector());
    assert.is(calls, 0);
    await pass(110);
    const before = calls;
    assert.ok(before >= 4, `${before}`);
    device.stop();
    await pass(100);
    assert.is(calls, before);
    await device.close();
  });

  test(`${name}: starts again after stop`, async () => {
    const { device, pass } = await open(wish);
    const periodMs = (device.periodFrames / device.rate) * 1000;
    for (let round = 0; round < 3; round++) {
      let calls = 0;
      device.start(() => calls++, collector());
      await pass(5.5 * periodMs);
      assert.is(calls, 5);
      device.stop();
    }
    await device.close();
  });

  test(`${name}: may be stopped from inside a period`, async () => {
    const { device, pass } = await open(wish);
    let calls = 0;
    device.start(() => {
      if (++calls === 2) device.stop();
    }, collector());
    await pass(500);
    assert.is(calls, 2);
    await device.close();
  });

  test(`${name}: starting a started card throws`, async () => {
    const { device } = await open(wish);
    device.start(() => {}, collector());
    assert.throws(() => device.start(() => {}, collector()), /started/);
    await device.close();
  });

  test(`${name}: delays stay within the buffer, and are nothing when it does not run`, async () => {
    const { device, pass } = await open(wish);
    assert.equal({ ...device.delayFrames() }, { capture: 0, playback: 0 });
    const size = device.periodFrames * wish.periods;
    let bad = "";
    device.start(() => {
      const { capture, playback } = device.delayFrames();
      if (capture < 0 || capture > size || playback < 0 || playback > size) bad = `${capture} ${playback}`;
    }, collector());
    await pass(200);
    const { playback } = device.delayFrames();
    assert.ok(playback > 0 && playback <= size, `${playback}`);
    assert.is(bad, "");
    device.stop();
    assert.equal({ ...device.delayFrames() }, { capture: 0, playback: 0 });
    await device.close();
  });
}

test.run();
