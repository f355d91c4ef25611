// Typed readers for the fields that say why, when and how: Reason, Retry-After, Warning, Accept, Date, Timestamp, Privacy, Alert-Info and its like.

import { fail, ok, type Result } from "../../runtime/result.js";
import { parseContentType } from "./fields.js";
import { getParam, type Params, scanParams } from "./params.js";
import { decimal, Scanner, unquote } from "./scanner.js";
import { isUri } from "./uri.js";

/** One value of Reason (RFC 3326): why a request was sent. */
export interface Reason {
  /** As written, e.g. `SIP`, `Q.850`. */
  readonly protocol: string;
  /** A status code where the protocol is SIP. */
  readonly cause?: number;
  readonly text?: string;
}

/** Parses one Reason value. Errors: `reason`. */
export function parseReason(value: string): Result<Reason> {
  const scanner = new Scanner(value);
  scanner.lws();
  const protocol = scanner.token();
  const params = scanParams(scanner);
  scanner.lws();
  if (protocol === "" || !params || !scanner.done) return fail("reason", "bad Reason", scanner.pos);
  const written = getParam(params, "cause");
  const cause = written === undefined ? undefined : decimal(written, 999);
  if (written !== undefined && cause === undefined) return fail("reason", "bad cause in Reason", 0);
  const text = getParam(params, "text");
  return ok({ protocol, ...(cause === undefined ? {} : { cause }), ...(text === undefined ? {} : { text }) });
}

/** When a service may be asked again (section 20.33). */
export interface RetryAfter {
  readonly seconds: number;
  /** How long it can then be had, seconds. */
  readonly durationS?: number;
  /** For a person. */
  readonly comment?: string;
}

/** Parses Retry-After. Errors: `retry-after`. */
export function parseRetryAfter(value: string): Result<RetryAfter> {
  const scanner = new Scanner(value);
  scanner.lws();
  const seconds = decimal(scanner.token(), 0xffffffff);
  if (seconds === undefined) return fail("retry-after", "bad Retry-After", 0);
  scanner.lws();
  const comment = value[scanner.pos] === "(" ? takeComment(scanner) : undefined;
  const params = scanParams(scanner);
  scanner.lws();
  if (!params || !scanner.done) return fail("retry-after", "bad Retry-After", scanner.pos);
  const durationS = decimal(getParam(params, "duration") ?? "", 0xffffffff);
  return ok({
    seconds,
    ...(durationS === undefined ? {} : { durationS }),
    ...(comment === undefined ? {} : { comment }),
  });
}

/** Text in round brackets, which may hold others; undefined when they do not close. */
function takeComment(scanner: Scanner): string | undefined {
  const { text } = scanner;
  let depth = 0;
  for (let i = scanner.pos; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "(") depth++;
    else if (text[i] === ")" && --depth === 0) {
      const inside = text.slice(scanner.pos + 1, i).replace(/\\([\s\S])/g, "$1");
      scanner.pos = i + 1;
      return inside;
    }
  }
  return undefined;
}

/** One value of Warning (section 20.43). */
export interface Warning {
  readonly code: number;
  /** Who says it: a host, or a name. */
  readonly agent: string;
  readonly text: string;
}

/** Parses one Warning value. Errors: `warning`. */
export function parseWarning(value: string): Result<Warning> {
  const scanner = new Scanner(value);
  scanner.lws();
  const code = /^[1-9][0-9]{2}$/.test(value.slice(scanner.pos, scanner.pos + 3)) ? Number(scanner.token()) : undefined;
  scanner.lws();
  const agent = scanner.until(" \t");
  scanner.lws();
  const text = scanner.quoted();
  scanner.lws();
  if (code === undefined || code > 999 || agent === "" || text === undefined || !scanner.done)
    return fail("warning", "bad Warning", scanner.pos);
  return ok({ code, agent, text: unquote(text) });
}

/** One value of Accept (section 20.1): `application/sdp`, `text/*` or `*``/*`, in lower case. */
export interface MediaRange {
  readonly range: string;
  /** From 0 (never) to 1. */
  readonly q: number;
}

