// Structured log: one JSON object a line. Takes only flat values, so that key material and whole messages cannot slip in.

import { Secret } from "./secret.js";

/** What a log field may hold. Byte arrays and objects are accepted by nothing here on purpose. */
export type LogValue = string | number | boolean | null | undefined | Secret;
export type LogFields = Readonly<Record<string, LogValue>>;
export type LogLevel = "debug" | "info" | "warn" | "error";

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const MAX_TEXT = 500;

/** Parts of text that carry secrets in SIP and SDP, whatever they are embedded in. */
const secretPatterns: readonly [RegExp, string][] = [
  [/(key-mgmt:\s*\w+\s+)[A-Za-z0-9+/=]+/gi, "$1[removed]"],
  [/(inline:)[A-Za-z0-9+/=|:]+/gi, "$1[removed]"],
  [/((?:proxy-)?authorization:\s*)[^\r\n]+/gi, "$1[removed]"],
  [/((?:password|passwd|ha1|psk|secret|response)"?\s*[=:]\s*)"?[^"\s,;&]+"?/gi, "$1[removed]"],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, "[private key removed]"],
  [/\bsip(s?):([^\s:@<>]+):[^\s@<>]+@/gi, "sip$1:$2:[removed]@"],
];

/** Whether there is anything for them: one look at text that is rarely anything but an address or a name. */
const suspicious = new RegExp(secretPatterns.map(([pattern]) => pattern.source).join("|"), "i");

/** Removes what looks like key material or passwords from text that came from outside, and control characters. */
export function redact(text: string): string {
  let clean = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) + "…" : text;
  if (!suspicious.test(clean)) return clean;
  for (const [pattern, replacement] of secretPatterns) clean = clean.replace(pattern, replacement);
  return clean;
}

/** Writes events as JSON lines: `{"t":ISO time,"level":…,"room":…,"event":…,…fields}`. */
export class Log {
  /**
   * @param room which part of the house speaks, e.g. `"sip"`.
   * @param write takes one line without its newline.
   * @param level the lowest level written.
   */
  constructor(
    private readonly room: string,
    private readonly write: (line: string) => void,
    private readonly level: LogLevel = "info",
  ) {}

  /** A log for another room with the same outlet and level. */
  for(room: string): Log {
    return new Log(room, this.write, this.level);
  }
  debug(event: string, fields?: LogFields): void {
    this.put("debug", event, fields);
  }
  info(event: string, fields?: LogFields): void {
    this.put("info", event, fields);
  }
  warn(event: string, fields?: LogFields): void {
    this.put("warn", event, fields);
  }
  error(event: string, fields?: LogFields): void {
    this.put("error", event, fields);
  }

  private put(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (levels.indexOf(level) < levels.indexOf(this.level)) return;
    const line: Record<string, unknown> = { t: new Date().toISOString(), level, room: this.room, event };
    for (const [name, value] of Object.entries(fields)) {
      if (typeof value === "string") line[name] = redact(value);
      else if (value === null || typeof value === "number" || typeof value === "boolean") line[name] = value;
      else if (value !== undefined)
        line[name] = value instanceof Secret ? value.toString() : `[${typeof value} not logged]`;
    }
    this.write(JSON.stringify(line));
  }
}

/** A log that goes nowhere. */
export const silentLog = new Log("silent", () => {}, "error");
