// Behaviour: an unplugged card says so once and falls silent; plugged in again it says so and goes on by itself.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { collector, implementations, wish } from "./implementations.js";

for (const { name, open } of implementations) {
  test(`${name}: lost once, back once, periods only while it is there`, async () => {
    const { device, pass, plug } = await open(wish);
    if (!plug) {
      console.log(`skipped: ${name} cannot be unplugged by a test`);
      await device.close();
      return;
    }
    const events = collector();
    let calls = 0;
    device.start(() => calls++, events);
    await pass(110);
    const before = calls;
    plug.out();
    plug.out();
    await pass(200);
    assert.is(calls, before);
    assert.equal(events.told, ["lost"]);
    plug.in();
    plug.in();
    await pass(110);
    assert.ok(calls >= before + 4, `${calls} of ${before}`);
    assert.equal(events.told, ["lost", "back"]);
    plug.out();
    await pass(50);
    assert.equal(events.told, ["lost", "back", "lost"]);
    await device.close();
  });

  test(`${name}: started while unplugged it says lost, and runs when it is back`, async () => {
    const { device, pass, plug } = await open(wish);
    if (!plug) return void (await device.close());
    plug.out();
    const events = collector();
    let calls = 0;
    device.start(() => calls++, events);
    await pass(100);
    assert.equal(events.told, ["lost"]);
    assert.is(calls, 0);
    plug.in();
    await pass(110);
    assert.ok(calls >= 4, `${calls}`);
    assert.equal(events.told, ["lost", "back"]);
    await device.close();
  });

  test(`${name}: stopped while unplugged it stays silent when it is back`, async () => {
    const { device, pass, plug } = await open(wish);
    if (!plug) return void (await device.close());
    let calls = 0;
    device.start(() => calls++, collector());
    plug.out();
    device.stop();
    plug.in();
    await pass(100);
    assert.is(calls, 0);
    await device.close();
  });

  test(`${name}: may be unplugged from inside a period`, async () => {
    const { device, pass, plug } = await open(wish);
    if (!plug) return void (await device.close());
    const events = collector();
    let calls = 0;
    device.start(() => {
      if (++calls === 2) plug.out();
    }, events);
    await pass(300);
    assert.is(calls, 2);
    assert.equal(events.told, ["lost"]);
    await device.close();
  });
}

test.run();
