// The key drivers the suites in this folder run against. A real driver joins by adding an entry here.

import { PassThrough } from "node:stream";
import type { KeyAction, Keys, PhoneKey } from "../../../drivers/contract.js";
import { SimulatedKeys } from "../../../drivers/simulated/keys.js";
import { TerminalKeys } from "../../../drivers/terminal/keys.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

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
  open(): KeysRig;
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
];

/** Collects events as words. */
export function collect(rig: KeysRig): string[] {
  const seen: string[] = [];
  rig.keys.listen((action: KeyAction, key: PhoneKey) => seen.push(`${action} ${key}`));
  return seen;
}
