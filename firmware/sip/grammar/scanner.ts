// Character classes of RFC 3261 section 25.1 and a cursor over one header field value.

const TOKEN = 1;
const UNRESERVED = 2;
const USER = 4;
const PASSWORD = 8;
const PARAM = 16;
const HEADER = 32;
const HEX = 64;

const classes = new Uint8Array(128);
function mark(characters: string, bits: number): void {
  for (const character of characters) classes[character.charCodeAt(0)] |= bits;
}
const alphanum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
mark(`${alphanum}-.!%*_+\`'~`, TOKEN);
mark(`${alphanum}-_.!~*'()`, UNRESERVED | USER | PASSWORD | PARAM | HEADER);
mark("&=+$,;?/", USER);
mark("&=+$,", PASSWORD);
mark("[]/:&+$", PARAM);
mark("[]/?:+$", HEADER);
mark("0123456789abcdefABCDEF", HEX);

/** The character classes {@link allOf} can check. */
export const charClass = { TOKEN, UNRESERVED, USER, PASSWORD, PARAM, HEADER } as const;

function is(code: number, bits: number): boolean {
  return code < 128 && (classes[code] & bits) !== 0;
}

/** Whether every character of `text` is of the class; with `escapes` a `%` followed by two hex digits counts as one character. */
export function allOf(text: string, bits: number, escapes: boolean): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (escapes && code === 0x25) {
      if (!is(text.charCodeAt(i + 1), HEX) || !is(text.charCodeAt(i + 2), HEX)) return false;
      i += 2;
    } else if (!is(code, bits)) return false;
  }
  return true;
}

/** Whether `text` is a token (RFC 3261 section 25.1). */
export function isToken(text: string): boolean {
  return text.length > 0 && allOf(text, TOKEN, false);
}

/** A cursor over one unfolded header field value. */
export class Scanner {
  pos = 0;
  constructor(readonly text: string) {}

  get done(): boolean {
    return this.pos >= this.text.length;
  }
  /** Skips spaces and tabs; true when there was one. */
  lws(): boolean {
    const start = this.pos;
    while (this.pos < this.text.length) {
      const code = this.text.charCodeAt(this.pos);
      if (code !== 0x20 && code !== 0x09) break;
      this.pos++;
    }
    return this.pos > start;
  }
  /** Takes `character` when it is next. */
  eat(character: string): boolean {
    if (this.text[this.pos] !== character) return false;
    this.pos++;
    return true;
  }
  /** Takes `character` with white space allowed on both sides (SEMI, EQUAL, SLASH, COLON of the grammar). */
  separator(character: string): boolean {
    const start = this.pos;
    this.lws();
    if (!this.eat(character)) {
      this.pos = start;
      return false;
    }
    this.lws();
    return true;
  }
  /** Takes a token; empty when there is none. */
  token(): string {
    return this.run(TOKEN);
  }
  /** Takes characters up to one of `stops` or the end. */
  until(stops: string): string {
    const start = this.pos;
    while (this.pos < this.text.length && !stops.includes(this.text[this.pos])) this.pos++;
    return this.text.slice(start, this.pos);
  }
  /** Takes a quoted string with its quotes; undefined when there is none or it does not end. */
  quoted(): string | undefined {
    if (this.text[this.pos] !== '"') return undefined;
    for (let i = this.pos + 1; i < this.text.length; i++) {
      const character = this.text[i];
      if (character === "\\") i++;
      else if (character === '"') {
        const value = this.text.slice(this.pos, i + 1);
        this.pos = i + 1;
        return value;
      }
    }
    return undefined;
  }
  private run(bits: number): string {
    const start = this.pos;
    while (this.pos < this.text.length && is(this.text.charCodeAt(this.pos), bits)) this.pos++;
    return this.text.slice(start, this.pos);
  }
}

/** The text inside a quoted string, its quoted pairs resolved; other text is returned as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text[0] !== '"') return text;
  return text.slice(1, -1).replace(/\\([\s\S])/g, "$1");
}

/** Makes a quoted string; carriage returns and line feeds become spaces, as no escape exists for them. */
export function quote(text: string): string {
  return `"${text.replace(/[\r\n]+/g, " ").replace(/[\\"]/g, "\\$&")}"`;
}

/** Reads 1*DIGIT of at most `max`; undefined for anything else. */
export function decimal(text: string, max: number): number | undefined {
  if (!/^[0-9]{1,20}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
