// What of a message depends on the transport it leaves by: its size, the URI in its Contact (RFC 3261 sections 8.1.1.8, 18.1.1; RFC 5630).

import type { SipAddress } from "../contract.js";
import {
  bracketed,
  fieldKey,
  Headers,
  type PrintOptions,
  parseNameAddr,
  printHead,
  type SipMessage,
  type SipRequest,
  uriScheme,
} from "../grammar/index.js";

/** Bytes from which a request should not go over UDP (section 18.1.1). */
export const UDP_MTU_SAFE = 1300;

/** How a message is written that is larger than that. */
export const compactNames: PrintOptions = { compact: true };

/**
 * Whether the request is more than UDP should carry, even with compact names. Those are only looked at where the long ones seem too large, and
 * there every byte is counted.
 */
export function overUdp(request: SipRequest): boolean {
  if (sizeOf(request) <= UDP_MTU_SAFE) return false;
  const body = request.body.length;
  return body >= UDP_MTU_SAFE || body + Buffer.byteLength(printHead(request, compactNames)) > UDP_MTU_SAFE;
}

/** Whether a message is surely larger than UDP should carry with long names; where it is not, its bytes have to be counted. */
export function isSurelyLong(message: SipMessage): boolean {
  return sizeOf(message) > UDP_MTU_SAFE + TOO_MUCH;
}

/** Bytes that {@link sizeOf} may be too many: a Content-Length field that is there already. */
const TOO_MUCH = 24;

/** About how many bytes the message takes with long names: never fewer characters than it does, and a Content-Length field more at the most. */
function sizeOf(message: SipMessage): number {
  let size = message.body.length + TOO_MUCH;
  if (message.kind === "request") size += 12 + message.method.length + message.uri.length;
  else size += 16 + message.reason.length;
  for (const [name, value] of message.headers.entries()) size += name.length + value.length + 4;
  return size;
}

/**
 * Whether the Contact of this request of ours must be a sips URI: its Request-URI or first route is one (section 8.1.1.8); a sip URI otherwise, even
 * over TLS (RFC 5630 section 5.1.1.2).
 */
export function needsSips(request: SipRequest): boolean {
  return uriScheme(request.uri) === "sips" || firstIsSips(request, "Route");
}

/**
 * The same of our response to this request: its Request-URI, its first Record-Route or, where there is none, its Contact is a sips URI
 * (section 12.1.1).
 */
export function answersSips(request: SipRequest): boolean {
  if (uriScheme(request.uri) === "sips") return true;
  return firstIsSips(request, request.headers.has("Record-Route") ? "Record-Route" : "Contact");
}

function firstIsSips(request: SipRequest, name: string): boolean {
  const value = request.headers.get(name);
  if (value === undefined || !/sips:/i.test(value)) return false;
  const parsed = parseNameAddr(value);
  return parsed.ok && uriScheme(parsed.value.uri) === "sips";
}

/**
 * Our Contact URI as others reach us over `local`. Without a transport parameter it means UDP, which is also where it leads when a message
 * takes TCP only because of its size.
 */
export function contactFor(
  contactUri: string,
  local: SipAddress,
  how: { readonly bySize: boolean; readonly secure: boolean },
): string {
  if (!how.secure && how.bySize) return contactUri;
  const at = /^sips?:([^@]*@)?/.exec(contactUri);
  const scheme = how.secure ? "sips" : "sip";
  const parameter = how.secure || local.transport === "udp" ? "" : `;transport=${local.transport}`;
  return `${scheme}:${at?.[1] ?? ""}${bracketed(local.host)}:${local.port}${parameter}`;
}

/** A SIP URI without its scheme and user part: host, port, parameters. */
function placeOf(uri: string): string {
  return uri.replace(/^sips?:(?:[^@]*@)?/, "");
}

/** A globally routable address (RFC 5627): ours under any name, and sip or sips as the message has to be (RFC 5630 section 5.1.1.4). */
const GRUU = /;gr(?=[=;>]|$)/i;

/**
 * The fields with our own place in Contact replaced, whatever account's user part stands before it, and a GRUU's scheme made the wanted one;
 * other Contacts stay. The same object when nothing changes.
 */
export function withContact(headers: Headers, ours: string, wanted: string): Headers {
  const first = headers.get("Contact");
  if (first === undefined || (ours === wanted && !GRUU.test(first))) return headers;
  const [from, to] = [placeOf(ours), placeOf(wanted)];
  const scheme = uriScheme(wanted);
  let changed = false;
  const fields = headers.entries().map((entry): readonly [string, string] => {
    if (fieldKey(entry[0]) !== "contact") return entry;
    const value = entry[1].replace(
      /<sips?:([^@<>]*@)?([^<>]*)>/gi,
      (whole, user: string | undefined, place: string) => {
        if (place === from || place === `${from};ob`)
          return `<${scheme}:${user ?? ""}${to}${place.slice(from.length)}>`;
        return GRUU.test(place) ? `<${scheme}:${user ?? ""}${place}>` : whole;
      },
    );
    if (value === entry[1]) return entry;
    changed = true;
    return [entry[0], value];
  });
  return changed ? new Headers(fields) : headers;
}
