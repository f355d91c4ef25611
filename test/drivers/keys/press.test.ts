// Behaviour: a short press is press and release, a long one press, long, release, each with its time.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { collect, implementations } from "./implementations.js";

for (const { name, has, open } of implementations) {
  test(`${name}: press and release of every key`, async () => {
    const rig = await open();
    const seen = collect(rig);
    for (const key of has) await rig.press(key);
    assert.equal(
      seen,
      has.flatMap((key) => [`press ${key}`, `release ${key}`]),
    );
    await rig.keys.close();
  });

  test(`${name}: a long press says press, long, release`, async () => {
    const rig = await open();
    const seen = collect(rig);
    await rig.long("5");
    assert.equal(seen, ["press 5", "long 5", "release 5"]);
    await rig.keys.close();
  });

  test(`${name}: times are monotonic and those of the press`, async () => {
    const rig = await open();
    const times: number[] = [];
    rig.keys.listen((_action, _key, atMs) => times.push(atMs));
    const before = rig.now();
    await rig.press("call");
    await rig.press("hangup");
    assert.is(times.length, 4);
    assert.equal(
      [...times].sort((a, b) => a - b),
      times,
    );
    assert.ok(times[0] >= before && times[3] <= rig.now(), times.join());
    await rig.keys.close();
  });

  test(`${name}: one listener: the latest`, async () => {
    const rig = await open();
    const first = collect(rig);
    const second = collect(rig);
    await rig.press("mute");
    assert.equal(first, []);
    assert.equal(second, ["press mute", "release mute"]);
    await rig.keys.close();
  });
}

test.run();
