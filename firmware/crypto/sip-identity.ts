// When do two SIP URIs name the same person? RFC 3261 section 19.1.4 reduced to what an identity is made of.

import { remembering } from "../runtime/remembering.js";

/** The parts of a SIP URI that make an identity. */
export interface SipIdentity {
  /** `sip` or `sips`. */
  readonly scheme: string;
  /** User with escapes of unreserved characters undone; empty when the URI names only a host. */
  readonly user: string;
  /** Lower case, IPv6 in brackets. */
  readonly host: string;
  /** Empty when the URI has none. */
  readonly port: string;
}

const shape = /^(sips?):(?:([^@\s<>"]+)@)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?(?:[;?][^\s<>"]*)?$/i;

/** Undoes %HH where it hides an unreserved character and writes other escapes in upper case (RFC 3261 section 19.1.4). */
function plainUser(user: string): string {
  return user.replace(/%[0-9a-f]{2}/gi, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return /[A-Za-z0-9\-_.!~*'()]/.test(character) ? character : code.toUpperCase();
  });
}

/** Reads a SIP or SIPS URI; undefined when it is none. URI parameters and headers are no part of an identity. */
export const parseSipIdentity: (uri: string) => SipIdentity | undefined = remembering(read);

function read(uri: string): SipIdentity | undefined {
  const found = uri.length > 1024 ? null : shape.exec(uri);
  if (!found) return undefined;
  const [, scheme, user = "", host, port = ""] = found;
  return { scheme: scheme.toLowerCase(), user: plainUser(user), host: host.toLowerCase(), port };
}

/**
 * True when `proved` (a certificate's or message's URI) vouches for `expected` (the URI dialled, or the caller's): same
 * scheme, same user (case counts), same host (case does not). A proved URI without a port speaks for the user at any port,
 * since a port says where to reach somebody, not who it is; one with a port only for that port.
 */
export function sameSipIdentity(proved: string, expected: string): boolean {
  const a = parseSipIdentity(proved);
  const b = parseSipIdentity(expected);
  if (!a || !b) return false;
  return a.scheme === b.scheme && a.user === b.user && a.host === b.host && (a.port === "" || a.port === b.port);
}

/** `scheme:user@host`: what an ID payload says of somebody. Undefined for anything but a SIP or SIPS URI. */
export function sipIdentity(uri: string): string | undefined {
  const parsed = parseSipIdentity(uri);
  return parsed && `${parsed.scheme}:${parsed.user === "" ? "" : `${parsed.user}@`}${parsed.host}`;
}
