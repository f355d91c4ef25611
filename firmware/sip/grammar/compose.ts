// Messages made from other messages: responses (RFC 3261 section 8.2.6), ACK of a failure (17.1.1.3), CANCEL (9.1).

import type { ExtraHeaders, SipBody } from "../contract.js";
import { fieldKey, Headers } from "./headers.js";
import type { SipRequest, SipResponse } from "./message.js";
import { reasonPhrase } from "./reasons.js";
import { isToken } from "./scanner.js";

const noBody = new Uint8Array(0);

/** What a response carries beside what it copies from its request. */
export interface ComposeOptions {
  readonly reason?: string;
  /** Added to To when the request's To has no tag. */
  readonly toTag?: string;
  readonly headers?: ExtraHeaders;
  readonly body?: SipBody;
}

/** Makes header fields from parts given by our own code. @throws TypeError for a name that is no token or a value with a line break. */
export function checkedHeaders(fields: ExtraHeaders): ExtraHeaders {
  for (const [name, value] of fields) {
    if (!isToken(name)) throw new TypeError(`header name is not a token: ${JSON.stringify(name)}`);
    if (/[\r\n]/.test(value)) throw new TypeError(`value of header ${name} contains a line break`);
  }
  return fields;
}

/** The body's own fields. */
export function bodyHeaders(body: SipBody | undefined): ExtraHeaders {
  return body ? [["Content-Type", body.type]] : [];
}

/** Makes a response to `request`: Via, From, To, Call-ID and CSeq are copied (section 8.2.6.2), Timestamp for a 100 (8.2.6.1). */
export function makeResponse(request: SipRequest, status: number, options: ComposeOptions = {}): SipResponse {
  if (!Number.isInteger(status) || status < 100 || status > 699)
    throw new RangeError(`status must be 100 to 699, got ${status}`);
  const reason = options.reason ?? reasonPhrase(status);
  if (/[\r\n]/.test(reason)) throw new TypeError("a reason phrase cannot hold a line break");
  const fields: (readonly [string, string])[] = [];
  for (const entry of request.headers.entries()) {
    const key = fieldKey(entry[0]);
    if (key === "via" || key === "from" || key === "call-id" || key === "cseq") fields.push(entry);
    else if (key === "to") fields.push([entry[0], withTag(entry[1], options.toTag)]);
    else if (key === "timestamp" && status === 100) fields.push(entry);
  }
  fields.push(...checkedHeaders(options.headers ?? []), ...bodyHeaders(options.body));
  return { kind: "response", status, reason, headers: new Headers(fields), body: options.body?.content ?? noBody };
}

/** Adds a tag to a To value that has none. A tag inside the URI's brackets is the URI's, not the field's. */
export function withTag(value: string, tag: string | undefined): string {
  if (tag === undefined) return value;
  const outside = value.slice(value.lastIndexOf(">") + 1);
  return /;\s*tag\s*=/i.test(outside) ? value : `${value};tag=${tag}`;
}

/** The ACK a client transaction sends for a 300-699 response (section 17.1.1.3). */
export function ackForFailure(invite: SipRequest, response: SipResponse): SipRequest {
  return followUp(invite, "ACK", response.headers.get("To") ?? invite.headers.get("To")!, []);
}

/** The CANCEL of a request (section 9.1). */
export function cancelFor(invite: SipRequest, headers: ExtraHeaders = []): SipRequest {
  return followUp(invite, "CANCEL", invite.headers.get("To")!, checkedHeaders(headers));
}

function followUp(invite: SipRequest, method: string, to: string, extra: ExtraHeaders): SipRequest {
  const headers = invite.headers;
  const seq = headers.get("CSeq")!.split(/\s/)[0];
  const fields: (readonly [string, string])[] = [
    ["Via", headers.get("Via")!],
    ["Max-Forwards", "70"],
    ["From", headers.get("From")!],
    ["To", to],
    ["Call-ID", headers.get("Call-ID")!],
    ["CSeq", `${seq} ${method}`],
    ...headers.all("Route").map((route) => ["Route", route] as const),
    ...extra,
  ];
  return { kind: "request", method, uri: invite.uri, headers: new Headers(fields), body: noBody };
}
