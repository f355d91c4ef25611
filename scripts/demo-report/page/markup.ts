// HTML and SVG that cannot be broken by data: every value put into a template is escaped unless it is markup itself.

/** Text that is markup already. Only {@link html} makes it. */
export class Markup {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

/** What a template takes. Nothing is printed for undefined, null and false. */
export type Part = string | number | Markup | undefined | null | false | readonly Part[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Control characters, and those that turn the direction of writing: a display name could use them to look like another text. */
const unfit = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]/g;
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Escapes text for element content and for quoted attributes, in HTML and in XML. */
export function escapeText(text: string): string {
  return text
    .replace(unfit, "\ufffd")
    .replace(loneSurrogate, "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character]);
}

/** At most three decimals: coordinates need no more. */
function printNumber(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value * 1000) / 1000) : "0";
}

function print(part: Part): string {
  if (part === undefined || part === null || part === false) return "";
  if (typeof part === "string") return escapeText(part);
  if (typeof part === "number") return printNumber(part);
  if (part instanceof Markup) return part.text;
  return part.map(print).join("");
}

/** Template tag: html`<b>${name}</b>`. Attribute values must stand in double quotes. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  let text = strings[0];
  for (let i = 0; i < parts.length; i++) text += print(parts[i]) + strings[i + 1];
  return new Markup(text);
}
