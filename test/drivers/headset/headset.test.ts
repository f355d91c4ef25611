// Behaviour of headsets: what the wearer does is told, what the phone says arrives, a closed one is silent.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HeadsetEvent } from "../../../drivers/contract.js";
import { implementations } from "./implementations.js";

for (const { name, can, isMute, open } of implementations) {
  test(`${name}: what the wearer does is told, in order`, async () => {
    const { headset, act } = await open();
    const seen: HeadsetEvent[] = [];
    headset.listen((event) => seen.push(event));
    for (const event of can) await act(event);
    assert.equal(seen, can);
    await headset.close();
  });

  if (!isMute)
    test(`${name}: call states reach the headset`, async () => {
      const { headset, act, told } = await open();
      await act(can[0]);
      headset.callState("incoming", "sip:bob@example.com");
      headset.callState("active", "sip:bob@example.com");
      headset.callState("idle");
      assert.equal(
        (await told()).map((word) => word.replace(/^active .*/, "active")),
        ["incoming bob", "active", "idle"],
      );
      await headset.close();
    });

  test(`${name}: one listener: the latest`, async () => {
    const { headset, act } = await open();
    const seen: string[] = [];
    headset.listen(() => seen.push("first"));
    headset.listen(() => seen.push("second"));
    await act(can[0]);
    assert.equal(seen, ["second"]);
    await headset.close();
  });

  test(`${name}: nothing either way after close`, async () => {
    const { headset, act, told } = await open();
    const seen: HeadsetEvent[] = [];
    headset.listen((event) => seen.push(event));
    await headset.close();
    await headset.close();
    await act({ type: "answer" });
    headset.callState("active");
    headset.listen((event) => seen.push(event));
    await act({ type: "answer" });
    assert.equal([seen, await told()], [[], []]);
  });
}

test.run();
