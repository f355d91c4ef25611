// What the laboratory says while it works: a bar on a terminal, a line now and then elsewhere.

import { SingleBar } from "cli-progress";

/** Without a terminal: a line at each of this many parts. */
const PARTS = 10;

/** Words and a bar on standard error; nothing at all when silent. */
export class LabProgress {
  private bar: SingleBar | undefined;
  private done = 0;
  private part = 0;

  constructor(
    private readonly total: number,
    private readonly isSilent: boolean,
    private readonly output: NodeJS.WriteStream = process.stderr,
  ) {
    if (isSilent || !output.isTTY) return;
    this.bar = new SingleBar({
      stream: output,
      format: "{bar} {percentage} %, {eta_formatted} left  {text}",
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: 24,
      hideCursor: false,
      fps: 5,
      etaBuffer: 200,
      clearOnComplete: true,
    });
    this.bar.start(total, 0, { text: "" });
  }

  /** So many steps more are done. */
  step(text: string, count = 1): void {
    this.done += count;
    this.bar?.increment(count, { text: text.slice(0, 48) });
    const part = Math.floor((this.done / this.total) * PARTS + 1e-9);
    if (this.bar || this.isSilent || part <= this.part) return;
    this.part = part;
    this.output.write(`${Math.round((100 * part) / PARTS)} % (${text})\n`);
  }

  /** What is being done; only where a bar shows it. */
  status(text: string): void {
    this.bar?.update({ text: text.slice(0, 48) });
  }

  /** Says something worth a line. */
  say(text: string): void {
    if (this.isSilent) return;
    if (this.bar) this.bar.update({ text: text.slice(0, 48) });
    else this.output.write(`${text}\n`);
  }

  /** Takes the bar away. */
  end(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}
