// Behaviour: closed keys say nothing more; closing twice is allowed; unheard keys do no harm.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { collect, implementations } from "./implementations.js";

for (const { name, open } of implementations) {
  test(`${name}: nothing is said after close`, async () => {
    const rig = await open();
    const seen = collect(rig);
    await rig.keys.close();
    await rig.keys.close();
    await rig.press("call");
    const late = collect(rig);
    await rig.press("call");
    assert.equal([seen, late], [[], []]);
  });

  test(`${name}: a press nobody listens to is dropped`, async () => {
    const rig = await open();
    await rig.press("call");
    const seen = collect(rig);
    await rig.press("mute");
    assert.equal(seen, ["press mute", "release mute"]);
    await rig.keys.close();
  });
}

test.run();
