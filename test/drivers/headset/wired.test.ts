// The headset on a wire: gestures of its one button, the jack's switch, and what each means in each state of a call.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HeadsetEvent } from "../../../drivers/contract.js";
import { EV_SW, SW_HEADPHONE_INSERT } from "../../../drivers/evdev/index.js";
import type { WiredHeadset } from "../../../drivers/wired-headset/index.js";
import { wiredRig as rig } from "./wired-rig.js";

test("the jack's switch connects and disconnects, once each however the contact chatters", async () => {
  const one = await rig();
  assert.equal(one.events, []);
  for (const value of [1, 0, 1, 0, 1]) {
    await one.send(EV_SW, SW_HEADPHONE_INSERT, value);
    one.time.advance(10);
  }
  one.time.advance(500);
  for (const value of [0, 1, 0]) await one.send(EV_SW, SW_HEADPHONE_INSERT, value);
  one.time.advance(500);
  assert.equal(one.events, [
    { type: "connected", name: "in the jack" },
    { type: "disconnected", reason: "it was pulled out" },
  ]);
  one.end();
  assert.is(one.time.active, 0);
});

test("a headset that was in before the phone was on is there", async () => {
  const one = await rig(true);
  assert.equal(one.events, [{ type: "connected", name: "in the jack" }]);
  one.end();
});

test("a USB headset without a switch is connected while its device is there", async () => {
  const one = await rig("none");
  assert.equal(one.events, [{ type: "connected", name: "in the jack" }]);
  one.end();
});

const gestures: [Parameters<WiredHeadset["callState"]>[0], "press" | "double" | "long", HeadsetEvent | undefined][] = [
  ["incoming", "press", { type: "answer" }],
  ["incoming", "long", { type: "hangup" }],
  ["active", "press", { type: "hangup" }],
  ["active", "double", { type: "hold" }],
  ["active", "long", { type: "mute", on: true }],
  ["held", "press", { type: "resume" }],
  ["held", "double", { type: "resume" }],
  ["held", "long", { type: "hangup" }],
  ["outgoing", "press", { type: "hangup" }],
  ["idle", "press", undefined],
  ["idle", "double", { type: "redial" }],
];
for (const [state, gesture, meant] of gestures)
  test(`${state}: ${gesture} means ${meant?.type ?? "nothing"}`, async () => {
    const one = await rig(true);
    one.events.length = 0;
    one.headset.callState(state);
    if (gesture === "double") await one.double();
    else await one.press(gesture === "long" ? 1500 : 100);
    if (state === "incoming" && gesture === "press") assert.is(one.events.length, 1, "answered at once");
    one.time.advance(2000);
    assert.equal(one.events, meant ? [meant] : []);
    one.end();
    assert.is(one.time.active, 0);
  });

test("after close nothing is said", async () => {
  const one = await rig(true);
  one.events.length = 0;
  one.headset.callState("incoming");
  one.headset.close();
  one.headset.close();
  one.headset.callState("active");
  one.time.advance(5000);
  assert.equal(one.events, []);
  assert.is(one.time.active, 0);
});

test.run();
