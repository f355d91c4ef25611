// Input devices: both sizes of events, capabilities, hot-plug, grabbing, lost events; codes against the kernel's own header.

import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventReader, wordBits } from "../../../drivers/evdev/event.js";
import {
  EV_KEY,
  EV_SYN,
  EvdevKeys,
  inputDevices,
  keyCodes,
  keyMap,
  keyName,
  loadNative,
  parseBitmap,
  SYN_DROPPED,
  writeEvent,
} from "../../../drivers/evdev/index.js";
import { temporaryFolder, writeTree } from "../../support/fake-sysfs.js";
import { eventually, Journal } from "../../support/wait.js";

const ALL_KEYS = `${Array.from({ length: 12 }, () => "ffffffffffffffff").join(" ")}\n`;

class Machine {
  readonly devRoot = temporaryFolder("dev");
  readonly sysRoot = temporaryFolder("sys");
  private readonly open = new Map<string, number>();

  /** A device is plugged in: the kernel tells of it, then udev makes its file. */
  plug(id: string, name = "keypad"): void {
    writeTree(this.sysRoot, { [`${id}/device/name`]: `${name}\n`, [`${id}/device/capabilities/key`]: ALL_KEYS });
    execFileSync("mkfifo", [join(this.devRoot, id)]);
    this.open.set(id, openSync(join(this.devRoot, id), "r+"));
  }
  send(id: string, ...events: [number, number, number][]): void {
    writeSync(this.open.get(id)!, Buffer.concat(events.map((event) => writeEvent(...event))));
  }
  unplug(id: string): void {
    rmSync(join(this.devRoot, id));
    rmSync(join(this.sysRoot, id), { recursive: true });
    closeSync(this.open.get(id)!);
    this.open.delete(id);
  }
  end(): void {
    for (const fd of this.open.values()) closeSync(fd);
  }
}

function journal(keys: EvdevKeys): Journal<string> {
  const seen = new Journal<string>();
  keys.listen((action, key) => seen.add(`${action} ${key}`));
  return seen;
}

test("events of 16 and 24 bytes, whole or in pieces, in any cut", () => {
  for (const size of [16, 24] as const)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(0xffff), fc.nat(0xffff), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })), {
          maxLength: 20,
        }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 }),
        (events, cuts) => {
          const seen: number[][] = [];
          const reader = new EventReader((...event) => seen.push(event), size);
          const bytes = Buffer.concat(events.map((event) => writeEvent(...event, size)));
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const piece = bytes.subarray(at, at + cuts[i % cuts.length]);
            reader.take(piece);
            at += piece.length;
          }
          assert.equal(seen, events);
        },
      ),
      { numRuns: 200 },
    );
});

test("bytes of a real key press, as 32- and 64-bit kernels lay them out", () => {
  // struct timeval, then __u16 type 1 (EV_KEY), __u16 code 169 (KEY_PHONE), __s32 value 1; little endian.
  for (const [size, hex] of [
    [16, "d2029649 40e20100 0100 a900 01000000"],
    [24, "d202964900000000 40e2010000000000 0100 a900 01000000"],
  ] as const) {
    const seen: number[][] = [];
    new EventReader((...event) => seen.push(event), size).take(Buffer.from(hex.replaceAll(" ", ""), "hex"));
    assert.equal(seen, [[1, 169, 1]]);
  }
  assert.equal([wordBits("arm"), wordBits("arm64"), wordBits("x64")], [32, 64, 64]);
});

test("capability bitmaps as sysfs prints them, by word size", () => {
  // A gpio-keys device with KEY_PHONE (169) and KEY_CANCEL (223): word 2 has bit 41, word 3 bit 31.
  assert.equal([...parseBitmap("80000000 20000000000 0 0", 64)].sort(), [169, 223]);
  assert.equal(
    [...parseBitmap("80000000 200 0 0 0 0 0\n", 32)].sort(),
    [201, 223].map((n) => (n === 201 ? 169 : n)),
  );
  assert.equal([...parseBitmap("4", 64)], [2]);
  assert.equal([...parseBitmap("", 64)], []);
  assert.equal([...parseBitmap("zz 1", 64)], [0]);
});

