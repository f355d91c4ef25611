// Behaviour of displays: the latest view is what is seen, words only, nothing after close.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Display } from "../../../drivers/contract.js";
import { SimulatedDisplay } from "../../../drivers/simulated/display.js";
import { TerminalDisplay, type TerminalOutput } from "../../../drivers/terminal/display.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

/** A terminal that understands the few sequences the display may use, and nothing else. */
class FakeTerminal implements TerminalOutput {
  private rows: string[] = [""];
  private row = 0;
  raw = "";
  constructor(
    readonly isTTY: boolean,
    readonly columns: number,
  ) {}
  write(text: string): void {
    this.raw += text;
    const parts = text.matchAll(/\u001b\[(\d*)([A-Za-z])|\n|\r|[^\u001b\n\r]+/g);
    for (const [part, number, letter] of parts) {
      if (letter === "A") this.row -= Number(number);
      else if (letter === "J") {
        this.rows.length = this.row + 1;
        this.rows[this.row] = "";
      } else if (part === "\n") this.rows[++this.row] ??= "";
      else if (part !== "\r" && letter !== "m") this.rows[this.row] += part;
    }
  }
  /** What a person sees. */
  get screen(): string[] {
    return this.rows.filter((row) => row !== "");
  }
}

const terminal = (isTTY: boolean, columns = 80) => {
  const output = new FakeTerminal(isTTY, columns);
  return { output, display: new TerminalDisplay({ output, help: ["help"] }) };
};

/** A real driver joins by adding an entry here. `seen` is the text that can be read now. */
const implementations: readonly { name: string; open(): { display: Display; seen(): string } }[] = [
  {
    name: "simulated",
    open: () => {
      const time = new VirtualTime();
      const display = new SimulatedDisplay({ clock: time, timers: time });
      const seen = () => {
        const view = display.views.at(-1);
        return view ? [view.title, ...view.lines, view.softKeys?.left, view.softKeys?.right].join("\n") : "";
      };
      return { display, seen };
    },
  },
  {
    name: "terminal",
    open: () => {
      const { output, display } = terminal(true);
      return { display, seen: () => output.screen.join("\n") };
    },
  },
];

for (const { name, open } of implementations) {
  test(`${name}: shows title, lines and soft keys of the latest view only`, () => {
    const { display, seen } = open();
    display.show({
      title: "Ringing",
      lines: ["sip:bob@example.com", "private"],
      softKeys: { left: "Answer", right: "Decline" },
    });
    for (const word of ["Ringing", "sip:bob@example.com", "private", "Answer", "Decline"]) assert.match(seen(), word);
    display.show({ title: "Ready", lines: [] });
    assert.match(seen(), "Ready");
    assert.not.match(seen(), "Ringing");
    assert.not.match(seen(), "Decline");
    display.close();
  });

  test(`${name}: nothing changes after close`, () => {
    const { display, seen } = open();
    display.show({ title: "Ready", lines: [] });
    const before = seen();
    display.close();
    display.close();
    display.show({ title: "Other", lines: [] });
    assert.is(seen(), before);
  });
}

test("terminal: redraws in place; the same view again writes nothing", () => {
  const { output, display } = terminal(true);
  display.show({ title: "One", lines: ["a", "b"] });
  display.show({ title: "Two", lines: ["c"] });
  assert.equal(output.screen, ["Two", "  c", "help"]);
  const { raw } = output;
  display.show({ title: "Two", lines: ["c"] });
  assert.is(output.raw, raw);
});

test("terminal: lines are cut to the width, so that the count of lines holds", () => {
  const { output, display } = terminal(true, 20);
  display.show({ title: "x".repeat(100), lines: ["y".repeat(100)] });
  assert.ok(
    output.screen.every((line) => line.length <= 19),
    output.screen.join("|"),
  );
  display.show({ title: "short", lines: [] });
  assert.equal(output.screen, ["short", "help"]);
});

test("terminal: help is parted over lines where it does not fit", () => {
  const output = new FakeTerminal(true, 24);
  const display = new TerminalDisplay({ output, help: ["Enter call", "h hang up", "m mute"] });
  display.show({ title: "One", lines: [] });
  display.show({ title: "Two", lines: [] });
  assert.equal(output.screen, ["Two", "Enter call · h hang up", "m mute"]);
});

test("terminal: what comes from the network cannot steer it", () => {
  const { output, display } = terminal(true);
  display.show({ title: "\u001b[2Jevil\u0007", lines: ["a\nb\r\u009b31m\u202etxt"], softKeys: { left: "\u001b]0;x" } });
  assert.not.match(output.raw, "\u001b[2J");
  assert.not.match(output.raw, /[\u0007\u009b\u202e]|\u001b\]/);
  assert.is(output.screen.length, 4);
});

test("no terminal: plain lines, one view after the other", () => {
  const { output, display } = terminal(false);
  display.show({ title: "One", lines: ["a"], softKeys: { right: "Exit" } });
  display.show({ title: "Two", lines: [] });
  assert.is(output.raw, "One\n  a\n  [Exit]\nTwo\n");
});

test.run();
