// The grammar of a=key-mgmt (RFC 4567 section 3.1), whatever protocol speaks inside.

import { fail, ok, type Result } from "../runtime/result.js";
import type { SdpAttribute } from "./types.js";

/** One `a=key-mgmt` value. */
export interface KeyMgmt {
  /** Key management protocol id, e.g. `"mikey"`. */
  readonly protocol: string;
  /** The protocol's message, decoded. */
  readonly data: Uint8Array;
}

const GRAMMAR = /^ ?([A-Za-z0-9!#$%&'*+\-.^_`{|}~]+) ([A-Za-z0-9+/]*={0,2})$/;

/**
 * Reads the value of an `a=key-mgmt` attribute: `[SP] prtcl-id SP base64`.
 *
 * @param value what follows `key-mgmt:`
 * @returns protocol and message, or an error: `"bad-key-mgmt"` (grammar), `"bad-base64"` (length, padding or stray bits: one
 *   message has exactly one spelling, RFC 4648 section 3.5), `"empty-key-mgmt"`.
 */
export function parseKeyMgmt(value: string): Result<KeyMgmt> {
  const match = GRAMMAR.exec(value);
  if (!match) return fail("bad-key-mgmt", "a=key-mgmt is a protocol id, a space and base64");
  const [, protocol, base64] = match;
  const offset = value.length - base64.length;
  if (base64 === "") return fail("empty-key-mgmt", "a=key-mgmt carries no message", offset);
  const data = Buffer.from(base64, "base64");
  if (base64.length % 4 !== 0 || data.toString("base64") !== base64)
    return fail("bad-base64", "the message of a=key-mgmt is not base64", offset);
  return ok({ protocol, data: new Uint8Array(data) });
}

/** Makes the attribute `a=key-mgmt:protocol base64(data)`. @throws TypeError when `protocol` is not a token. */
export function printKeyMgmt({ protocol, data }: KeyMgmt): SdpAttribute {
  if (!/^[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+$/.test(protocol)) throw new TypeError(`"${protocol}" is not a protocol id`);
  const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
  return { name: "key-mgmt", value: `${protocol} ${base64}` };
}

/**
 * The protocol ids of every `a=key-mgmt` that is meant for one section, in order: what RFC 4567 section 4.1.4 binds into the key
 * management against bidding down. A section's own attributes override the session's (section 3.1). Malformed ones are left out.
 */
export function keyMgmtProtocols(session: readonly SdpAttribute[], media: readonly SdpAttribute[]): string[] {
  const own = media.filter(({ name }) => name === "key-mgmt");
  const valid = own.length > 0 ? own : session.filter(({ name }) => name === "key-mgmt");
  return valid.flatMap(({ value }) => {
    const parsed = parseKeyMgmt(value ?? "");
    return parsed.ok ? [parsed.value.protocol] : [];
  });
}
