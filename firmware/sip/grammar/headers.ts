// Header fields of a message: names in any case or compact form, values that may be lists (RFC 3261 section 7.3).

import type { SipHeaders } from "./message.js";

/** Compact forms (section 7.3.3 and later RFCs). */
const compact: Readonly<Record<string, string>> = {
  a: "accept-contact",
  b: "referred-by",
  c: "content-type",
  d: "request-disposition",
  e: "content-encoding",
  f: "from",
  i: "call-id",
  j: "reject-contact",
  k: "supported",
  l: "content-length",
  m: "contact",
  n: "identity-info",
  o: "event",
  r: "refer-to",
  s: "subject",
  t: "to",
  u: "allow-events",
  v: "via",
  x: "session-expires",
  y: "identity",
};

/** The same the other way: from the long name in lower case. */
const letters: ReadonlyMap<string, string> = new Map(Object.entries(compact).map(([letter, name]) => [name, letter]));

/** Fields whose grammar is a comma-separated list. Date, Subject, credentials and challenges hold commas of their own. */
const lists = new Set(
  (
    "accept accept-contact accept-encoding accept-language alert-info allow allow-events call-info contact content-encoding " +
    "content-language diversion error-info geolocation history-info in-reply-to p-asserted-identity p-associated-uri p-preferred-identity " +
    "path proxy-require reason record-route recv-info reject-contact request-disposition require route security-client " +
    "security-server security-verify service-route supported unsupported via warning"
  ).split(" "),
);

/** The long form of a name in lower case. */
export function fieldKey(name: string): string {
  const lower = name.toLowerCase();
  return lower.length === 1 ? (compact[lower] ?? lower) : lower;
}

/** The compact form of a name that is given as {@link fieldKey} makes it: one letter, undefined where the field has none. */
export function compactForm(key: string): string | undefined {
  return letters.get(key);
}

/** Splits at commas that are outside quotes and angle brackets. */
export function splitList(value: string): string[] {
  if (!value.includes(",")) return [value];
  const parts: string[] = [];
  let start = 0;
  let inBrackets = false;
  for (let i = 0; i < value.length; i++) {
    const character = value[i];
    if (character === '"' && !inBrackets) {
      for (i++; i < value.length && value[i] !== '"'; i++) if (value[i] === "\\") i++;
    } else if (character === "<") inBrackets = true;
    else if (character === ">") inBrackets = false;
    else if (character === "," && !inBrackets) {
      parts.push(value.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(value.slice(start).trim());
  return parts;
}

type Entry = readonly [name: string, value: string];

/** An immutable list of header fields. */
export class Headers implements SipHeaders {
  /**
   * @param fields unfolded values without surrounding white space; nothing is checked here.
   * @param keys {@link fieldKey} of each, where they are known.
   */
  constructor(
    private readonly fields: readonly Entry[],
    private readonly keys: readonly string[] = fields.map(([name]) => fieldKey(name)),
  ) {}
  get(name: string): string | undefined {
    const key = fieldKey(name);
    const index = this.keys.indexOf(key);
    if (index < 0) return undefined;
    return lists.has(key) ? splitList(this.fields[index][1])[0] : this.fields[index][1];
  }
  all(name: string): readonly string[] {
    const key = fieldKey(name);
    const split = lists.has(key);
    const values: string[] = [];
    for (let i = 0; i < this.keys.length; i++) {
      if (this.keys[i] !== key) continue;
      const value = this.fields[i][1];
      if (!split) values.push(value);
      else if (key === "in-reply-to") values.push(...value.split(",").map((part) => part.trim()));
      else values.push(...splitList(value));
    }
    return values;
  }
  has(name: string): boolean {
    return this.keys.includes(fieldKey(name));
  }
  entries(): readonly Entry[] {
    return this.fields;
  }
  /** How many fields (not values) have the name. */
  count(name: string): number {
    const key = fieldKey(name);
    let count = 0;
    for (let at = this.keys.indexOf(key); at >= 0; at = this.keys.indexOf(key, at + 1)) count++;
    return count;
  }
  /** The same fields with the first value of `name` replaced; other values of a list in the same field are kept. */
  withFirst(name: string, value: string): Headers {
    const key = fieldKey(name);
    const index = this.keys.indexOf(key);
    if (index < 0) return new Headers([[name, value], ...this.fields]);
    const rest = lists.has(key) ? splitList(this.fields[index][1]).slice(1) : [];
    const changed = [...this.fields];
    changed[index] = [this.fields[index][0], [value, ...rest].join(", ")];
    return new Headers(changed, this.keys);
  }
}

/** How many fields of that name the message has. */
export function countFields(headers: SipHeaders, name: string): number {
  if (headers instanceof Headers) return headers.count(name);
  const key = fieldKey(name);
  return headers.entries().filter(([each]) => fieldKey(each) === key).length;
}
