// SIP and SIPS URIs: parse, print, escape, compare (RFC 3261 sections 19.1 and 25.1).

import { remembering } from "../../runtime/remembering.js";
import { fail, ok, type Result } from "../../runtime/result.js";
import { canonicalHost, scanHostPort } from "./host.js";
import { type Param, type Params, printParams } from "./params.js";
import { allOf, charClass, Scanner } from "./scanner.js";

/** A SIP or SIPS URI. Text parts are as written, escapes kept: use {@link unescapeUri} to read them. */
export interface SipUri {
  readonly scheme: "sip" | "sips";
  readonly user?: string;
  readonly password?: string;
  /** IPv6 addresses in brackets. */
  readonly host: string;
  readonly port?: number;
  readonly params: Params;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** The scheme of any URI in lower case, `""` when the text has none. */
export function uriScheme(text: string): string {
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1].toLowerCase() ?? "";
}

/** Whether the text has the form of an absolute URI of any scheme; SIP and SIPS URIs are checked in full. */
export function isUri(text: string): boolean {
  const scheme = uriScheme(text);
  if (scheme === "sip" || scheme === "sips") return parseSipUri(text).ok;
  return scheme !== "" && /^[^:]+:[A-Za-z0-9\-_.!~*'();/?:@&=+$,%[\]#]+$/.test(text);
}

/** Parses a SIP or SIPS URI; not to be changed. Errors: `scheme`, `user`, `host`, `param`, `header`, with the offset in the text. */
export const parseSipUri: (text: string) => Result<SipUri> = remembering(readSipUri);

function readSipUri(text: string): Result<SipUri> {
  const scheme = uriScheme(text);
  if (scheme !== "sip" && scheme !== "sips") return fail("scheme", "not a sip or sips URI", 0);
  let rest = scheme.length + 1;
  let user: string | undefined;
  let password: string | undefined;
  const at = text.indexOf("@", rest);
  if (at >= 0) {
    const colon = text.indexOf(":", rest);
    const userEnd = colon >= 0 && colon < at ? colon : at;
    user = text.slice(rest, userEnd);
    if (user === "" || !allOf(user, charClass.USER, true)) return fail("user", "bad user part", rest);
    if (userEnd < at) {
      password = text.slice(userEnd + 1, at);
      if (!allOf(password, charClass.PASSWORD, true)) return fail("user", "bad password part", userEnd + 1);
    }
    rest = at + 1;
  }
  const scanner = new Scanner(text);
  scanner.pos = rest;
  if (/\s/.test(text)) return fail("host", "white space in a URI", text.search(/\s/));
  const hostPort = scanHostPort(scanner);
  if (!hostPort) return fail("host", "bad host or port", rest);
  const params: Param[] = [];
  while (scanner.eat(";")) {
    const start = scanner.pos;
    const [name, value] = divide(scanner.until(";?"));
    if (
      name === "" ||
      !allOf(name, charClass.PARAM, true) ||
      (value !== undefined && !allOf(value, charClass.PARAM, true))
    )
      return fail("param", "bad URI parameter", start);
    params.push(value === undefined ? { name } : { name, value });
  }
  const headers: (readonly [string, string])[] = [];
  if (scanner.eat("?")) {
    do {
      const start = scanner.pos;
      const [name, value] = divide(scanner.until("&"));
      if (name === "" || value === undefined || !allOf(name + value, charClass.HEADER, true))
        return fail("header", "bad URI header", start);
      headers.push([name, value]);
    } while (scanner.eat("&"));
  }
  if (!scanner.done) return fail("param", "unexpected character in a URI", scanner.pos);
  const { host, port } = hostPort;
  return ok({ scheme, user, password, host, port, params, headers });
}

function divide(text: string): [name: string, value: string | undefined] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** Prints a SIP URI. */
export function printSipUri(uri: SipUri): string {
  let text = `${uri.scheme}:`;
  if (uri.user !== undefined) text += `${uri.user}${uri.password === undefined ? "" : `:${uri.password}`}@`;
  text += uri.host;
  if (uri.port !== undefined) text += `:${uri.port}`;
  text += printParams(uri.params);
  if (uri.headers.length > 0) text += `?${uri.headers.map(([name, value]) => `${name}=${value}`).join("&")}`;
  return text;
}

/** Resolves `%` escapes once; bytes that are not UTF-8 become U+FFFD. */
export function unescapeUri(text: string): string {
  if (!text.includes("%")) return text;
  return Buffer.from(
    text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  ).toString("utf8");
}

/** Escapes plain text for the user part of a SIP URI (RFC 3261 section 19.1.2). */
export function escapeUser(text: string): string {
  let escaped = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const character = String.fromCharCode(byte);
    escaped += allOf(character, charClass.USER, false)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}

/** Value of a URI parameter (escapes in names and values resolved), `""` for a bare name, undefined where there is none. */
export function uriParam(uri: SipUri, name: string): string | undefined {
  for (const param of uri.params)
    if (unescapeUri(param.name).toLowerCase() === name) return unescapeUri(param.value ?? "");
  return undefined;
}

const reserved = ";/?:@&=+$,%";

/** One spelling for equivalent escapes: those of unreserved characters resolved, the others in upper case (section 19.1.4). */
function normalEscapes(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (whole, hex) => {
    const code = Number.parseInt(hex, 16);
    const character = String.fromCharCode(code);
    return code > 0x20 && code < 0x7f && !reserved.includes(character) ? character : whole.toUpperCase();
  });
}

const normalMap = (pairs: readonly (readonly [string, string | undefined])[]): Map<string, string> =>
  new Map(pairs.map(([name, value]) => [normalEscapes(name).toLowerCase(), normalEscapes(value ?? "").toLowerCase()]));

/** Parameters that must be in both URIs or in none (section 19.1.4: those with a default value, and maddr). */
const neverIgnored = ["user", "ttl", "method", "maddr", "transport"];

/** Whether two SIP URIs are equivalent (RFC 3261 section 19.1.4). Not transitive. Header values are compared as text without case. */
export function sipUriEquals(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.port !== b.port) return false;
  if (canonicalHost(a.host) !== canonicalHost(b.host)) return false;
  if ((a.user === undefined) !== (b.user === undefined) || normalEscapes(a.user ?? "") !== normalEscapes(b.user ?? ""))
    return false;
  if ((a.password === undefined) !== (b.password === undefined)) return false;
  if (normalEscapes(a.password ?? "") !== normalEscapes(b.password ?? "")) return false;
  const left = normalMap(a.params.map((param) => [param.name, param.value]));
  const right = normalMap(b.params.map((param) => [param.name, param.value]));
  for (const [name, value] of left) if (right.has(name) && right.get(name) !== value) return false;
  if (neverIgnored.some((name) => left.has(name) !== right.has(name))) return false;
  const leftHeaders = normalMap(a.headers);
  const rightHeaders = normalMap(b.headers);
  if (leftHeaders.size !== rightHeaders.size) return false;
  for (const [name, value] of leftHeaders) if (rightHeaders.get(name) !== value) return false;
  return true;
}
