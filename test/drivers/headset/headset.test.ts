// Behaviour of headsets: what the wearer does is told, what the phone says arrives, a closed one is silent.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Headset, HeadsetEvent } from "../../../drivers/contract.js";
import { SimulatedHeadset } from "../../../drivers/simulated/headset.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

interface Rig {
  readonly headset: Headset;
  /** The wearer does something. */
  act(event: HeadsetEvent): void;
  /** What the headset was told. */
  readonly told: string[];
}

/** A real driver joins by adding an entry here. */
const implementations: readonly { name: string; open(): Rig }[] = [
  {
    name: "simulated",
    open: () => {
      const told: string[] = [];
      const time = new VirtualTime();
      const headset = new SimulatedHeadset({ clock: time, timers: time, observe: (what) => told.push(what) });
      return { headset, told, act: (event) => headset.act(event) };
    },
  },
];

const everything: HeadsetEvent[] = [
  { type: "connected", name: "Ear" },
  { type: "answer" },
  { type: "digit", digit: "5" },
  { type: "volume", speaker: 0.5 },
  { type: "mute", on: true },
  { type: "dial", number: "123" },
  { type: "redial" },
  { type: "hangup" },
  { type: "disconnected", reason: "out of reach" },
];

for (const { name, open } of implementations) {
  test(`${name}: what the wearer does is told, in order`, async () => {
    const { headset, act } = await open();
    const seen: HeadsetEvent[] = [];
    headset.listen((event) => seen.push(event));
    for (const event of everything) act(event);
    assert.equal(seen, everything);
    headset.close();
  });

  test(`${name}: call states reach the headset`, async () => {
    const { headset, told } = await open();
    headset.callState("incoming", "sip:bob@example.com");
    headset.callState("active");
    headset.callState("idle");
    assert.equal(told, ["incoming sip:bob@example.com", "active", "idle"]);
    headset.close();
  });

  test(`${name}: nothing either way after close`, async () => {
    const { headset, act, told } = await open();
    const seen: HeadsetEvent[] = [];
    headset.listen((event) => seen.push(event));
    headset.close();
    headset.close();
    act({ type: "answer" });
    headset.callState("active");
    headset.listen((event) => seen.push(event));
    act({ type: "answer" });
    assert.equal([seen, told], [[], []]);
  });
}

test.run();
