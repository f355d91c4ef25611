// What the machine's console says, taken apart: the telephone's screen, which is drawn over and over, and everything else, line by line.

/** Text of a console as it grows. */
export class PhoneConsole {
  /** The screen as it is now. */
  screen: readonly string[] = [];
  private text = "";
  private isScreen = false;
  private drawn: string[] = [];

  /** @param message told each line that is not of the screen. */
  constructor(private readonly message: (line: string) => void) {}

  /** Takes more of the console. @returns true when the screen has changed. */
  feed(more: string): boolean {
    this.text += more;
    const before = this.screen.join("\n");
    for (;;) {
      // A screen begins with "clear from here on", after going up to where the last one began; the same with a 0 ends it.
      const found = /\u001b\[0?J|\r?\n/.exec(this.text);
      if (!found) break;
      const line = plain(this.text.slice(0, found.index));
      this.text = this.text.slice(found.index + found[0].length);
      if (found[0].endsWith("J")) {
        if (line.trim() !== "") this.line(line);
        this.isScreen = found[0] === "\u001b[J";
        if (this.isScreen) this.drawn = [];
      } else this.line(line);
    }
    this.screen = this.drawn;
    return this.screen.join("\n") !== before;
  }

  private line(line: string): void {
    // The kernel speaks whenever it wants to.
    const isKernel = /^\[ *\d+\.\d+\] /.test(line);
    if (this.isScreen && !isKernel) this.drawn = [...this.drawn, line];
    else if (line.trim() !== "") this.message(line.replace(/^\[ *\d+\.\d+\] (sotto: )?/, ""));
  }
}

/** Without what steers a terminal: the machine must not steer ours. */
export function plain(text: string): string {
  return text
    .replace(/\u001b\[[0-9;?=]*[ -/]*[@-~]/g, "")
    .replace(/\u001b[0-~]/g, "")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}
