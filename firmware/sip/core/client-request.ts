// Requests of ours that begin a dialog or stand alone (RFC 3261 section 8.1.1).

import { ok, type Result } from "../../runtime/result.js";
import type { ExtraHeaders, SipAddress, SipBody } from "../contract.js";
import type { DialogHost } from "../dialog/index.js";
import {
  bodyHeaders,
  checkedHeaders,
  fieldKey,
  Headers,
  isNumeric,
  isToken,
  isUri,
  parseSipUri,
  printNameAddr,
  printSipUri,
  type SipRequest,
  type SipUri,
} from "../grammar/index.js";

/** Who a request is for and from. */
export interface RequestTarget {
  /** Request-URI and To. */
  readonly target: string;
  readonly from: { readonly uri: string; readonly displayName?: string };
  readonly nextHop?: SipAddress;
  readonly headers?: ExtraHeaders;
  readonly body?: SipBody;
}

const ours = new Set([
  "via",
  "from",
  "to",
  "call-id",
  "cseq",
  "max-forwards",
  "contact",
  "content-length",
  "content-type",
]);

/** A request ready to go, and where it goes. */
export interface ComposedRequest {
  readonly request: SipRequest;
  readonly branch: string;
  readonly uri: SipUri;
}

/**
 * Makes an out-of-dialog request. A `method` parameter and header parts of the target URI are left out (section 19.1.5).
 * @throws TypeError for a target or From that is no URI, and for extra headers that are the core's own or hold a line break.
 */
export function composeRequest(
  host: DialogHost,
  method: string,
  options: RequestTarget,
  fields: ExtraHeaders,
  callId: string,
): ComposedRequest {
  if (!isToken(method)) throw new TypeError(`method is not a token: ${JSON.stringify(method)}`);
  const parsed = parseSipUri(options.target);
  if (!parsed.ok)
    throw new TypeError(`target is not a SIP URI (${parsed.error.text}): ${JSON.stringify(options.target)}`);
  if (!isUri(options.from.uri)) throw new TypeError(`from is not a URI: ${JSON.stringify(options.from.uri)}`);
  for (const [name] of options.headers ?? [])
    if (ours.has(fieldKey(name))) throw new TypeError(`header ${name} is set by the user agent`);
  const uri: SipUri = {
    ...parsed.value,
    headers: [],
    params: parsed.value.params.filter((param) => param.name.toLowerCase() !== "method"),
  };
  const target = printSipUri(uri);
  const branch = host.ids.branch();
  const { displayName } = options.from;
  const from = printNameAddr({
    ...(displayName === undefined ? {} : { displayName }),
    uri: options.from.uri,
    params: [{ name: "tag", value: host.ids.tag() }],
  });
  const headers = new Headers([
    ["Via", host.transport.newVia(branch)],
    ["Max-Forwards", "70"],
    ["From", from],
    ["To", `<${target}>`],
    ["Call-ID", callId],
    ["CSeq", `${host.ids.firstSeq()} ${method}`],
    ...fields,
    ...host.fields.userAgent,
    ...checkedHeaders(options.headers ?? []),
    ...bodyHeaders(options.body),
  ]);
  const request: SipRequest = {
    kind: "request",
    method,
    uri: target,
    headers,
    body: options.body?.content ?? new Uint8Array(0),
  };
  return { request, branch, uri };
}

/** Where a request goes first: `nextHop` when it is given (a name is looked up), else what the URI says. At once when all is numeric. */
export function findHop(
  host: DialogHost,
  uri: SipUri,
  nextHop: SipAddress | undefined,
  done: (result: Result<SipAddress>) => void,
): void {
  if (nextHop && isNumeric(nextHop.host)) done(ok(nextHop));
  else if (nextHop)
    host.resolve({ scheme: "sip", host: nextHop.host, port: nextHop.port, params: [], headers: [] }, done);
  else host.resolve(uri, done);
}
