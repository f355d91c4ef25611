// A terminal as the phone's screen: redrawn in place on a real terminal, one line after the other elsewhere.

import type { Display, DisplayView } from "../contract.js";

/** Where views go: `process.stdout`, or anything like it. */
export interface TerminalOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** How {@link TerminalDisplay} is opened. */
export interface TerminalDisplayOptions {
  readonly output?: TerminalOutput;
  /** Shown below every view, e.g. what the keys do; parted where the terminal is too narrow. */
  readonly help?: readonly string[];
}

const BOLD = "\u001b[1m";
const DIM = "\u001b[2m";
const PLAIN = "\u001b[0m";
/** To the line's beginning, then clear from here to the end of the screen. */
const CLEAR = "\r\u001b[J";
/** The view is complete. Clears what is below, where there is nothing: it is for who reads the console and is no terminal. */
const END = "\u001b[0J";
const DEFAULT_COLUMNS = 80;

/** Text of a view may come from the network: nothing in it may steer the terminal or turn the line's reading direction. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\u00b7");
}

/** Joins parts to as few lines of `width` as they fit in. */
function pack(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = lines.length ? `${lines.at(-1)} · ${part}` : part;
    if (lines.length && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines;
}

/** {@link Display} in a terminal. */
export class TerminalDisplay implements Display {
  private readonly output: TerminalOutput;
  private readonly help: readonly string[];
  /** Lines of the last view that are still on the terminal, the cursor below them. */
  private drawn = 0;
  private last = "";
  private closed = false;

  constructor(options: TerminalDisplayOptions = {}) {
    this.output = options.output ?? process.stdout;
    this.help = options.help ?? [];
  }

  show(view: DisplayView): void {
    if (this.closed) return;
    const lines = this.layout(view);
    const text = lines.join("\n");
    if (text === this.last) return;
    this.last = text;
    const up = this.output.isTTY && this.drawn > 0 ? `\u001b[${this.drawn}A` : "";
    this.output.write(this.output.isTTY ? `${up}${CLEAR}${text}\n${END}` : `${text}\n`);
    this.drawn = lines.length;
  }

  /** Leaves the last view where it is. */
  close(): void {
    this.closed = true;
  }

  private layout(view: DisplayView): string[] {
    const { left, right } = view.softKeys ?? {};
    const soft = [left, right].filter((word) => word !== undefined).map((word) => `[${printable(word)}]`);
    const title = printable(view.title);
    const body = view.lines.map((line) => `  ${printable(line)}`);
    if (!this.output.isTTY) return [title, ...body, ...(soft.length ? [`  ${soft.join("  ")}`] : [])];
    const width = Math.max(10, (this.output.columns || DEFAULT_COLUMNS) - 1);
    // A line that wrapped would spoil the count of lines to go back up.
    const cut = (line: string) => (line.length > width ? `${line.slice(0, width - 1)}…` : line);
    return [
      `${BOLD}${cut(title)}${PLAIN}`,
      ...body.map(cut),
      ...(soft.length ? [cut(`  ${soft.join("  ")}`)] : []),
      ...pack(this.help, width).map((line) => `${DIM}${cut(line)}${PLAIN}`),
    ];
  }
}
