// Shows keys as they come: the board's as the phone sees them, or everything the kernel's input devices say.

import type { Closable } from "../drivers/contract.js";
import type { Board } from "./board.js";
import { mergeSpec } from "./devices.js";
import { inputsHere } from "./doctor.js";
import { findDriver } from "./drivers.js";
import { checkOptions } from "./options.js";

/** Told each event in words. */
export type ShowKey = (text: string) => void;

/** Opens the board's keys and jack and shows what they say, until closed. @throws Error that says which device is wrong and why. */
export async function watchKeys(
  board: Board,
  given: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  show: ShowKey,
): Promise<Closable> {
  const open: Closable[] = [];
  const close = async () => {
    for (const device of open.splice(0).reverse()) await device.close();
  };
  const told = { observe: () => {}, tell: (text: string) => show(`# ${text}`) };
  try {
    for (const spec of board.keys) {
      const { driver, options } = mergeSpec("keys", spec, given["keys"]);
      const found = findDriver("keys", driver);
      const { device } = await found.open(checkOptions("devices.keys", found.options, options), told);
      open.push(device);
      if (driver === "simulated")
        show('# the keys of this board are simulated: nobody can press them ("--board" takes another)');
      // Nothing is wrong with a keyboard that is not plugged in yet, but whoever waits for it wants to know.
      else if ((device as { count?: number }).count === 0) show(`# ${await inputsHere(driver)}; waiting for one`);
      device.listen((action, key, atMs) => show(`${atMs.toFixed(1)} ${action} ${key}`));
    }
    const jack = board.jack ?? (given["jack"]?.["driver"] === undefined ? undefined : { driver: "" });
    if (jack) {
      const { driver, options } = mergeSpec("jack", jack, given["jack"]);
      const { sound: _sound, ...own } = options as Record<string, unknown>;
      const found = findDriver("jack", driver);
      const { device } = await found.open(checkOptions("devices.jack", found.options, own), told);
      open.push(device);
      device.listen((event, atMs) => show(`${atMs.toFixed(1)} headset ${event.type}`));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

/** Shows every key and switch of every input device by the kernel's names: what a board's `map` is written from. */
export async function watchInputs(
  show: ShowKey,
  roots: { sysRoot?: string; devRoot?: string } = {},
): Promise<Closable> {
  const { EV_KEY, EV_SW, InputDevices, keyName } = await import("../drivers/evdev/index.js");
  const words = ["up", "down", "repeat"];
  return InputDevices.open(
    { ...roots, tell: (text) => show(`# ${text}`) },
    {
      fits: () => true,
      event: (_device, info, type, code, value) => {
        if (type === EV_KEY) show(`${info.name}: ${keyName(code)} (${code}) ${words[value] ?? value}`);
        else if (type === EV_SW) show(`${info.name}: switch ${code} ${value ? "on" : "off"}`);
      },
      reset: () => {},
    },
  );
}
