// Where responses go, and what a server writes into the top Via (RFC 3261 sections 18.2.1, 18.2.2; RFC 3581 section 4).

import type { SipAddress } from "../contract.js";
import {
  bareHost,
  canonicalHost,
  getParam,
  Headers,
  hasParam,
  isNumeric,
  printVia,
  type SipRequest,
  setParam,
  type Via,
} from "../grammar/index.js";

/** The top Via with `received` and `rport` filled in from the packet's source. */
export function stampVia(via: Via, source: SipAddress): Via {
  const wantsPort = hasParam(via.params, "rport");
  const same = isNumeric(via.host) && canonicalHost(via.host) === canonicalHost(source.host);
  let params = via.params;
  // Whatever the client itself wrote there is replaced: responses must go where the packet came from.
  if (wantsPort || !same || hasParam(params, "received"))
    params = setParam(params, "received", source.host.split("%")[0]);
  if (wantsPort) params = setParam(params, "rport", String(source.port));
  return params === via.params ? via : { ...via, params };
}

/** The request with its top Via stamped; the same object when nothing had to be written. */
export function stampRequest(request: SipRequest, via: Via, stamped: Via): SipRequest {
  if (stamped === via) return request;
  const headers = request.headers instanceof Headers ? request.headers : new Headers(request.headers.entries());
  return { ...request, headers: headers.withFirst("Via", printVia(stamped)) };
}

/** Where a response to a request with this (stamped) top Via is sent. A maddr that is a name is not looked up: the source is used. */
export function responseTarget(via: Via, source: SipAddress): SipAddress {
  const transport = source.transport;
  if (transport !== "udp") {
    // Where the connection is gone (a source has no alternatives of its own), a new one is opened to where the client says it listens.
    const listening = via.port ?? (transport === "tls" ? 5061 : 5060);
    return { alternatives: [{ host: source.host, port: listening, transport, name: via.host }], ...source };
  }
  const port = via.port ?? 5060;
  const maddr = getParam(via.params, "maddr");
  if (maddr !== undefined && isNumeric(maddr)) return { host: bareHost(maddr), port, transport };
  if (hasParam(via.params, "rport")) return source;
  return { host: source.host, port, transport };
}
