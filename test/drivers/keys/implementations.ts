// The key drivers the suites in this folder run against. A real driver joins by adding an entry here.

import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { KeyAction, Keys, PhoneKey } from "../../../drivers/contract.js";
import { EV_KEY, EV_SYN, EvdevKeys, keyCodes, loadNative, writeEvent } from "../../../drivers/evdev/index.js";
import { GpioKeys } from "../../../drivers/gpio/index.js";
import { SimulatedKeys } from "../../../drivers/simulated/keys.js";
import { TerminalKeys } from "../../../drivers/terminal/keys.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { exportLine, FakeGpio, gpioTree, temporaryFolder, writeTree } from "../../support/fake-sysfs.js";

/** Keys under test and the finger on them. */
export interface KeysRig {
  readonly keys: Keys;
  /** Presses and lets go; resolves when the driver has had time to see it. */
  press(key: PhoneKey): Promise<void>;
  /** A long press. */
  long(key: PhoneKey): Promise<void>;
  now(): number;
}

/** One kind of keys. */
export interface KeysImplementation {
  readonly name: string;
  readonly has: readonly PhoneKey[];
  open(): KeysRig | Promise<KeysRig>;
}

/** Bytes a terminal sends. */
const bytes: Partial<Record<PhoneKey, string>> = {
  call: "\r",
  hangup: "h",
  up: "\u001b[A",
  mute: "m",
  "5": "5",
  "#": "#",
};

/** Lines of {@link gpioTree}'s chip. */
const lines: Partial<Record<PhoneKey, number>> = { call: 0, hangup: 1, up: 2, mute: 3, "5": 4, "#": 5 };

const kernelNames: Partial<Record<PhoneKey, string>> = {
  call: "KEY_PHONE",
  hangup: "KEY_CANCEL",
  up: "KEY_UP",
  mute: "KEY_MICMUTE",
  "5": "KEY_5",
  "#": "KEY_NUMERIC_POUND",
};

async function openGpio(): Promise<KeysRig> {
  const time = new VirtualTime();
  const root = gpioTree();
  const buttons = Object.entries(lines).map(([key, line]) => {
    exportLine(root, 512 + line);
    return { key: key as PhoneKey, chip: "9030000.pl061", line };
  });
  const keys = await GpioKeys.open({ buttons, root, Gpio: FakeGpio.on(root), clock: time, timers: time });
  const gpios = Object.fromEntries(Object.entries(lines).map(([key, line]) => [key, FakeGpio.at(root, 512 + line)]));
  let closed = false;
  const close = keys.close.bind(keys);
  keys.close = () => {
    closed = true;
    close();
  };
  const hold = async (key: PhoneKey, ms: number) => {
    if (!closed) gpios[key].level(1);
    time.advance(ms);
    if (!closed) gpios[key].level(0);
    time.advance(20);
  };
  return { keys, press: (key) => hold(key, 100), long: (key) => hold(key, 1500), now: () => time.now() };
}

/** A pipe in place of /dev/input/event0, behind a sysfs that says what it is. */
async function openEvdev(): Promise<KeysRig> {
  const time = new VirtualTime();
  const root = temporaryFolder("input");
  const file = join(root, "event0");
  execFileSync("mkfifo", [file]);
  const sysRoot = writeTree(join(root, "sys"), { "event0/device/name": "gpio-keys\n" });
  const real = await loadNative();
  let wake = () => {};
  const native = {
    ...real,
    watch: (fd: number, readable: () => void) =>
      real.watch(fd, () => {
        readable();
        wake();
      }),
  };
  writeTree(sysRoot, { "event0/device/capabilities/key": KEYS_64 });
  const keys = await EvdevKeys.open({ sysRoot, devRoot: root, device: file, clock: time, timers: time, native });
  const fd = openSync(file, "r+");
  let closed = false;
  const close = keys.close.bind(keys);
  keys.close = () => {
    if (!closed) closeSync(fd);
    closed = true;
    close();
  };
  const send = async (code: number, value: number) => {
    if (closed) return;
    const seen = new Promise<void>((resolve) => {
      wake = resolve;
    });
    writeSync(fd, Buffer.concat([writeEvent(EV_KEY, code, value), writeEvent(EV_SYN, 0, 0)]));
    await seen;
  };
  const hold = async (key: PhoneKey, ms: number) => {
    await send(keyCodes[kernelNames[key]!], 1);
    time.advance(ms);
    await send(keyCodes[kernelNames[key]!], 0);
  };
  return { keys, press: (key) => hold(key, 100), long: (key) => hold(key, 1500), now: () => time.now() };
}

/** A bitmap with every key in it. */
const KEYS_64 = `${Array.from({ length: 12 }, () => "ffffffffffffffff").join(" ")}\n`;

export const implementations: readonly KeysImplementation[] = [
  {
    name: "simulated",
    has: ["call", "hangup", "up", "mute", "5", "#"],
    open: () => {
      const time = new VirtualTime();
      const keys = new SimulatedKeys({ clock: time, timers: time });
      const hold = async (key: PhoneKey, ms: number) => {
        keys.hold(key, ms);
        time.advance(ms);
      };
      return { keys, press: (key) => hold(key, 100), long: (key) => hold(key, 1500), now: () => time.now() };
    },
  },
  {
    name: "terminal",
    has: ["call", "hangup", "up", "mute", "5", "#"],
    open: () => {
      const time = new VirtualTime();
      const input = new PassThrough();
      const send = async (text: string) => {
        time.advance(10);
        input.write(text);
        await new Promise((resolve) => setTimeout(resolve, 5));
      };
      return {
        keys: new TerminalKeys({ input, clock: time, interrupt: () => {} }),
        press: (key) => send(bytes[key]!),
        long: (key) => send(`\u001b${bytes[key]}`),
        now: () => time.now(),
      };
    },
  },
  { name: "gpio", has: ["call", "hangup", "up", "mute", "5", "#"], open: openGpio },
  { name: "evdev", has: ["call", "hangup", "up", "mute", "5", "#"], open: openEvdev },
];

/** Collects events as words. */
export function collect(rig: KeysRig): string[] {
  const seen: string[] = [];
  rig.keys.listen((action: KeyAction, key: PhoneKey) => seen.push(`${action} ${key}`));
  return seen;
}
