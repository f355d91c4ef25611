// Behaviour: closing twice is allowed; a closed sound card does nothing and throws nothing.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { collector, implementations, wish } from "./implementations.js";

for (const { name, open } of implementations) {
  test(`${name}: closing twice does nothing the second time`, async () => {
    const { device } = await open(wish);
    await device.close();
    await device.close();
  });

  test(`${name}: both of two closes at once resolve`, async () => {
    const { device } = await open(wish);
    device.start(() => {}, collector());
    await Promise.all([device.close(), device.close()]);
  });

  test(`${name}: nothing is called after close, whatever is done`, async () => {
    const { device, pass, plug, stall } = await open(wish);
    const events = collector();
    let calls = 0;
    device.start(() => calls++, events);
    await pass(50);
    const before = calls;
    await device.close();
    stall(100);
    plug?.out();
    plug?.in();
    await pass(200);
    device.start(() => calls++, events);
    await pass(200);
    device.stop();
    assert.equal({ ...device.delayFrames() }, { capture: 0, playback: 0 });
    assert.is(calls, before);
    assert.equal(events.told, []);
  });

  test(`${name}: may be closed from inside a period`, async () => {
    const { device, pass } = await open(wish);
    let calls = 0;
    let closed: Promise<void> | undefined;
    device.start(() => {
      if (++calls === 2) closed = device.close();
    }, collector());
    await pass(300);
    await closed;
    assert.is(calls, 2);
  });
}

test.run();
