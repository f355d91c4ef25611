// Looks at every device of a board, one after the other, and says what is wrong and what to do.

import { setTimeout as pause } from "node:timers/promises";
import type { Backlight, Closable, Indicator, Ringer, Vibrator } from "../drivers/contract.js";
import { openAudio } from "./audio.js";
import type { Board, DeviceSpec } from "./board.js";
import { deviceNames, mergeSpec } from "./devices.js";
import { type DeviceTypes, findDriver } from "./drivers.js";
import { checkOptions } from "./options.js";

/** What was found out about one device. */
export interface Finding {
  readonly device: string;
  readonly driver: string;
  readonly ok: boolean;
  /** What is there, or what is wrong and what to do. */
  readonly text: string;
}

/** How long a device may take to say what it has found, ms. */
const LISTEN_MS = 400;

/** What is looked at, and how. */
export interface ExamineOptions {
  /** Names of devices; default: all. */
  readonly only?: readonly string[];
  /** Also let every output do something for so long, ms, for a person to see, hear or feel: vibrator, ringer, lights. */
  readonly tryMs?: number;
}

/**
 * Opens and closes each device by itself, so that one that is wrong does not hide the others. Of sound only whether the card can be opened.
 * @param given `devices` of the configuration file.
 * @throws Error that lists the devices there are for a name that is none.
 */
export async function* examine(
  board: Board,
  given: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
  { only = deviceNames, tryMs = 0 }: ExamineOptions = {},
): AsyncGenerator<Finding> {
  for (const name of only)
    if (!(deviceNames as readonly string[]).includes(name))
      throw new Error(`there is no device "${name}"; devices: ${deviceNames.join(", ")}`);
  for (const name of deviceNames) {
    if (!only.includes(name)) continue;
    if (name === "audio") {
      yield await examineSound(board, given[name]);
      continue;
    }
    const own = board[name];
    const specs: readonly (DeviceSpec | undefined)[] = Array.isArray(own) ? own : [own as DeviceSpec | undefined];
    for (const spec of specs) {
      if (!spec && given[name]?.["driver"] === undefined) {
        yield { device: name, driver: "none", ok: true, text: "this board has none" };
        continue;
      }
      yield await examineOne(name, spec ?? { driver: "" }, given[name], tryMs);
    }
  }
}

async function examineSound(board: Board, given: Readonly<Record<string, unknown>> | undefined): Promise<Finding> {
  let driver = board.audio.driver;
  try {
    const merged = mergeSpec("audio", board.audio, given);
    driver = merged.driver;
    if (driver === "simulated") return { device: "audio", driver, ok: true, text: "simulated: nothing can be wrong" };
    const { rate, periodFrames, periods } = { ...board.audio.wanted, ...merged.options };
    const card = await openAudio(driver, merged.options)({ rate, periodFrames, periods });
    const text = `can be opened: ${card.rate} Hz, ${((card.periodFrames * 1000) / card.rate).toFixed(1)} ms periods`;
    await card.close();
    return { device: "audio", driver, ok: true, text };
  } catch (error) {
    return { device: "audio", driver, ok: false, text: (error as Error).message };
  }
}

async function examineOne(
  device: keyof DeviceTypes,
  spec: DeviceSpec,
  given: Readonly<Record<string, unknown>> | undefined,
  tryMs: number,
): Promise<Finding> {
  let driver = spec.driver;
  const told: string[] = [];
  try {
    const merged = mergeSpec(device, spec, given);
    driver = merged.driver;
    const { sound: _sound, ...options } = merged.options as Record<string, unknown>;
    const found = findDriver(device, driver);
    const checked = checkOptions(
      `devices.${device}`,
      found.options,
      device === "ringer" ? (merged.options as Record<string, unknown>) : options,
    );
    const opened = await found.open(checked, { observe: () => {}, tell: (text) => told.push(text) });
    try {
      const remark = await look(driver, opened.device, told);
      if (!remark.ok || tryMs === 0) return { device, driver, ...remark };
      const before = told.length;
      const did = await use(device, opened.device, tryMs);
      const failed = told.slice(before);
      if (did === undefined) return { device, driver, ...remark };
      const text = failed.length > 0 ? `${did}, but: ${failed.join("; ")}` : `${remark.text}; ${did}`;
      return { device, driver, ok: failed.length === 0, text };
    } finally {
      await opened.device.close();
    }
  } catch (error) {
    return { device, driver, ok: false, text: (error as Error).message };
  }
}

