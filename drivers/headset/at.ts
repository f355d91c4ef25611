// AT command lines as a headset sends them (ITU-T V.250 as the Hands-Free Profile uses it: one command a line).

/** Longest line taken, characters. HFP's longest command is far below. */
export const MAX_AT_LINE = 256;

/** A command: what follows "AT". */
export interface AtCommand {
  /** In capitals: `"+BRSF"`, `"A"`, `"D"`. */
  readonly name: string;
  /** `AT+X=?`: what values there are; `AT+X?`: the value now; `AT+X=…`: set; `AT+X`: do. */
  readonly kind: "test" | "read" | "set" | "do";
  /** What follows `=`, or the `D` of a dial command. */
  readonly text: string;
}

/**
 * Reads one line without its end.
 * @returns undefined for what is no command.
 */
export function parseAtCommand(line: string): AtCommand | undefined {
  const body = /^at(.+)$/i.exec(line.trim())?.[1];
  if (body === undefined || /[^\x20-\x7e]/.test(body)) return undefined;
  const dial = /^d(.*)$/i.exec(body);
  if (dial) return { name: "D", kind: "set", text: dial[1] };
  if (/^a$/i.test(body)) return { name: "A", kind: "do", text: "" };
  const extended = /^(\+[a-z][a-z0-9]{0,15})(=\?|\?|=(.*))?$/i.exec(body);
  if (!extended) return undefined;
  const [, name, operator, text] = extended;
  const kind = operator === "=?" ? "test" : operator === "?" ? "read" : operator === undefined ? "do" : "set";
  return { name: name.toUpperCase(), kind, text: text ?? "" };
}

/** Cuts a stream of characters into lines that end with a carriage return; bounded whatever comes. */
export class AtLines {
  private line = "";
  private tooLong = false;

  /**
   * @param onLine gets each line that is not empty.
   * @param onOverflow a line was longer than {@link MAX_AT_LINE}; it is dropped as a whole.
   */
  constructor(
    private readonly onLine: (line: string) => void,
    private readonly onOverflow: () => void,
  ) {}

  /** Takes characters, in any cut. */
  take(text: string): void {
    for (const piece of text.split(/(\r)/)) {
      if (piece === "\r") this.end();
      else if (!this.tooLong) {
        // A line feed after the carriage return belongs to the line before.
        this.line += piece.replaceAll("\n", "");
        if (this.line.length > MAX_AT_LINE) {
          this.line = "";
          this.tooLong = true;
        }
      }
    }
  }

  /** Forgets what came so far: the link is new. */
  reset(): void {
    this.line = "";
    this.tooLong = false;
  }

  private end(): void {
    const { line, tooLong } = this;
    this.reset();
    if (tooLong) this.onOverflow();
    else if (line.trim()) this.onLine(line);
  }
}

/** Whole numbers of a list such as `1,2,0`; undefined when one is none. Empty places are `NaN`. */
export function numbers(text: string): number[] | undefined {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.length > 32 || parts.some((part) => !/^\d{0,5}$/.test(part))) return undefined;
  return parts.map((part) => (part === "" ? Number.NaN : Number(part)));
}
