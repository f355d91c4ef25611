// The emulated handset in a terminal: messages go by above, the telephone's screen, its vibrator and light stay below.

/** Where it is drawn. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const HELP = "Enter call/answer · h hang up · ↑ ↓ choose · 0-9 * dial · v V volume · m mute · q quit";

/** Draws the handset. */
export class HandsetScreen {
  private lines: readonly string[] = [];
  private vibrates = false;
  private isLit = false;
  private drawn = 0;
  private last = "";

  constructor(private readonly terminal: Terminal) {}

  /** A line that stays. */
  message(line: string): void {
    this.erase();
    this.terminal.write(`${line}\n`);
    this.draw();
  }

  /** What the telephone's screen shows. */
  show(lines: readonly string[]): void {
    this.lines = lines;
    this.redraw();
  }

  vibrator(on: boolean): void {
    this.vibrates = on;
    this.redraw();
  }

  light(on: boolean): void {
    this.isLit = on;
    this.redraw();
  }

  /** Leaves the last view where it is. */
  close(): void {
    this.drawn = 0;
  }

  private body(): string[] {
    const width = Math.max(20, (this.terminal.columns || 80) - 3);
    const cut = (line: string) => (line.length > width ? `${line.slice(0, width - 1)}…` : line);
    const body = this.lines.length > 0 ? this.lines : ["(the telephone's screen is dark)"];
    return [
      "┌ telephone",
      ...body.map((line) => `│ ${cut(line)}`),
      `└ vibrator ${this.vibrates ? "SHAKES" : "still"} · light ${this.isLit ? "ON" : "off"}`,
      cut(HELP),
    ];
  }

  private redraw(): void {
    const text = this.body().join("\n");
    if (text === this.last) return;
    this.erase();
    this.draw();
  }

  private erase(): void {
    if (this.terminal.isTTY && this.drawn > 0) this.terminal.write(`\u001b[${this.drawn}A\r\u001b[J`);
    this.drawn = 0;
  }

  private draw(): void {
    const body = this.body();
    const text = body.join("\n");
    // Where nothing can be drawn over, only what is new is written.
    if (!this.terminal.isTTY && text === this.last) return;
    this.last = text;
    this.terminal.write(`${text}\n`);
    this.drawn = body.length;
  }
}