/** Lets an output do something. @returns what it should have done; undefined: it is no output. */
async function use(name: keyof DeviceTypes, device: Closable, ms: number): Promise<string | undefined> {
  const seconds = `${Math.round(ms / 100) / 10} s`;
  if (name === "vibrator") {
    (device as Vibrator).start([ms], false);
    await pause(ms);
    (device as Vibrator).stop();
    return `vibrated for ${seconds}: felt?`;
  }
  if (name === "ringer") {
    (device as Ringer).start("ring", 0.8);
    await pause(ms);
    (device as Ringer).stop();
    return `rang for ${seconds}: heard?`;
  }
  if (name === "indicator") {
    (device as Indicator).set("ringing");
    await pause(ms);
    (device as Indicator).set("off");
    return `blinked as for a call for ${seconds}: seen?`;
  }
  if (name !== "backlight") return undefined;
  (device as Backlight).set(0);
  await pause(ms / 2);
  (device as Backlight).set(1);
  await pause(ms / 2);
  return "went dark and full: seen?";
}

/** What a device that could be opened says of itself. */
async function look(
  driver: string,
  device: Closable,
  told: readonly string[],
): Promise<{ readonly ok: boolean; readonly text: string }> {
  if (driver === "simulated") return { ok: true, text: "simulated: nothing can be wrong" };
  if (driver === "terminal") return { ok: true, text: "the terminal that the handset is started in" };
  if (driver === "evdev" || driver === "wired") {
    await pause(LISTEN_MS);
    const open = told.filter((text) => / is open$/.test(text));
    const rest = told.filter((text) => !/ is open$/.test(text));
    if (open.length > 0) return { ok: true, text: [...open, ...rest].join("; ") };
    return { ok: false, text: [...rest, await inputsHere(driver)].join("; ") };
  }
  if (driver === "bluetooth") {
    await pause(LISTEN_MS * 2);
    const wrong = told.filter((text) => /cannot be opened/.test(text));
    if (wrong.length > 0)
      return {
        ok: false,
        text: `${wrong.join("; ")}. Pair the headset, then bind its hands-free channel: "rfcomm bind 0 ADDRESS CHANNEL" (bluez)`,
      };
    const connected = (device as unknown as { connected?: boolean }).connected;
    return {
      ok: true,
      text: connected
        ? "a headset is connected"
        : `${told.join("; ") || "the line is open"}; switch the headset on to connect it`,
    };
  }
  return { ok: true, text: told.length > 0 ? told.join("; ") : "can be opened" };
}

/** What input devices there are, and why none of them will do. */
export async function inputsHere(driver: string): Promise<string> {
  const { inputDevices, INPUT_DEV_ROOT } = await import("../drivers/evdev/index.js");
  const names = inputDevices().map(({ name, file }) => `${name} (${file})`);
  const wanted = driver === "evdev" ? "keys of a phone" : "a jack's switch";
  if (names.length === 0)
    return `there are no input devices in ${INPUT_DEV_ROOT}: is evdev in the kernel, and gpio-keys in the device tree?`;
  const hint =
    driver === "evdev" ? '; "sotto keys --raw" shows what their keys are called, "map" gives them a meaning' : "";
  return `no input device has ${wanted}; there are ${names.join(", ")}${hint}`;
}
