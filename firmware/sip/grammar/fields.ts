// Typed readers for single header field values: Via, CSeq, Content-Type, Content-Disposition, numbers (RFC 3261 section 20).

import { fail, ok, type Result } from "../../runtime/result.js";
import { scanHostPort } from "./host.js";
import { getParam, type Params, printParams, scanParams } from "./params.js";
import { decimal, isToken, Scanner } from "./scanner.js";

/** Largest value of a 32-bit number field (CSeq, Expires, delta-seconds). */
export const MAX_UINT32 = 0xffffffff;

/** What a branch of an RFC 3261 transaction begins with (section 8.1.1.7). */
export const MAGIC_COOKIE = "z9hG4bK";

/** One Via value (RFC 3261 section 20.42; rport: RFC 3581). */
export interface Via {
  readonly protocol: string;
  readonly version: string;
  /** Upper case: `UDP`, `TCP`, `TLS`, … */
  readonly transport: string;
  /** IPv6 addresses in brackets. */
  readonly host: string;
  readonly port?: number;
  readonly params: Params;
}

/** Parses one Via value. Errors: `via`. */
export function parseVia(text: string): Result<Via> {
  const scanner = new Scanner(text);
  scanner.lws();
  const protocol = scanner.token();
  const slash1 = scanner.separator("/");
  const version = scanner.token();
  const slash2 = scanner.separator("/");
  const transport = scanner.token().toUpperCase();
  if (!slash1 || !slash2 || protocol === "" || version === "" || transport === "" || !scanner.lws())
    return fail("via", "bad sent-protocol in Via", scanner.pos);
  const sentBy = scanHostPort(scanner);
  if (!sentBy) return fail("via", "bad sent-by in Via", scanner.pos);
  const params = scanParams(scanner);
  if (!params) return fail("via", "bad parameter in Via", scanner.pos);
  scanner.lws();
  if (!scanner.done) return fail("via", "unexpected text in Via", scanner.pos);
  const { host, port } = sentBy;
  return ok(
    port === undefined
      ? { protocol, version, transport, host, params }
      : { protocol, version, transport, host, port, params },
  );
}

/** Prints one Via value. */
export function printVia(via: Via): string {
  const port = via.port === undefined ? "" : `:${via.port}`;
  return `${via.protocol}/${via.version}/${via.transport} ${via.host}${port}${printParams(via.params)}`;
}

/** The branch where it names an RFC 3261 transaction; undefined for older clients and for a bare magic cookie. */
export function branchOf(via: Via): string | undefined {
  const branch = getParam(via.params, "branch");
  return branch !== undefined &&
    branch.length > MAGIC_COOKIE.length &&
    branch.slice(0, MAGIC_COOKIE.length).toLowerCase() === MAGIC_COOKIE.toLowerCase()
    ? branch
    : undefined;
}

/** A CSeq value (section 20.16). */
export interface CSeq {
  readonly seq: number;
  readonly method: string;
}

/** Parses CSeq; the number must fit 32 bits. */
export function parseCSeq(text: string): Result<CSeq> {
  const parts = /^([0-9]+)[ \t]+(\S+)$/.exec(text);
  if (!parts || !isToken(parts[2])) return fail("cseq", "bad CSeq", 0);
  const seq = decimal(parts[1], MAX_UINT32);
  return seq === undefined ? fail("cseq", "CSeq number out of range", 0) : ok({ seq, method: parts[2] });
}

/** A media type (section 20.15), type and subtype in lower case. */
export interface MediaType {
  /** E.g. `application/sdp`. */
  readonly type: string;
  readonly params: Params;
}

/** Parses Content-Type. */
export function parseContentType(text: string): Result<MediaType> {
  const scanner = new Scanner(text);
  scanner.lws();
  const type = scanner.token();
  const slash = scanner.separator("/");
  const subtype = scanner.token();
  const params = scanParams(scanner);
  scanner.lws();
  if (type === "" || !slash || subtype === "" || !params || !scanner.done)
    return fail("content-type", "bad media type", scanner.pos);
  return ok({ type: `${type}/${subtype}`.toLowerCase(), params });
}

/** Content-Disposition (section 20.11). */
export interface Disposition {
  readonly type: string;
  /** False only for `handling=optional`. */
  readonly required: boolean;
}

/** Parses Content-Disposition. */
export function parseDisposition(text: string): Result<Disposition> {
  const scanner = new Scanner(text);
  scanner.lws();
  const type = scanner.token().toLowerCase();
  const params = scanParams(scanner);
  scanner.lws();
  if (type === "" || !params || !scanner.done) return fail("content-disposition", "bad disposition", scanner.pos);
  return ok({ type, required: getParam(params, "handling")?.toLowerCase() !== "optional" });
}

/** Reads the leading number of Max-Forwards, Expires, Retry-After, Content-Length; undefined when it is none or larger than `max`. */
export function parseNumber(text: string | undefined, max = MAX_UINT32): number | undefined {
  return text === undefined ? undefined : decimal(text.trim(), max);
}
