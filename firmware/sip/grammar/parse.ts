// Bytes of one datagram or framed message to a SipMessage (RFC 3261 sections 7, 18.3, 25). Never throws; time is linear in the input.

import type { InputError, Result } from "../../runtime/result.js";
import { ok } from "../../runtime/result.js";
import { Headers } from "./headers.js";
import type { SipMessage, SipRequest } from "./message.js";
import { allOf, charClass, decimal, isToken } from "./scanner.js";

/** How large a message may be. */
export interface ParseLimits {
  /** Header fields. */
  readonly headers: number;
  /** Bytes of one header field, its continuation lines included, or of the start line. */
  readonly lineBytes: number;
  /** Bytes before the body. */
  readonly headBytes: number;
}

export const defaultParseLimits: ParseLimits = { headers: 200, lineBytes: 8192, headBytes: 32768 };

/** Why a message was refused. Codes: start-line, version, uri, status, header, folding, line-end, no-end, content-length, truncated-body, too-many-headers, line-too-long, head-too-long. */
export interface SipParseError extends InputError {
  /** What could be read of a request, so that it can be answered with 400 or 505. */
  readonly request?: SipRequest;
}

const emptyBody = new Uint8Array(0);

/**
 * Parses a whole message. The body is a view of `bytes`, cut to Content-Length; without Content-Length it runs to the end; bytes behind it
 * are ignored (section 18.3). Header text is UTF-8, bad sequences become U+FFFD.
 */
export function parseMessage(bytes: Uint8Array, limits = defaultParseLimits): Result<SipMessage, SipParseError> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let start = 0;
  while (start + 1 < buffer.length && buffer[start] === 13 && buffer[start + 1] === 10) start += 2; // section 7.5
  const end = buffer.indexOf("\r\n\r\n", start, "latin1");
  if (end < 0) return refuse("no-end", "the header fields do not end", buffer.length);
  if (end - start > limits.headBytes) return refuse("head-too-long", "too many bytes of header fields", start);
  const head = buffer.toString("utf8", start, end);
  const offsetOf = (position: number): number =>
    start + (head.length === end - start ? position : Buffer.byteLength(head.slice(0, position)));

  const firstEnd = lineEnd(head, 0);
  const firstLine = head.slice(0, firstEnd);
  if (firstLine.length > limits.lineBytes) return refuse("line-too-long", "the start line is too long", start);

  const fields: (readonly [string, string])[] = [];
  let problem: { code: string; text: string; at: number } | undefined;
  let position = firstEnd + 2;
  while (position < head.length) {
    const lineStart = position;
    let stop = lineEnd(head, position);
    let folded = false;
    // A line that begins with white space goes on with the one before (section 7.3.1).
    while (stop + 2 < head.length && (head[stop + 2] === " " || head[stop + 2] === "\t")) {
      folded = true;
      stop = lineEnd(head, stop + 2);
    }
    position = stop + 2;
    if (stop - lineStart > limits.lineBytes)
      return refuse("line-too-long", "a header field is too long", offsetOf(lineStart));
    if (fields.length >= limits.headers)
      return refuse("too-many-headers", "too many header fields", offsetOf(lineStart));
    const line = head.slice(lineStart, stop);
    const colon = line.indexOf(":");
    const name = colon < 0 ? "" : trimEnd(line.slice(0, colon));
    if (!isToken(name)) {
      problem ??= { code: "header", text: "a header field has no proper name", at: lineStart };
      continue;
    }
    const value = line.slice(colon + 1);
    const unfolded = folded ? value.split("\r\n").map(trimBoth).join(" ") : value;
    if (/[\r\n]/.test(unfolded))
      problem ??= { code: "line-end", text: "a carriage return or line feed stands alone", at: lineStart };
    else fields.push([name, trimBoth(unfolded)]);
  }
  const headers = new Headers(fields);

  const request = /^([^ ]+) ([^ ]+) ([A-Za-z]+\/[0-9]+\.[0-9]+)$/.exec(firstLine);
  if (request && isToken(request[1])) {
    const partial: SipRequest = { kind: "request", method: request[1], uri: request[2], headers, body: emptyBody };
    const answerable = (code: string, text: string, offset: number) => refuse(code, text, offset, partial);
    if (!/^SIP\/0*2\.0+$/i.test(request[3])) return answerable("version", "not SIP/2.0", start);
    if (/[\x00-\x20\x7f<>"]/.test(request[2]))
      return answerable("uri", "bad Request-URI", start + request[1].length + 1);
    if (problem) return answerable(problem.code, problem.text, offsetOf(problem.at));
    const body = cutBody(buffer, end + 4, headers);
    return body.ok
      ? ok({ ...partial, body: body.value })
      : answerable(body.error.code, body.error.text, body.error.offset ?? end);
  }
  const response = /^(SIP\/[0-9]+\.[0-9]+) ([0-9]{3})(?: ([^\r\n]*))?$/i.exec(firstLine);
  if (response) {
    if (!/^SIP\/0*2\.0+$/i.test(response[1])) return refuse("version", "not SIP/2.0", start);
    const status = Number(response[2]);
    if (status < 100 || status > 699) return refuse("status", "a status outside 100 to 699", start + 8);
    if (problem) return refuse(problem.code, problem.text, offsetOf(problem.at));
    const body = cutBody(buffer, end + 4, headers);
    if (!body.ok) return body;
    return ok({ kind: "response", status, reason: response[3] ?? "", headers, body: body.value });
  }
  // Something with a method in front can still be answered when its header fields are there.
  const method = firstLine.slice(0, Math.max(0, firstLine.indexOf(" ")));
  const looksLikeRequest = allOf(method, charClass.TOKEN, false) && method !== "" && /SIP\/2\.0 *$/i.test(firstLine);
  return refuse(
    "start-line",
    "neither a request line nor a status line",
    start,
    looksLikeRequest ? { kind: "request", method, uri: "", headers, body: emptyBody } : undefined,
  );
}

function refuse(
  code: string,
  text: string,
  offset: number,
  request?: SipRequest,
): { readonly ok: false; readonly error: SipParseError } {
  return { ok: false, error: request ? { code, text, offset, request } : { code, text, offset } };
}

function cutBody(buffer: Buffer, from: number, headers: Headers): Result<Uint8Array, SipParseError> {
  const count = headers.count("content-length");
  const view = new Uint8Array(buffer.buffer, buffer.byteOffset + from, buffer.length - from);
  if (count === 0) return ok(view);
  const length = count === 1 ? decimal(headers.get("content-length")!, Number.MAX_SAFE_INTEGER) : undefined;
  if (length === undefined) return refuse("content-length", "bad or repeated Content-Length", from);
  if (length > view.length)
    return refuse("truncated-body", "the body is shorter than Content-Length", from + view.length);
  return ok(view.subarray(0, length));
}

function lineEnd(text: string, from: number): number {
  const at = text.indexOf("\r\n", from);
  return at < 0 ? text.length : at;
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

function trimEnd(text: string): string {
  let stop = text.length;
  while (stop > 0 && isBlank(text.charCodeAt(stop - 1))) stop--;
  return text.slice(0, stop);
}

function trimBoth(text: string): string {
  let begin = 0;
  while (begin < text.length && isBlank(text.charCodeAt(begin))) begin++;
  return trimEnd(text.slice(begin));
}

/** Whether the datagram carries nothing: CRLFs, NULs or spaces that only keep a NAT binding open (RFC 5626 section 3.5.1 and usage before it). */
export function isKeepAlive(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 13 && byte !== 10 && byte !== 0 && byte !== 32) return false;
  return true;
}