const header = "/usr/include/linux/input-event-codes.h";
if (!existsSync(header)) console.log(`skipped: ${header} is not here`);
else
  test("every code is the kernel's", () => {
    const text = readFileSync(header, "utf8");
    const numbers = new Map(
      [...text.matchAll(/^#define\s+(\w+)\s+(0x[0-9a-fA-F]+|\d+)/gm)].map((m) => [m[1], Number(m[2])]),
    );
    for (const [name, code] of Object.entries(keyCodes)) assert.is(numbers.get(name), code, name);
  });

test("names, numbers and unknown keys in a board's map", () => {
  assert.equal(
    [...keyMap({ KEY_F1: "call", "223": "hangup" })],
    [
      [223, "hangup"],
      [59, "call"],
    ],
  );
  assert.throws(() => keyMap({ KEY_PHONY: "call" }), /no key "KEY_PHONY"/);
  assert.throws(() => keyMap({ "9999": "call" }), /no key "9999"/);
  assert.is(keyName(169), "KEY_PHONE");
  assert.is(keyName(700), "key 700");
});

test("devices are told from sysfs; one without the phone's keys is left alone", async () => {
  const machine = new Machine();
  machine.plug("event0", "gpio-keys");
  writeTree(machine.sysRoot, { "event1/device/name": "mouse\n", "event1/device/capabilities/key": "70000 0 0 0 0\n" });
  execFileSync("mkfifo", [join(machine.devRoot, "event1")]);
  assert.equal(
    inputDevices(machine).map(({ id, name }) => `${id} ${name}`),
    ["event0 gpio-keys", "event1 mouse"],
  );
  const keys = await EvdevKeys.open(machine);
  assert.is(keys.count, 1);
  keys.close();
  machine.end();
});

test("hot-plug: taken when it comes, its keys come up when it goes, taken again when it is back", async () => {
  const machine = new Machine();
  const told: string[] = [];
  const keys = await EvdevKeys.open({ ...machine, tell: (text) => told.push(text) });
  const seen = journal(keys);
  assert.is(keys.count, 0);
  for (const id of ["event3", "event4"]) {
    machine.plug(id);
    await eventually(`${id} is taken`, 20_000, () => keys.count === 1);
    machine.send(id, [EV_KEY, 169, 1], [EV_SYN, 0, 0]);
    await seen.until("pressed", (line) => line === "press call", 5000, id === "event3" ? 0 : 2);
    machine.unplug(id);
    await eventually("let go", 20_000, () => seen.entries.at(-1) === "release call");
    await eventually("closed", 20_000, () => keys.count === 0);
  }
  assert.match(told.join("\n"), /keypad .*is open\nkeypad is gone: its file ended/);
  keys.close();
});

test("the folder itself may come later", async () => {
  const machine = new Machine();
  const devRoot = join(machine.devRoot, "input");
  const keys = await EvdevKeys.open({ sysRoot: machine.sysRoot, devRoot });
  writeTree(machine.sysRoot, { "event0/device/name": "late\n", "event0/device/capabilities/key": ALL_KEYS });
  execFileSync("mkdir", [devRoot]);
  execFileSync("mkfifo", [join(devRoot, "event0")]);
  await eventually("taken", 20_000, () => keys.count === 1);
  keys.close();
});

test("grab is asked of the kernel, and who else has grabbed it is told", async () => {
  const machine = new Machine();
  machine.plug("event0");
  const asked: number[][] = [];
  const real = await loadNative();
  const native = {
    ...real,
    ioctl: (_fd: number, request: number, argument: unknown) => asked.push([request, Number(argument)]),
  };
  const keys = await EvdevKeys.open({ ...machine, grab: true, native });
  // _IOW('E', 0x90, int)
  assert.equal(asked, [[0x40044590, 1]]);
  keys.close();
  const told: string[] = [];
  const busy = {
    ...real,
    ioctl: () => {
      throw Object.assign(new Error("busy"), { code: "EBUSY" });
    },
  };
  const second = await EvdevKeys.open({ ...machine, grab: true, native: busy, tell: (text) => told.push(text) });
  assert.match(told.join(), /event0 is grabbed by another program/);
  second.close();
  machine.end();
});

test("the real ioctl answers with the kernel's error", async () => {
  const { loadIoctl } = await import("../../../drivers/evdev/index.js");
  const native = await loadNative();
  await loadIoctl();
  const fd = openSync("/dev/null", "r");
  // qemu-user, by which this suite is run as ARMv7 code, answers ENOSYS to what it does not know, and passes on what it does.
  const refusals = ["ENOTTY", "ENOSYS"];
  assert.throws(
    () => native.ioctl(fd, 0x40044590, 1),
    (error: NodeJS.ErrnoException) => refusals.includes(error.code!),
  );
  assert.throws(
    () => native.ioctl(fd, 0x5401, new Uint8Array(64)),
    (error: NodeJS.ErrnoException) => error.code === "ENOTTY",
    "TCGETS",
  );
  assert.throws(
    () => native.ioctl(fd, 0x8008451b, new Uint8Array(8)),
    (error: NodeJS.ErrnoException) => refusals.includes(error.code!),
  );
  closeSync(fd);
});

test("after lost events the fragments are skipped and what was down comes up", async () => {
  const machine = new Machine();
  machine.plug("event0");
  const keys = await EvdevKeys.open(machine);
  const seen = journal(keys);
  machine.send("event0", [EV_KEY, 2, 1], [EV_SYN, 0, 0], [EV_SYN, SYN_DROPPED, 0], [EV_KEY, 3, 1], [EV_SYN, 0, 0]);
  machine.send("event0", [EV_KEY, 4, 1], [EV_KEY, 4, 2], [EV_KEY, 4, 0], [EV_KEY, 4, 0]);
  await seen.until("the last", (line) => line === "release 3");
  assert.equal(seen.entries, ["press 1", "release 1", "press 3", "release 3"]);
  keys.close();
  machine.end();
});

test("random bytes from a device do no harm", async () => {
  const machine = new Machine();
  machine.plug("event0");
  const keys = await EvdevKeys.open(machine);
  const seen = journal(keys);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 * 8 }), (bytes) => {
      const reader = new EventReader(() => {}, 24);
      reader.take(Buffer.from(bytes));
    }),
  );
  machine.send("event0", [EV_KEY, 0xffff, 7], [0x7fff, 1, 1], [EV_KEY, 169, 1]);
  await seen.until("alive", (line) => line === "press call");
  keys.close();
  machine.end();
});

test.run();