/** Parses one Accept value; an empty one, which means nothing at all, is not a value. Errors: `accept`. */
export function parseAccept(value: string): Result<MediaRange> {
  const type = parseContentType(value);
  if (!type.ok) return fail("accept", "bad media range in Accept", type.error.offset);
  const written = getParam(type.value.params, "q");
  if (written !== undefined && !/^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.test(written))
    return fail("accept", "bad q in Accept", 0);
  return ok({ range: type.value.type, q: written === undefined ? 1 : Number(written) });
}

/**
 * Whether somebody who sent these Accept values takes a body of `type`. Without the field session descriptions are taken (section 20.1), and
 * what cannot be read is no refusal.
 */
export function takesType(accept: readonly string[] | undefined, type: string): boolean {
  if (accept === undefined) return type === "application/sdp";
  let best: { readonly precision: number; readonly q: number } | undefined;
  for (const value of accept) {
    if (value.trim() === "") continue;
    const parsed = parseAccept(value);
    if (!parsed.ok) return true;
    const { range, q } = parsed.value;
    const precision = range === type ? 2 : range === `${type.split("/")[0]}/*` ? 1 : range === "*/*" ? 0 : -1;
    if (precision >= 0 && precision > (best?.precision ?? -1)) best = { precision, q };
  }
  return best !== undefined && best.q > 0;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Parses Date (section 20.17), which is in GMT always; ms since 1970. Errors: `date`. */
export function parseSipDate(value: string): Result<number> {
  const found =
    /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT$/.exec(
      value.trim(),
    );
  const month = months.indexOf(found?.[2] ?? "");
  if (!found || month < 0) return fail("date", "bad Date", 0);
  const [day, year, hour, minute, second] = [1, 3, 4, 5, 6].map((i) => Number(found[i]));
  const date = new Date(Date.UTC(year, month, day, hour, minute, Math.min(second, 59)));
  // A day the month does not have, an hour the day does not.
  if (date.getUTCDate() !== day || date.getUTCHours() !== hour || date.getUTCMinutes() !== minute || second > 60)
    return fail("date", "bad Date", 0);
  return ok(date.getTime());
}

/** Timestamp (section 20.38), seconds. */
export interface Timestamp {
  readonly atS: number;
  readonly delayS?: number;
}

/** Parses Timestamp. Errors: `timestamp`. */
export function parseTimestamp(value: string): Result<Timestamp> {
  const found = /^([0-9]{1,15}(?:\.[0-9]{0,15})?)(?:[ \t]+([0-9]{0,15}(?:\.[0-9]{0,15})?))?$/.exec(value.trim());
  if (!found) return fail("timestamp", "bad Timestamp", 0);
  const delay = found[2] === undefined || found[2] === "" || found[2] === "." ? undefined : Number(found[2]);
  return ok({ atS: Number(found[1]), ...(delay === undefined ? {} : { delayS: delay }) });
}

/** One value of Alert-Info, Call-Info or Error-Info (sections 20.4, 20.9, 20.18). */
export interface InfoUri {
  readonly uri: string;
  readonly params: Params;
}

/** Parses one. Errors: `info`. */
export function parseInfoUri(value: string): Result<InfoUri> {
  const scanner = new Scanner(value);
  scanner.lws();
  if (!scanner.eat("<")) return fail("info", "no < in an information field", scanner.pos);
  const uri = scanner.until(">");
  if (!scanner.eat(">") || !isUri(uri)) return fail("info", "bad URI in an information field", scanner.pos);
  const params = scanParams(scanner);
  scanner.lws();
  if (!params || !scanner.done) return fail("info", "bad parameter in an information field", scanner.pos);
  return ok({ uri, params });
}

/** What Privacy (RFC 3323 section 4.2) asks for, in lower case; empty where it asks for nothing. */
export function privacyOf(values: readonly string[]): readonly string[] {
  const asked = values.flatMap((value) => value.split(/[;,]/)).map((part) => part.trim().toLowerCase());
  return asked.includes("none") ? [] : asked.filter((part) => /^[a-z0-9-]{1,32}$/.test(part)).slice(0, 16);
}
