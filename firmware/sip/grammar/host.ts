// Hosts as SIP writes them: names, IPv4 addresses, IPv6 references in brackets (RFC 3261 section 25.1).

import { isIPv4, isIPv6 } from "node:net";
import { remembering } from "../../runtime/remembering.js";
import { decimal, type Scanner } from "./scanner.js";

const label = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/;

/** An IPv6 address with the extra colon RFC 3261's grammar puts before an IPv4 part, in its proper form (RFC 5118 section 4.10). */
function repaired(address: string): string {
  return address.replace(/:::(?=[0-9.]+$)/, "::");
}

/** Whether `text` is a host: a name (underscores are let through), an IPv4 address, or an IPv6 address in brackets. */
export const isHost: (text: string) => boolean = remembering(checkHost);

function checkHost(text: string): boolean {
  if (text.length === 0 || text.length > 255) return false;
  if (isIPv4(text)) return true;
  if (text[0] === "[") return text.endsWith("]") && !text.includes("%") && isIPv6(repaired(text.slice(1, -1)));
  const labels = text.split(".");
  if (labels[labels.length - 1] === "") labels.pop();
  if (labels.length === 0 || !labels.every((part) => label.test(part))) return false;
  // What ends in a number is an address, or nothing.
  return !/^[0-9]+$/.test(labels[labels.length - 1]);
}

/** The address without brackets, ready for a socket. */
export function bareHost(host: string): string {
  return host[0] === "[" ? repaired(host.slice(1, -1)) : host;
}

/** The host as it stands in a URI or Via: an IPv6 address gets brackets. */
export function bracketed(host: string): string {
  return host.includes(":") && host[0] !== "[" ? `[${host}]` : host;
}

/** Whether the host is a numeric address, so that nothing has to be looked up. */
export function isNumeric(host: string): boolean {
  const bare = bareHost(host);
  return isIPv4(bare) || isIPv6(bare);
}

/** One form for every way of writing a host: lower case, IPv6 compressed, IPv4-mapped IPv6 as IPv4, no final dot. */
export const canonicalHost: (host: string) => string = remembering(canonical);

function canonical(host: string): string {
  const bare = bareHost(host).toLowerCase();
  if (!bare.includes(":") || !isIPv6(bare) || bare.includes("%")) return bare.endsWith(".") ? bare.slice(0, -1) : bare;
  const compressed = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(compressed);
  if (!mapped) return compressed;
  const high = Number.parseInt(mapped[1], 16);
  const low = Number.parseInt(mapped[2], 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** Takes `host [":" port]`, white space allowed around the colon; undefined when it is not one. */
export function scanHostPort(scanner: Scanner): { host: string; port?: number } | undefined {
  let host: string;
  if (scanner.text[scanner.pos] === "[") {
    host = scanner.until("]");
    if (!scanner.eat("]")) return undefined;
    host += "]";
  } else host = scanner.until(":;, \t?");
  if (!isHost(host)) return undefined;
  if (!scanner.separator(":")) return { host };
  const port = decimal(scanner.until(";, \t?"), 65535);
  return port === undefined || port === 0 ? undefined : { host, port };
}
