// A wired headset on a pipe in place of its input device, and the finger on its button.

import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { HeadsetEvent } from "../../../drivers/contract.js";
import { EV_KEY, EV_SYN, keyCodes, loadNative, SW_HEADPHONE_INSERT, writeEvent } from "../../../drivers/evdev/index.js";
import { WiredHeadset } from "../../../drivers/wired-headset/index.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { temporaryFolder, writeTree } from "../../support/fake-sysfs.js";

/** @param inserted whether something is in the jack at first; `none`: the device has no such switch. */
export async function wiredRig(inserted: boolean | "none" = false) {
  const time = new VirtualTime();
  const devRoot = temporaryFolder("jack");
  execFileSync("mkfifo", [join(devRoot, "event0")]);
  const sysRoot = writeTree(join(devRoot, "sys"), {
    "event0/device/name": "Headset Jack\n",
    "event0/device/capabilities/key": "400000000 0 0 0\n",
    ...(inserted === "none" ? {} : { "event0/device/capabilities/sw": "14\n" }),
  });
  const real = await loadNative();
  let wake = () => {};
  const native = {
    watch: (fd: number, readable: () => void) =>
      real.watch(fd, () => {
        readable();
        wake();
      }),
    // EVIOCGSW: the state of the switches.
    ioctl: (_fd: number, _request: number, argument: number | Uint8Array) => {
      if (typeof argument !== "number") argument[0] = inserted ? 1 << SW_HEADPHONE_INSERT : 0;
      return 0;
    },
  };
  const headset = await WiredHeadset.open({
    devRoot,
    sysRoot,
    native,
    clock: time,
    timers: time,
    name: "Headset Jack",
  });
  const fd = openSync(join(devRoot, "event0"), "r+");
  const events: HeadsetEvent[] = [];
  headset.listen((event) => events.push(event));
  time.advance(200);
  const send = async (type: number, code: number, value: number) => {
    const seen = new Promise<void>((resolve) => {
      wake = resolve;
    });
    writeSync(fd, Buffer.concat([writeEvent(type, code, value), writeEvent(EV_SYN, 0, 0)]));
    await seen;
  };
  const key = keyCodes["KEY_MEDIA"];
  const press = async (ms: number) => {
    await send(EV_KEY, key, 1);
    time.advance(ms);
    await send(EV_KEY, key, 0);
  };
  return {
    ...{ time, headset, events, send, press },
    double: async () => {
      await press(80);
      time.advance(150);
      await press(80);
    },
    end: () => {
      headset.close();
      closeSync(fd);
    },
  };
}
