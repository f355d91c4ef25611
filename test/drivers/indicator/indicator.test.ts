// Behaviour of indicator lights: shows the latest state, goes out on close.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Indicator } from "../../../drivers/contract.js";
import { GpioOutput } from "../../../drivers/gpio/index.js";
import { Led } from "../../../drivers/leds/index.js";
import { SimulatedIndicator } from "../../../drivers/simulated/indicator.js";
import { type IndicatorLight, SwitchedIndicator, type SwitchOutput } from "../../../drivers/switched.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { exportLine, FakeGpio, gpioTree, temporaryFolder, writeTree } from "../../support/fake-sysfs.js";

interface Opened {
  readonly indicator: Indicator;
  /** The states shown, oldest first. */
  readonly seen: string[];
}

/** Three lights, one for each of these states and none for "off": what is lit tells the state. */
function lights(name: string, output: (light: string) => SwitchOutput | Promise<SwitchOutput>) {
  return {
    name,
    open: async (): Promise<Opened> => {
      const seen: string[] = [];
      const time = new VirtualTime();
      const lit = new Set<string>();
      const states = ["ready", "ringing", "secure", "open", "error"] as const;
      const made: IndicatorLight[] = [];
      for (const state of states) {
        const real = await output(state);
        made.push({
          signs: { [state]: "on" },
          output: {
            set: (on) => {
              real.set(on);
              if (on) lit.add(state);
              else lit.delete(state);
              if (on) seen.push(state);
            },
            close: () => real.close(),
          },
        });
      }
      const indicator = new SwitchedIndicator(made, { clock: time, timers: time });
      const set = indicator.set.bind(indicator);
      indicator.set = (state) => {
        const before = lit.size;
        set(state);
        if (before > 0 && lit.size === 0) seen.push("off");
      };
      return { indicator, seen };
    },
  };
}

/** A real driver joins by adding an entry here. */
const implementations: readonly { name: string; open(): Opened | Promise<Opened> }[] = [
  {
    name: "simulated",
    open: () => {
      const seen: string[] = [];
      const time = new VirtualTime();
      const indicator = new SimulatedIndicator({ clock: time, timers: time, observe: (what) => seen.push(what) });
      return { indicator, seen };
    },
  },
  lights("gpio", async (state) => {
    const root = gpioTree();
    exportLine(root, 512 + state.length);
    return GpioOutput.open({ chip: "9030000.pl061", line: state.length }, { root, Gpio: FakeGpio.on(root) });
  }),
  lights("led", () => {
    const root = writeTree(temporaryFolder("leds"), {
      "red:status/brightness": "7\n",
      "red:status/max_brightness": "255\n",
      "red:status/trigger": "none [heartbeat] timer\n",
    });
    return new Led("status", { root });
  }),
];

for (const { name, open } of implementations) {
  test(`${name}: every state, each change once`, async () => {
    const { indicator, seen } = await open();
    for (const state of ["ready", "ready", "ringing", "secure", "open", "error", "off"] as const) indicator.set(state);
    assert.equal(seen, ["ready", "ringing", "secure", "open", "error", "off"]);
    indicator.close();
  });

  test(`${name}: goes out on close, and stays out`, async () => {
    const { indicator, seen } = await open();
    indicator.set("ringing");
    indicator.close();
    indicator.close();
    indicator.set("secure");
    assert.equal(seen, ["ringing", "off"]);
  });
}

test.run();
