// The parts of scripts/emulate: what a console says is taken apart, drawn, and the terminal's keys become the handset's.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TerminalDisplay } from "../../../drivers/terminal/index.js";
import { PhoneConsole, plain } from "../../../scripts/emulate-device/console.js";
import { handsetKey } from "../../../scripts/emulate-device/keys.js";
import { HandsetScreen } from "../../../scripts/emulate-device/screen.js";
import { lines } from "../../../toolchain/device/device-tree.js";
import { checkout } from "../../vectors.js";

const test = suite("emulate");

/** What a terminal shows of what was written to it: moves up, clears from here on, lines. */
function shown(text: string): string[] {
  const rows: string[] = [""];
  let row = 0;
  for (const [piece] of text.matchAll(/\u001b\[\d*A|\u001b\[J|\n|\r|[^\u001b\n\r]+|\u001b\[\d*m/g)) {
    const up = /^\u001b\[(\d+)A$/.exec(piece);
    if (up) row = Math.max(0, row - Number(up[1]));
    else if (piece === "\u001b[J") rows.splice(row, rows.length, "");
    else if (piece === "\n") rows[++row] ??= "";
    else if (!/^[\r\u001b]/.test(piece)) rows[row] += piece;
  }
  return rows;
}

test("the telephone's screen is found between a kernel's messages, however the text is cut", () => {
  let text = "EFI stub: booting\r\n[    9.713635] sotto: up\r\n";
  const display = new TerminalDisplay({
    output: { isTTY: true, columns: 80, write: (piece) => (text += piece.replace(/\n/g, "\r\n")) },
  });
  display.show({ title: "Ready", lines: ["sip:bob@a.test"], softKeys: {} });
  text += "[   26.561733] sotto: telephone is ready\r\n";
  display.show({
    title: "Incoming call",
    lines: ["Alice", "Verified"],
    softKeys: { left: "Answer", right: "Decline" },
  });
  text += "The system is going down NOW!\r\nRequesting system poweroff\r\n";
  const before = ["EFI stub: booting", "up", "telephone is ready"];
  for (const size of [1, 2, 7, 1000]) {
    const messages: string[] = [];
    const seen = new PhoneConsole((line) => messages.push(line));
    for (let at = 0; at < text.length; at += size) seen.feed(text.slice(at, at + size));
    assert.equal(
      messages,
      [...before, "The system is going down NOW!", "Requesting system poweroff"],
      `pieces of ${size}`,
    );
    assert.equal(seen.screen, ["Incoming call", "  Alice", "  Verified", "  [Answer]  [Decline]"]);
  }
});

test("what the machine writes cannot steer the terminal", () => {
  assert.is(plain("\u001b[2J\u001b[31mred\u001b[0m\u0007\u001bc\u009b1mx"), "red1mx");
});

test("messages go by above; screen, vibrator and light stay below", () => {
  let text = "";
  const screen = new HandsetScreen({ isTTY: true, columns: 80, write: (piece) => (text += piece) });
  screen.message("one");
  screen.show(["Incoming call", "  Alice"]);
  screen.vibrator(true);
  screen.message("two");
  screen.light(true);
  const rows = shown(text);
  assert.equal(rows.slice(0, 6), [
    ...["one", "two", "┌ telephone", "│ Incoming call", "│   Alice"],
    "└ vibrator SHAKES · light ON",
  ]);
  screen.vibrator(false);
  assert.match(shown(text)[5], /vibrator still/);
  assert.is(shown(text).filter((row) => row.includes("telephone")).length, 1);
});

test("where nothing can be drawn over, each change is written once", () => {
  let text = "";
  const screen = new HandsetScreen({ write: (piece) => (text += piece) });
  screen.show(["Ready"]);
  screen.show(["Ready"]);
  screen.message("hello");
  assert.is(text.match(/│ Ready/g)?.length, 1);
  assert.not.match(text, /\u001b/);
});

test("a terminal's keys are the handset's", () => {
  assert.equal(handsetKey({ name: "return", sequence: "\r" }), { kind: "line", line: lines.call });
  assert.equal(handsetKey({ name: "h", sequence: "h" }), { kind: "line", line: lines.hangup });
  assert.equal(handsetKey({ name: "up", sequence: "\u001b[A" }), { kind: "key", name: "up" });
  assert.equal(handsetKey({ name: "5", sequence: "5" }), { kind: "key", name: "5" });
  assert.equal(handsetKey({ name: "v", sequence: "V" }), { kind: "key", name: "volumeup" });
  assert.equal(handsetKey({ name: "c", sequence: "\u0003", ctrl: true }), { kind: "quit" });
  assert.equal(handsetKey({ name: "q", sequence: "q" }), { kind: "quit" });
  assert.is(handsetKey({ name: "x", sequence: "x" }), undefined);
  assert.is(handsetKey({ name: "toString", sequence: "\u0001" }), undefined);
});

test("what is missing is said", () => {
  const program = join(checkout, "out", "js", "scripts", "emulate-device", "main.js");
  const run = (path: string, ...args: string[]) =>
    spawnSync(process.execPath, [program, ...args], {
      encoding: "utf8",
      input: "",
      env: { ...process.env, PATH: path },
    });
  const here = process.env["PATH"]!;
  assert.match(run(here, "--help").stdout, /--image <file>/);
  const none = run(here, "--image", "/nowhere.img");
  assert.is(none.status, 1);
  assert.match(none.stderr, /nowhere\.img is not there|qemu-system-aarch64 is not installed/);
});

test.run();
