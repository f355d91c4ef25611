// Opening and closing every driver 1,000 times leaves no descriptor, no timer, no process and no memory.

import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AlsaSoundCard } from "../../drivers/alsa/index.js";
import type { AudioOptions } from "../../drivers/contract.js";
import { EvdevKeys, loadNative, RumbleOutput } from "../../drivers/evdev/index.js";
import { GpioKeys, GpioOutput } from "../../drivers/gpio/index.js";
import { BluetoothHeadset } from "../../drivers/headset/index.js";
import { Led, SysfsBacklight } from "../../drivers/leds/index.js";
import { Mixer } from "../../drivers/node-alsa/index.js";
import { openServiceManager } from "../../drivers/service-manager/index.js";
import {
  SimulatedBacklight,
  SimulatedHeadset,
  SimulatedIndicator,
  SimulatedKeys,
  SimulatedRinger,
  SimulatedSoundCard,
  SimulatedVibrator,
} from "../../drivers/simulated/index.js";
import { SpeakerRinger } from "../../drivers/speaker/index.js";
import { SwitchedIndicator, SwitchedVibrator, singleLight } from "../../drivers/switched.js";
import { TerminalDisplay, TerminalKeys } from "../../drivers/terminal/index.js";
import { WiredHeadset } from "../../drivers/wired-headset/index.js";
import { which } from "../interop/tools.js";
import { exportLine, FakeGpio, gpioTree, temporaryFolder, writeTree } from "../support/fake-sysfs.js";
import { PtyPair } from "../support/pty-pair.js";
import { eventually } from "../support/wait.js";
import { haveAlsa, VirtualCard, VirtualMixer } from "./audio/virtual-card/virtual-card.js";

// What waits to be collected is no leak.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const CYCLES = 1000;
const MIB = 1024 * 1024;

const descriptors = () => readdirSync("/proc/self/fd").length;
const children = () => {
  try {
    return execFileSync("ps", ["--no-headers", "-o", "pid", "--ppid", String(process.pid)], { encoding: "utf8" })
      .split("\n")
      .filter(Boolean).length;
  } catch {
    return 0;
  }
};

const root = gpioTree();
const leds = writeTree(temporaryFolder("leds"), {
  "red:status/brightness": "0",
  "red:status/max_brightness": "255",
  "red:status/trigger": "[none] timer",
});
const devRoot = temporaryFolder("input");
const file = join(devRoot, "event0");
execFileSync("mkfifo", [file]);
const sysRoot = writeTree(join(devRoot, "sys"), {
  "event0/device/name": "gpio-keys\n",
  "event0/device/capabilities/key": `${Array.from({ length: 12 }, () => "ffffffffffffffff").join(" ")}\n`,
  "event0/device/capabilities/sw": "4\n",
  "event0/device/capabilities/ff": "10000 0\n",
});
// The pipe's other end stays open, so that the driver's end neither blocks nor hangs up.
const keeper = openSync(file, "r+");

async function input() {
  const native = { ...(await loadNative()), ioctl: () => 0 };
  return { devRoot, sysRoot, native };
}

const silent = { xrun: () => {}, lost: () => {}, back: () => {} };

