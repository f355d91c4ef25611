// name-addr and addr-spec with header parameters: From, To, Contact, Route, Record-Route (RFC 3261 sections 20.10, 25.1).

import { remembering } from "../../runtime/remembering.js";
import { fail, ok, type Result } from "../../runtime/result.js";
import { getParam, type Params, printParams, scanParams } from "./params.js";
import { isToken, quote, Scanner, unquote } from "./scanner.js";
import { isUri } from "./uri.js";

/** A display name, a URI of any scheme and the header field's own parameters. */
export interface NameAddr {
  /** Plain text: quotes and quoted pairs are resolved. */
  readonly displayName?: string;
  /** As written. */
  readonly uri: string;
  readonly params: Params;
}

/** Parses one From, To, Contact, Route or Record-Route value; not to be changed. Errors: `display-name`, `uri`, `param`. */
export const parseNameAddr: (text: string) => Result<NameAddr> = remembering(readNameAddr);

function readNameAddr(text: string): Result<NameAddr> {
  const scanner = new Scanner(text);
  scanner.lws();
  let displayName: string | undefined;
  let uri: string;
  const quoted = text[scanner.pos] === '"';
  if (quoted) {
    const raw = scanner.quoted();
    if (raw === undefined) return fail("display-name", "a quoted display name does not end", scanner.pos);
    displayName = unquote(raw);
    scanner.lws();
    if (text[scanner.pos] !== "<") return fail("uri", "no < after a display name", scanner.pos);
  } else {
    const bracket = text.indexOf("<", scanner.pos);
    if (bracket >= 0 && !text.slice(scanner.pos, bracket).includes(";")) {
      const words = text.slice(scanner.pos, bracket).trim();
      if (words !== "") {
        if (!words.split(/[ \t]+/).every(isToken))
          return fail("display-name", "a display name that is not quoted holds more than tokens", scanner.pos);
        displayName = words;
      }
      scanner.pos = bracket;
    }
  }
  const uriAt = scanner.pos;
  if (scanner.eat("<")) {
    uri = scanner.until(">");
    if (!scanner.eat(">")) return fail("uri", "a < is not closed", uriAt);
  } else {
    uri = scanner.until("; \t");
    if (/[,?]/.test(uri)) return fail("uri", "a URI with a comma or question mark must stand in <>", uriAt);
  }
  if (!isUri(uri)) return fail("uri", "bad URI", uriAt);
  const params = scanParams(scanner);
  if (!params) return fail("param", "bad header parameter", scanner.pos);
  scanner.lws();
  if (!scanner.done) return fail("param", "unexpected text after an address", scanner.pos);
  return ok(displayName === undefined ? { uri, params } : { displayName, uri, params });
}

/** Prints in name-addr form, the display name always quoted. */
export function printNameAddr(address: NameAddr): string {
  const name = address.displayName === undefined ? "" : `${quote(address.displayName)} `;
  return `${name}<${address.uri}>${printParams(address.params)}`;
}

/** The tag parameter; undefined where there is none (RFC 2543 clients). */
export function tagOf(address: NameAddr): string | undefined {
  return getParam(address.params, "tag");
}
