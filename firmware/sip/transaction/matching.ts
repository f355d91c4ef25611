// Keys under which transactions are found (RFC 3261 sections 17.1.3 and 17.2.3, the RFC 2543 rules included).

import { branchOf, canonicalHost, type Essentials, getParam, printVia, type Via } from "../grammar/index.js";

/** A client transaction: our branch and the method in CSeq. */
export function clientKey(branch: string, method: string): string {
  return `${branch.toLowerCase()} ${method}`;
}

/** The client key of a response; undefined when its top Via has no branch. */
export function responseKey(response: Essentials): string | undefined {
  const branch = getParam(response.via.params, "branch");
  return branch === undefined ? undefined : clientKey(branch, response.cseq.method);
}

const sentBy = (via: Via): string => `${canonicalHost(via.host)}:${via.port ?? ""}`;

/**
 * The server transaction a request belongs to; `method` is the request's, INVITE for an ACK, or the method a CANCEL is tried for.
 * Requests of RFC 2543 clients (no magic cookie) are matched by Request-URI, tags, Call-ID, CSeq number and top Via.
 */
export function serverKey(
  request: Essentials & { readonly request: { readonly uri: string } },
  method: string,
): string {
  const branch = branchOf(request.via);
  if (branch !== undefined) return `${branch.toLowerCase()} ${sentBy(request.via)} ${method}`;
  // An ACK's To has the tag of our response, which the INVITE had not: the To tag is checked by the caller.
  const toTag = method === "INVITE" ? "" : (request.toTag ?? "");
  return [
    "2543",
    request.request.uri,
    toTag,
    request.fromTag ?? "",
    request.callId,
    request.cseq.seq,
    method,
    printVia(request.via),
  ].join(" ");
}

/** What two arrivals of one request over different paths share (section 8.2.2.2). */
export function mergeKey(request: Essentials): string {
  return `${request.callId} ${request.fromTag ?? ""} ${request.cseq.seq} ${request.cseq.method}`;
}
