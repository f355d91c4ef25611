// Bodies made of several parts (RFC 2046 section 5.1, RFC 5621): parts, and the one a user agent is looking for. Bounded; never throws.

import { fail, ok, type Result } from "../../runtime/result.js";
import { parseContentType, parseDisposition } from "./fields.js";
import { Headers } from "./headers.js";
import type { SipHeaders, SipMessage } from "./message.js";
import { getParam } from "./params.js";
import { isToken } from "./scanner.js";

/** One part. */
export interface BodyPart {
  readonly headers: SipHeaders;
  /** A view of the message's body. */
  readonly content: Uint8Array;
}

/** Parts a body may have, and parts within parts. */
const MAX_PARTS = 32;
const MAX_DEPTH = 3;
const MAX_HEAD_BYTES = 4096;

/** Cuts a multipart body. Errors: `boundary` (none, or not as RFC 2046 allows), `parts` (none, too many, the last does not end), `header`. */
export function parseMultipart(contentType: string, body: Uint8Array): Result<readonly BodyPart[]> {
  const type = parseContentType(contentType);
  const boundary = type.ok ? getParam(type.value.params, "boundary") : undefined;
  if (!boundary || !/^[A-Za-z0-9'()+_,\-./:=? ]{0,69}[A-Za-z0-9'()+_,\-./:=?]$/.test(boundary))
    return fail("boundary", "a multipart body without a proper boundary");
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const mark = `--${boundary}`;
  const parts: BodyPart[] = [];
  let at = delimiter(bytes, mark, 0);
  while (at >= 0) {
    const after = at + mark.length;
    if (bytes.toString("latin1", after, after + 2) === "--")
      return parts.length > 0 ? ok(parts) : fail("parts", "a multipart body without parts", at);
    const start = bytes.indexOf("\r\n", after, "latin1") + 2;
    const next = start < 2 ? -1 : delimiter(bytes, mark, start - 2);
    if (next < 0) break;
    if (parts.length >= MAX_PARTS) return fail("parts", "too many parts", at);
    // The line break before a delimiter belongs to the delimiter.
    const part = parsePart(bytes.subarray(start, Math.max(start, next - 2)));
    if (!part) return fail("header", "a part without a proper header", start);
    parts.push(part);
    at = next;
  }
  return fail("parts", "a multipart body that does not end", bytes.length);
}

/** Offset of the next delimiter line from `from` on: at the beginning, or behind a line break. */
function delimiter(bytes: Buffer, mark: string, from: number): number {
  for (let at = bytes.indexOf(mark, from, "latin1"); at >= 0; at = bytes.indexOf(mark, at + 1, "latin1")) {
    const lineStart = at === 0 || (bytes[at - 1] === 10 && bytes[at - 2] === 13);
    const rest = /^(?:--)?[ \t]*(?:\r\n|$)/.test(bytes.toString("latin1", at + mark.length, at + mark.length + 80));
    if (lineStart && rest) return at;
  }
  return -1;
}

function parsePart(bytes: Buffer): BodyPart | undefined {
  const bare = bytes[0] === 13 && bytes[1] === 10;
  const end = bare ? 0 : bytes.indexOf("\r\n\r\n", 0, "latin1");
  if (end < 0 || end > MAX_HEAD_BYTES) return undefined;
  const fields: (readonly [string, string])[] = [];
  if (!bare)
    for (const line of bytes
      .toString("utf8", 0, end)
      .replace(/\r\n[ \t]+/g, " ")
      .split("\r\n")) {
      const colon = line.indexOf(":");
      const name = line.slice(0, Math.max(0, colon)).trim();
      if (!isToken(name)) return undefined;
      fields.push([name, line.slice(colon + 1).trim()]);
    }
  return { headers: new Headers(fields), content: bytes.subarray(bare ? 2 : end + 4) };
}

/** A body found: its type in lower case, its bytes. */
export interface FoundBody {
  readonly type: string;
  readonly content: Uint8Array;
}

/**
 * The body of one of `types` in a message: the body itself, or a part of it. Undefined when there is none. An error `unsupported` when a part that
 * must be understood (RFC 5621 section 4: every part whose handling is not optional) is of no such type; others as {@link parseMultipart}.
 */
export function findBody(message: SipMessage, types: readonly string[]): Result<FoundBody | undefined> {
  if (message.body.length === 0) return ok(undefined);
  return find(message.headers, message.body, types, MAX_DEPTH);
}

function find(
  headers: SipHeaders,
  content: Uint8Array,
  types: readonly string[],
  depth: number,
): Result<FoundBody | undefined> {
  const written = headers.get("Content-Type") ?? "text/plain";
  const parsed = parseContentType(written);
  const disposition = parseDisposition(headers.get("Content-Disposition") ?? "session");
  const optional = disposition.ok && !disposition.value.required;
  if (!parsed.ok) return fail("content-type", "bad media type");
  const { type } = parsed.value;
  const encoded = (headers.get("Content-Encoding") ?? "identity").toLowerCase() !== "identity";
  if (types.includes(type) && !encoded) return ok({ type, content });
  if (!type.startsWith("multipart/") || depth === 0)
    return optional ? ok(undefined) : fail("unsupported", `a body of type ${type.slice(0, 60)}`);
  const parts = parseMultipart(written, content);
  if (!parts.ok) return parts;
  const found = parts.value.map((part) => find(part.headers, part.content, types, depth - 1));
  const good = found.flatMap((each) => (each.ok && each.value ? [each.value] : []));
  // Of alternatives the last that is understood is the best (RFC 2046 section 5.1.4); the others need not be.
  if (type === "multipart/alternative") {
    if (good.length > 0) return ok(good[good.length - 1]);
    return found.find((each) => !each.ok) ?? ok(undefined);
  }
  return found.find((each) => !each.ok) ?? ok(good[0]);
}
