// The terminal's own promises: every documented key, Escape alone, Ctrl-C, raw mode given back.

import { PassThrough } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TerminalKeys } from "../../../drivers/terminal/keys.js";

class FakeTty extends PassThrough {
  readonly isTTY = true;
  readonly raw: boolean[] = [];
  setRawMode(on: boolean): void {
    this.raw.push(on);
  }
}

async function typed(...texts: string[]): Promise<{ keys: string[]; interrupts: number; raw: boolean[] }> {
  const input = new FakeTty();
  let interrupts = 0;
  const keys = new TerminalKeys({ input, interrupt: () => interrupts++ });
  const seen: string[] = [];
  keys.listen((action, key) => action !== "release" && seen.push(action === "long" ? `${key}!` : key));
  for (const text of texts) {
    input.write(text);
    await new Promise((resolve) => setTimeout(resolve, 80));
  }
  keys.close();
  return { keys: seen, interrupts, raw: input.raw };
}

test("every key of the help line", async () => {
  const { keys } = await typed("\r", "\n", "c", "h", "0123456789*#", "m+-", "b\u007f ", "C");
  assert.equal(
    keys.join(" "),
    "call call call hangup 0 1 2 3 4 5 6 7 8 9 * # mute volumeUp volumeDown back back select call",
  );
});

test("arrows in both forms terminals send, and Escape alone", async () => {
  const { keys } = await typed("\u001b[A\u001b[B\u001b[C\u001b[D", "\u001bOA", "\u001b");
  assert.equal(keys.join(" "), "up down right left up hangup");
});

test("Alt makes a long press", async () => {
  assert.equal((await typed("\u001b2", "\u001b#")).keys, ["2", "2!", "#", "#!"]);
});

test("Ctrl-C asks to end; other control keys and unknown keys do nothing", async () => {
  const { keys, interrupts } = await typed("\u0003", "\u0001xyzäß\u001b[15~", "\u001b[12;40R");
  assert.is(interrupts, 1);
  assert.equal(keys, []);
});

test("raw mode while open, given back on close", async () => {
  assert.equal((await typed()).raw, [true, false]);
});

test.run();
