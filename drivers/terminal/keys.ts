// A terminal's keyboard as a phone's keys.

import { emitKeypressEvents } from "node:readline";
import { type Clock, systemClock } from "../../firmware/runtime/clock.js";
import type { KeyAction, Keys, PhoneKey } from "../contract.js";

/** Where keys come from: `process.stdin`, or any stream that yields what a terminal would send. */
export interface TerminalInput extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/** How {@link TerminalKeys} is opened. */
export interface TerminalKeysOptions {
  readonly input?: TerminalInput;
  /** Asked to end the program (Ctrl-C, which a raw terminal no longer turns into a signal). Default: SIGINT to this process. */
  readonly interrupt?: () => void;
  readonly clock?: Clock;
}

/** Names as node:readline gives them, and characters. Digits, `*` and `#` are themselves. */
const keyOf = new Map<string, PhoneKey>([
  ["return", "call"],
  ["enter", "call"],
  ["c", "call"],
  ["h", "hangup"],
  ["escape", "hangup"],
  ["up", "up"],
  ["down", "down"],
  ["left", "left"],
  ["right", "right"],
  ["space", "select"],
  ["backspace", "back"],
  ["b", "back"],
  ["m", "mute"],
  ["+", "volumeUp"],
  ["-", "volumeDown"],
  ..."0123456789*#".split("").map((key): [string, PhoneKey] => [key, key as PhoneKey]),
]);

/** What the keys do, for the screen. */
export const terminalKeysHelp: readonly string[] = [
  "Enter call/answer",
  "h hang up",
  "0-9 * # dial",
  "arrows choose",
  "m mute",
  "+ - volume",
  "Alt holds a key",
  "Ctrl-C quit",
];

interface Keypress {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  /** What the terminal sent. */
  readonly sequence?: string;
}

/** How long an Escape may be the beginning of a longer sequence, ms. */
const ESCAPE_MS = 50;

/**
 * {@link Keys} of a terminal. It cannot see a key being let go: a press is followed by its release at once, and with Alt it is a
 * long press.
 */
export class TerminalKeys implements Keys {
  private readonly input: TerminalInput;
  private readonly interrupt: () => void;
  private readonly clock: Clock;
  private listener: ((action: KeyAction, key: PhoneKey, atMs: number) => void) | undefined;
  private closed = false;

  /** Takes the terminal's input in raw mode until {@link close}. */
  constructor(options: TerminalKeysOptions = {}) {
    this.input = options.input ?? process.stdin;
    this.interrupt = options.interrupt ?? (() => process.kill(process.pid, "SIGINT"));
    this.clock = options.clock ?? systemClock;
    // Node's own decoder of terminal sequences; its `escapeCodeTimeout` tells the Escape key from an arrow's first byte.
    emitKeypressEvents(this.input, { escapeCodeTimeout: ESCAPE_MS } as never);
    if (this.input.isTTY) this.input.setRawMode?.(true);
    this.input.on("keypress", this.onKeypress);
    this.input.resume();
  }

  listen(listener: (action: KeyAction, key: PhoneKey, atMs: number) => void): void {
    if (!this.closed) this.listener = listener;
  }

  /** Gives the terminal back. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.listener = undefined;
    this.input.removeListener("keypress", this.onKeypress);
    if (this.input.isTTY) this.input.setRawMode?.(false);
    this.input.pause();
  }

  private readonly onKeypress = (_text: string | undefined, press: Keypress): void => {
    if (press.ctrl) {
      if (press.name === "c") this.interrupt();
      return;
    }
    // A character by itself or with Alt; the end of a longer sequence (a terminal's report, say) is no key.
    const character = /^\u001b?(.)$/.exec(press.sequence ?? "")?.[1];
    const key = keyOf.get(press.name ?? "") ?? keyOf.get(character ?? "");
    if (!key) return;
    const atMs = this.clock.now();
    this.listener?.("press", key, atMs);
    if (press.meta && press.name !== "escape") this.listener?.("long", key, atMs);
    this.listener?.("release", key, atMs);
  };
}
