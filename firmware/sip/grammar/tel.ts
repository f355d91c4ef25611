// tel: URIs (RFC 3966), and the SIP address a telephone number has at a provider (RFC 3261 section 19.1.6).

import { fail, ok, type Result } from "../../runtime/result.js";

/** A telephone number. */
export interface TelUri {
  /** Digits without visual separators; a global number begins with `+`. */
  readonly number: string;
  readonly global: boolean;
  /** Where a local number means something: a domain, or the beginning of a global number. */
  readonly context?: string;
  /** Other parameters, names in lower case, values as written. */
  readonly params: readonly (readonly [name: string, value: string | undefined])[];
}

/** Parses a tel: URI. Errors: `scheme`, `number`, `param`, `context` (a local number without one). */
export function parseTelUri(text: string): Result<TelUri> {
  if (!/^tel:/i.test(text)) return fail("scheme", "not a tel URI", 0);
  const [subscriber, ...rest] = text.slice(4).split(";");
  const global = subscriber.startsWith("+");
  const number = subscriber.replace(/[-.()]/g, "");
  const good = global ? /^\+[0-9]{1,40}$/.test(number) : /^[0-9A-Fa-f*#]{1,40}$/.test(number);
  if (!good) return fail("number", "bad telephone number", 4);
  const params: (readonly [string, string | undefined])[] = [];
  let context: string | undefined;
  for (const part of rest) {
    const match = /^([A-Za-z0-9-]+)(?:=([A-Za-z0-9\-_.!~*'()[\]/:&+$%]+))?$/.exec(part);
    if (!match || params.length >= 32) return fail("param", "bad parameter of a tel URI");
    const name = match[1].toLowerCase();
    if (name === "phone-context") context = match[2];
    params.push([name, match[2]]);
  }
  if (!global && context === undefined) return fail("context", "a local number needs a phone-context");
  return ok({ number, global, ...(context === undefined ? {} : { context }), params });
}

/**
 * The SIP address of a number at the provider of `account`, `sip:+49123@example.com;user=phone`. Undefined when `text` is no tel: URI. A local
 * number may stand without its context here: whose it is is known.
 */
export function telToSip(text: string, account: string): string | undefined {
  const host = /^sips?:[^@]*@([^;?>]+)/i.exec(account)?.[1];
  if (!/^tel:/i.test(text) || host === undefined) return undefined;
  const parsed = parseTelUri(/^tel:\+|;phone-context=/i.test(text) ? text : `${text};phone-context=${host}`);
  if (!parsed.ok) return undefined;
  const scheme = /^sips:/i.test(account) ? "sips" : "sip";
  return `${scheme}:${parsed.value.number.replaceAll("#", "%23")}@${host};user=phone`;
}
