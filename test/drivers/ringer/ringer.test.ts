// Behaviour of ringers: rings until stop, replaces what rings, silent makes no sound, closed makes none.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Ringer } from "../../../drivers/contract.js";
import { SimulatedRinger } from "../../../drivers/simulated/ringer.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

/** A real driver joins by adding an entry here. `heard` tells what came out, as words. */
const implementations: readonly { name: string; open(): { ringer: Ringer; heard: string[] } }[] = [
  {
    name: "simulated",
    open: () => {
      const heard: string[] = [];
      const time = new VirtualTime();
      return { ringer: new SimulatedRinger({ clock: time, timers: time, observe: (what) => heard.push(what) }), heard };
    },
  },
];

for (const { name, open } of implementations) {
  test(`${name}: rings until stop; stop twice is one off`, async () => {
    const { ringer, heard } = await open();
    ringer.start("ring", 0.8);
    ringer.stop();
    ringer.stop();
    ringer.start("message", 1);
    ringer.stop();
    assert.equal(heard, ["on ring 0.8", "off", "on message 1", "off"]);
    ringer.close();
  });

  test(`${name}: the same again goes on, another replaces`, async () => {
    const { ringer, heard } = await open();
    ringer.start("ring", 0.5);
    ringer.start("ring", 0.5);
    ringer.start("ring", 0.6);
    ringer.start("message", 0.6);
    ringer.stop();
    assert.equal(heard, ["on ring 0.5", "on ring 0.6", "on message 0.6", "off"]);
    ringer.close();
  });

  test(`${name}: silent, and volume 0, make no sound and end what rang`, async () => {
    const { ringer, heard } = await open();
    ringer.start("silent", 1);
    ringer.start("ring", 0);
    assert.equal(heard, []);
    ringer.start("ring", 1);
    ringer.start("silent", 1);
    assert.equal(heard, ["on ring 1", "off"]);
    ringer.close();
  });

  test(`${name}: volumes that are none throw RangeError`, async () => {
    const { ringer } = await open();
    for (const volume of [-0.1, 1.1, Number.NaN])
      assert.throws(
        () => ringer.start("ring", volume),
        (error: unknown) => error instanceof RangeError,
      );
    ringer.close();
  });

  test(`${name}: close ends the ringing; closed it does nothing`, async () => {
    const { ringer, heard } = await open();
    ringer.start("ring", 1);
    ringer.close();
    ringer.close();
    ringer.start("ring", 1);
    ringer.start("ring", 7);
    ringer.stop();
    assert.equal(heard, ["on ring 1", "off"]);
  });
}

test.run();
