// What of a message depends on the transport it leaves by: its size, the URI in its Contact (RFC 3261 sections 8.1.1.8, 18.1.1; RFC 5630).

import type { SipAddress } from "../contract.js";
import { bracketed, fieldKey, Headers, parseNameAddr, type SipMessage, uriScheme } from "../grammar/index.js";

/** About how many bytes the message takes: never fewer than it does by more than a Content-Length field. */
export function sizeOf(message: SipMessage): number {
  let size = message.body.length + 24;
  if (message.kind === "request") size += message.method.length + message.uri.length + 12;
  for (const [name, value] of message.headers.entries()) size += name.length + value.length + 4;
  return size;
}

/** Whether every hop must be TLS: the Request-URI, or To of a response, is a sips URI (section 8.1.1.8, RFC 5630 section 5.1.1). */
export function isSecureMessage(message: SipMessage): boolean {
  if (message.kind === "request") return uriScheme(message.uri) === "sips";
  const to = message.headers.get("To") ?? "";
  if (!/sips:/i.test(to)) return false;
  const parsed = parseNameAddr(to);
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

/**
 * The fields with our own place in Contact replaced, whatever account's user part stands before it; other Contacts stay. The same object when
 * nothing changes.
 */
export function withContact(headers: Headers, ours: string, wanted: string): Headers {
  if (ours === wanted) return headers;
  const [from, to] = [placeOf(ours), placeOf(wanted)];
  const scheme = uriScheme(wanted);
  let changed = false;
  const fields = headers.entries().map((entry): readonly [string, string] => {
    if (fieldKey(entry[0]) !== "contact" || !entry[1].includes(from)) return entry;
    const value = entry[1].replace(/<sips?:([^@<>]*@)?([^<>]*)>/g, (whole, user: string | undefined, place: string) =>
      place === from || place === `${from};ob` ? `<${scheme}:${user ?? ""}${to}${place.slice(from.length)}>` : whole,
    );
    if (value === entry[1]) return entry;
    changed = true;
    return [entry[0], value];
  });
  return changed ? new Headers(fields) : headers;
}
