// Keys of the terminal as keys of the emulated handset: two buttons on its GPIO lines, the rest on its keyboard.

import { lines } from "../../toolchain/device/device-tree.js";

/** What a key of the terminal does. */
export type HandsetKey =
  | { readonly kind: "line"; readonly line: number }
  | { readonly kind: "key"; readonly name: string }
  | { readonly kind: "quit" };

/** Names of QEMU's keys for what is typed. */
const names: Readonly<Record<string, string>> = {
  up: "up",
  down: "down",
  left: "left",
  right: "right",
  space: "ret",
  backspace: "backspace",
  "*": "kp_multiply",
  m: "audiomute",
  v: "volumedown",
  V: "volumeup",
};

/** A key as node:readline tells it. */
export interface Keypress {
  readonly name?: string;
  readonly sequence?: string;
  readonly ctrl?: boolean;
}

/** @returns undefined for a key that does nothing. */
export function handsetKey({ name, sequence, ctrl }: Keypress): HandsetKey | undefined {
  if (ctrl) return name === "c" || name === "d" ? { kind: "quit" } : undefined;
  const typed = sequence ?? "";
  if (typed === "q") return { kind: "quit" };
  if (name === "return" || name === "enter" || typed === "c") return { kind: "line", line: lines.call };
  if (typed === "h" || name === "escape") return { kind: "line", line: lines.hangup };
  if (/^[0-9]$/.test(typed)) return { kind: "key", name: typed };
  const key = Object.hasOwn(names, typed) ? names[typed] : Object.hasOwn(names, name ?? "") ? names[name!] : undefined;
  return key === undefined ? undefined : { kind: "key", name: key };
}