/** Each opens a device, uses it once, closes it. */
const cycles: Record<string, { readonly times?: number; run(): Promise<void> | void }> = {
  "simulated devices": {
    run: () => {
      for (const Device of [SimulatedKeys, SimulatedHeadset, SimulatedRinger, SimulatedIndicator, SimulatedBacklight])
        new Device().close();
      const vibrator = new SimulatedVibrator();
      vibrator.start([100], true);
      vibrator.close();
    },
  },
  "gpio keys": {
    run: async () => {
      exportLine(root, 512);
      const keys = await GpioKeys.open({
        buttons: [{ key: "call", chip: "gpiochip0", line: 0 }],
        root,
        Gpio: FakeGpio.on(root),
      });
      keys.listen(() => {});
      FakeGpio.at(root, 512).level(1);
      keys.close();
    },
  },
  "gpio vibrator": {
    run: async () => {
      exportLine(root, 513);
      const output = await GpioOutput.open({ chip: "gpiochip0", line: 1 }, { root, Gpio: FakeGpio.on(root) });
      const vibrator = new SwitchedVibrator(output);
      vibrator.start([100, 100], true);
      vibrator.close();
    },
  },
  // Each starts a guard, a process.
  "guarded vibrator": {
    times: 200,
    run: () => {
      const vibrator = new SwitchedVibrator(new Led("status", { root: leds, guarded: true }));
      vibrator.start([100, 100], true);
      vibrator.close();
    },
  },
  "led indicator": {
    run: () => {
      const indicator = new SwitchedIndicator([{ output: new Led("red:status", { root: leds }), signs: singleLight }]);
      indicator.set("ringing");
      indicator.close();
    },
  },
  backlight: {
    run: () => {
      const light = new SysfsBacklight(undefined, leds);
      light.set(0.5);
      light.close();
    },
  },
  "evdev keys": {
    run: async () => {
      const keys = await EvdevKeys.open({ ...(await input()), grab: true });
      assert.is(keys.count, 1);
      keys.close();
    },
  },
  "rumble vibrator": {
    run: async () => {
      const vibrator = new SwitchedVibrator(await RumbleOutput.open(await input()));
      vibrator.start([100, 100], true);
      vibrator.close();
    },
  },
  "gpio indicator": {
    run: async () => {
      exportLine(root, 514);
      const output = await GpioOutput.open({ chip: "gpiochip0", line: 2 }, { root, Gpio: FakeGpio.on(root) });
      const indicator = new SwitchedIndicator([{ output, signs: singleLight }]);
      indicator.set("error");
      indicator.close();
    },
  },
  "simulated sound card": {
    run: async () => {
      const card = await SimulatedSoundCard.open({ rate: 8000, periodFrames: 80, periods: 3, control: "leaks" });
      card.start(() => {}, silent);
      await card.close();
    },
  },
  "speaker ringer": {
    run: async () => {
      const openAudio = (wanted: AudioOptions) => SimulatedSoundCard.open(wanted);
      const ringer = await SpeakerRinger.open({ openAudio });
      ringer.start("ring", 1);
      await new Promise((resolve) => setImmediate(resolve));
      await ringer.close();
    },
  },
  terminal: {
    run: () => {
      const keys = new TerminalKeys({ input: new PassThrough(), interrupt: () => {} });
      keys.listen(() => {});
      const display = new TerminalDisplay({ output: { write: () => {} } });
      display.show({ title: "Ready", lines: ["a", "b"] });
      display.close();
      keys.close();
    },
  },
  "service manager": {
    run: async () => {
      const manager = await openServiceManager({ NOTIFY_SOCKET: `@sotto-leaks-${process.pid}` });
      manager!.ready();
      manager!.close();
      manager!.close();
    },
  },
  "wired headset": {
    run: async () => {
      const headset = await WiredHeadset.open(await input());
      headset.listen(() => {});
      headset.close();
    },
  },
};

if (await haveAlsa()) {
  const virtual = new VirtualCard();
  const mixer = new VirtualMixer();
  cycles["ALSA sound card"] = {
    run: async () => {
      const options = { device: virtual.name, rate: 8000, periodFrames: 80, periods: 3 };
      const card = await AlsaSoundCard.open(options, { clock: virtual.time, timers: virtual.time });
      card.start(() => {}, silent);
      await virtual.pass(12);
      await card.close();
    },
  };
  cycles["ALSA mixer"] = {
    run: () => {
      const open = Mixer.open(mixer.name);
      open.watch(() => {});
      open.setVolume("Master", "playback", 40);
      open.close();
    },
  };
}

/** One cycle, and a turn of the event loop: Node frees closed handles there. */
async function turn(run: () => Promise<void> | void): Promise<void> {
  await run();
  await new Promise((resolve) => setImmediate(resolve));
}

const line = new PtyPair();
if (which("socat") === undefined) console.log("skipped: socat is not here: no pty for the Bluetooth headset");
else
  cycles["bluetooth headset on a pty"] = {
    run: async () => {
      let open = () => {};
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      const headset = new BluetoothHeadset({ tty: line.phone, tell: open });
      headset.listen(() => {});
      await opened;
      await headset.close();
    },
  };

test.before(async () => {
  if (which("socat") !== undefined) await line.plug();
});
test.after(async () => {
  closeSync(keeper);
  await line.unplug();
});

/** Batches until one is flat: allocators settle, a leak grows in every one. */
const BATCHES = 5;
/** What a batch may leave at most, MiB: native allocators round. */
const FLAT_MIB = 2;

for (const [name, { times = CYCLES, run }] of Object.entries(cycles))
  test(`${name}: ${times} times`, async () => {
    for (let i = 0; i < 50; i++) await turn(run);
    await eventually("guards have left", 20_000, () => children() <= 2);
    const fds = descriptors();
    const grown: number[] = [];
    do {
      collect();
      const rss = process.memoryUsage.rss();
      for (let i = 0; i < times; i++) await turn(run);
      collect();
      grown.push((process.memoryUsage.rss() - rss) / MIB);
    } while (grown.at(-1)! > FLAT_MIB && grown.length < BATCHES);
    await eventually("guards have left", 20_000, () => children() <= 2);
    await eventually("descriptors are given back", 20_000, () => descriptors() <= fds);
    assert.ok(
      grown.at(-1)! <= FLAT_MIB,
      `MiB more after each ${times} times: ${grown.map((mib) => mib.toFixed(1)).join(", ")}`,
    );
  });

test.run();
