// Behaviour of indicator lights: shows the latest state, goes out on close.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Indicator } from "../../../drivers/contract.js";
import { SimulatedIndicator } from "../../../drivers/simulated/indicator.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

/** A real driver joins by adding an entry here. `seen` lists the states shown. */
const implementations: readonly { name: string; open(): { indicator: Indicator; seen: string[] } }[] = [
  {
    name: "simulated",
    open: () => {
      const seen: string[] = [];
      const time = new VirtualTime();
      const indicator = new SimulatedIndicator({ clock: time, timers: time, observe: (what) => seen.push(what) });
      return { indicator, seen };
    },
  },
];

for (const { name, open } of implementations) {
  test(`${name}: every state, each change once`, () => {
    const { indicator, seen } = open();
    for (const state of ["ready", "ready", "ringing", "secure", "open", "error", "off"] as const) indicator.set(state);
    assert.equal(seen, ["ready", "ringing", "secure", "open", "error", "off"]);
    indicator.close();
  });

  test(`${name}: goes out on close, and stays out`, () => {
    const { indicator, seen } = open();
    indicator.set("ringing");
    indicator.close();
    indicator.close();
    indicator.set("secure");
    assert.equal(seen, ["ringing", "off"]);
  });
}

test.run();
