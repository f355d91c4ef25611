// The vibrators the suites in this folder run against. A real driver joins by adding an entry here.

import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Vibrator } from "../../../drivers/contract.js";
import { eventBytes, type InputNative, RumbleOutput } from "../../../drivers/evdev/index.js";
import { GpioOutput } from "../../../drivers/gpio/index.js";
import { Led } from "../../../drivers/leds/index.js";
import { SimulatedVibrator } from "../../../drivers/simulated/vibrator.js";
import { SwitchedVibrator, type SwitchOutput } from "../../../drivers/switched.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { exportLine, FakeGpio, gpioTree, temporaryFolder, writeTree } from "../../support/fake-sysfs.js";

/** A vibrator under test. */
export interface VibratorRig {
  readonly vibrator: Vibrator;
  pass(ms: number): Promise<void>;
  /** Changes seen at the motor since opening: "on 0", "off 400": state and ms. */
  changes(): string[];
  /** Timers still set, where that can be seen. */
  timers(): number;
}

/** A vibrator on a switch: after each change the device itself is looked at. */
function switched(output: SwitchOutput, isOn: () => boolean, time: VirtualTime): VibratorRig {
  const seen: string[] = [];
  let was = false;
  const look = () => {
    const on = isOn();
    if (on !== was) seen.push(`${on ? "on" : "off"} ${time.now()}`);
    was = on;
  };
  const watched: SwitchOutput = {
    set: (on) => {
      output.set(on);
      look();
    },
    close: () => output.close(),
  };
  return {
    vibrator: new SwitchedVibrator(watched, { clock: time, timers: time }),
    pass: async (ms) => time.advance(ms),
    changes: () => [...seen],
    timers: () => time.active,
  };
}

async function openGpio(): Promise<VibratorRig> {
  const root = gpioTree();
  exportLine(root, 517);
  const value = join(root, "gpio517", "value");
  const output = await GpioOutput.open({ chip: "gpiochip0", line: 5 }, { root, Gpio: FakeGpio.on(root) });
  return switched(output, () => readFileSync(value, "utf8") === "1", new VirtualTime());
}

function openLed(): VibratorRig {
  const root = writeTree(temporaryFolder("leds"), {
    "vibrator/brightness": "0\n",
    "vibrator/max_brightness": "1\n",
    "vibrator/trigger": "[none] transient\n",
  });
  const output = new Led("vibrator", { root });
  return switched(output, () => readFileSync(join(root, "vibrator", "brightness"), "utf8") === "1", new VirtualTime());
}

/** A pipe in place of the event file: what is written to the device is read back from it. */
async function openRumble(): Promise<VibratorRig> {
  const time = new VirtualTime();
  const root = temporaryFolder("rumble");
  const file = join(root, "event0");
  execFileSync("mkfifo", [file]);
  const sysRoot = writeTree(join(root, "sys"), {
    "event0/device/name": "gpio-vibrator\n",
    "event0/device/capabilities/ff": "1070000 0\n",
  });
  const native: InputNative = {
    // Nothing comes back from a motor, and the pipe would give us our own words.
    watch: () => ({ close: () => {} }),
    ioctl: (_fd, _request, argument) => {
      // The kernel gives the effect its number.
      if (typeof argument !== "number") new Int16Array(argument.buffer)[1] = 3;
      return 0;
    },
  };
  const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const output = await RumbleOutput.open({ sysRoot, devRoot: root, timers: time, native });
  const size = eventBytes();
  const event = Buffer.alloc(size);
  let on = false;
  const rig = switched(
    output,
    () => {
      for (;;) {
        try {
          if (readSync(reader, event) !== size) return on;
        } catch {
          return on;
        }
        if (event.readUInt16LE(size - 8) !== 0x15 || event.readUInt16LE(size - 6) !== 3)
          throw new Error(`not the effect's event: ${event.toString("hex")}`);
        on = event.readInt32LE(size - 4) === 1;
      }
    },
    time,
  );
  const close = rig.vibrator.close.bind(rig.vibrator);
  let closed = false;
  rig.vibrator.close = () => {
    close();
    if (!closed) closeSync(reader);
    closed = true;
  };
  return rig;
}

export const implementations: readonly { readonly name: string; open(): VibratorRig | Promise<VibratorRig> }[] = [
  {
    name: "simulated",
    open: () => {
      const time = new VirtualTime();
      const vibrator = new SimulatedVibrator({ clock: time, timers: time });
      return {
        vibrator,
        pass: async (ms) => time.advance(ms),
        changes: () => vibrator.changes.map(({ on, atMs }) => `${on ? "on" : "off"} ${atMs}`),
        timers: () => time.active,
      };
    },
  },
  { name: "gpio", open: openGpio },
  { name: "led", open: openLed },
  { name: "rumble", open: openRumble },
];
