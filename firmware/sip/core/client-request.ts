// Requests of ours that begin a dialog or stand alone (RFC 3261 section 8.1.1).

import { ok, type Result } from "../../runtime/result.js";
import type { ExtraHeaders, SipAddress, SipBody } from "../contract.js";
import type { DialogHost } from "../dialog/index.js";
import { routed } from "../dialog/route.js";
import {
  bodyHeaders,
  bracketed,
  checkedHeaders,
  fieldKey,
  Headers,
  isNumeric,
  isToken,
  isUri,
  parseNameAddr,
  parseSipUri,
  printNameAddr,
  printSipUri,
  type SipRequest,
  type SipUri,
} from "../grammar/index.js";

/** Who a request is for and from. */
export interface RequestTarget {
  /** Request-URI, and To unless `to` says otherwise. */
  readonly target: string;
  /** To, where it is not the Request-URI (REGISTER). */
  readonly to?: string;
  readonly from: { readonly uri: string; readonly displayName?: string };
  /** The account whose credentials and contact are used; by default the From URI. */
  readonly account?: string;
  readonly nextHop?: SipAddress;
  /** Route fields, first hop first; they decide where it goes unless `nextHop` is there. */
  readonly routes?: readonly string[];
  readonly headers?: ExtraHeaders;
  readonly body?: SipBody;
  /** Contact values in place of our own; empty: no Contact. */
  readonly contacts?: readonly string[];
  /** Call-ID and CSeq numbers that several requests share (RFC 3261 section 10.2). */
  readonly sequence?: RequestSequence;
  /** It goes to the configured registrar: the realm it asks with is the account's. */
  readonly registrar?: boolean;
}

/** What ties requests together that are no dialog. */
export interface RequestSequence {
  readonly callId: string;
  /** The next CSeq number. */
  next(): number;
}

/** What stays the same when a request is tried again: with credentials, elsewhere, with other terms. */
export interface RequestIdentity {
  readonly callId: string;
  readonly fromTag: string;
  readonly seq: number;
}

/** Call-ID, tag and number of a request of its own. */
export function newIdentity(host: DialogHost): RequestIdentity {
  return { callId: host.ids.callId(), fromTag: host.ids.tag(), seq: host.ids.firstSeq() };
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
  "authorization",
  "proxy-authorization",
]);

/** A request ready to go, and where it goes. */
export interface ComposedRequest {
  readonly request: SipRequest;
  readonly branch: string;
  /** Where it goes when no next hop is given: the first route, or the Request-URI. */
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
  identity: RequestIdentity,
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
    uri: options.from.uri,
    params: [{ name: "tag", value: identity.fromTag }],
    ...(displayName === undefined ? {} : { displayName }),
  });
  for (const route of options.routes ?? [])
    if (!parseNameAddr(route).ok) throw new TypeError(`not a route: ${JSON.stringify(route)}`);
  const given = uri.scheme === "sips" ? (options.routes ?? []).map(asSips) : (options.routes ?? []);
  const { uri: requestUri, routes } = routed(target, given);
  const headers = new Headers([
    ["Via", host.transport.newVia(branch)],
    ["Max-Forwards", "70"],
    ["From", from],
    ["To", `<${options.to ?? target}>`],
    ["Call-ID", identity.callId],
    ["CSeq", `${identity.seq} ${method}`],
    ...(routes.length > 0 ? ([["Route", routes.join(", ")]] as const) : []),
    ...fields,
    ...host.fields.userAgent,
    ...checkedHeaders(options.headers ?? []),
    ...bodyHeaders(options.body),
  ]);
  const request: SipRequest = {
    kind: "request",
    method,
    uri: requestUri,
    headers,
    body: options.body?.content ?? new Uint8Array(0),
  };
  const first = given.length > 0 ? parseNameAddr(given[0]) : undefined;
  const hop = first?.ok ? parseSipUri(first.value.uri) : undefined;
  return { request, branch, uri: hop?.ok ? hop.value : uri };
}

/** A Service-Route serves sip and sips requests alike; of a sips request every route is sips (RFC 5630 section 5.1.1). */
function asSips(route: string): string {
  const parsed = parseNameAddr(route);
  return parsed.ok ? printNameAddr({ ...parsed.value, uri: parsed.value.uri.replace(/^sip:/i, "sips:") }) : route;
}

/**
 * Where a request goes first: `nextHop` when it is given, else what the URI says. At once when all is numeric. A next hop that is a name is
 * looked up: with port 0 its SRV records choose the port, and with `anyTransport` its NAPTR records the transport. A sips request goes there over TLS whatever else is configured
 * (RFC 3261 section 26.2.2), and so does one with `overTls` (RFC 3329 section 2.4: its address is taken as a sips URI).
 */
export function findHop(
  host: DialogHost,
  uri: SipUri,
  nextHop: SipAddress | undefined,
  done: (result: Result<SipAddress>) => void,
  overTls = false,
): void {
  const secure = overTls || uri.scheme === "sips";
  if (nextHop && secure && (nextHop.transport !== "tls" || nextHop.port === 0)) host.resolve(sipsHop(nextHop), done);
  else if (nextHop && isNumeric(nextHop.host)) done(ok(nextHop));
  else if (nextHop) host.resolve(hopUri(nextHop), done);
  else if (overTls && uri.scheme !== "sips") host.resolve(sipsHop({ host: uri.host }), done);
  else host.resolve(uri, done);
}

/** A next hop as the sips URI of its name: TLS at the port its records say, or 5061. */
export function sipsHop({ host, name }: Pick<SipAddress, "host" | "name">): SipUri {
  return { scheme: "sips", host: bracketed(name ?? host), params: [], headers: [] };
}

/** A next hop as a URI. */
export function hopUri({ host, port, transport, anyTransport }: SipAddress): SipUri {
  const params = anyTransport ? [] : [{ name: "transport", value: transport }];
  return { scheme: "sip", host, ...(port === 0 ? {} : { port }), params, headers: [] };
}
