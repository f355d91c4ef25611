// The checks every request passes before its method is looked at: RFC 3261 section 8.2, in its order.

import type { ExtraHeaders } from "../contract.js";
import { allowedMethods, type Fields, knownMethods } from "../dialog/fields.js";
import { contactOf } from "../dialog/state.js";
import {
  findBody,
  isUri,
  parseContentType,
  parseDisposition,
  parseSipUri,
  type SipRequest,
  type SipUri,
  takesType,
  uriScheme,
} from "../grammar/index.js";

/** How a request is refused. */
export interface Refusal {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: ExtraHeaders;
}

/** Whether calls for this Request-URI are ours. */
export type Accepts = (uri: SipUri, request: SipRequest) => boolean;

/** What screening knows of a request beside the message. */
export interface ScreenContext {
  readonly fields: Fields;
  readonly accepts: Accepts;
  /** What sips Request-URIs may count on: no TLS here at all (also when absent), a request that came without it, or with it. */
  readonly sips?: "none" | "clear" | "tls";
  /** It has a To tag, so its Request-URI is a Contact of ours. */
  readonly inDialog: boolean;
  /** The client is older than RFC 3261 (no magic cookie): its INVITE may lack a Contact. */
  readonly legacy: boolean;
}

/** Undefined when the request may be processed. */
export function screen(request: SipRequest, context: ScreenContext): Refusal | undefined {
  const { fields, inDialog } = context;
  const { method, headers } = request;
  if (!isUri(request.uri)) return { status: 400, reason: "Bad Request: Bad Request-URI" };
  if (!allowedMethods.includes(method))
    return { status: knownMethods.includes(method) ? 405 : 501, headers: [fields.allow] };
  const scheme = uriScheme(request.uri);
  // sips promises TLS on every hop (RFC 5630 section 5.3): who has none is not reached by it (RFC 3261 section 8.2.2.1).
  const { sips = "none" } = context;
  if (scheme !== "sip" && (scheme !== "sips" || sips === "none")) return { status: 416 };
  if (scheme === "sips") {
    if (sips === "clear") return { status: 400, reason: "Bad Request: sips without TLS" };
    const contact = contactOf(request);
    if (contact !== undefined && uriScheme(contact) !== "sips")
      return { status: 400, reason: "Bad Request: sip Contact of a sips request" };
  }
  const uri = parseSipUri(request.uri);
  if (!uri.ok) return { status: 400, reason: "Bad Request: Bad Request-URI" };
  if (uri.value.headers.length > 0) return { status: 400, reason: "Bad Request: Request-URI with header fields" };
  if (!inDialog && !context.accepts(uri.value, request)) return { status: 404 };
  if (method !== "CANCEL") {
    const unknown = headers.all("Require").filter((tag) => !fields.supportedTags.includes(tag.toLowerCase()));
    if (unknown.length > 0) return { status: 420, headers: [["Unsupported", unknown.join(", ")]] };
  }
  if (method === "MESSAGE") return screenBody(request, fields.messages);
  if (method !== "INVITE" && method !== "UPDATE" && method !== "PRACK") return undefined;
  if (
    method === "INVITE" &&
    !inDialog &&
    contactOf(request) === undefined &&
    !(context.legacy && !headers.has("Contact"))
  ) {
    const text = headers.has("Contact") ? "Bad Contact" : "Missing Contact";
    return { status: 400, reason: `Bad Request: ${text}` };
  }
  // What we would answer is a session description: who takes none cannot be answered (RFC 4475 section 3.3.15).
  const accept = headers.has("Accept") ? headers.all("Accept") : undefined;
  if ((method === "INVITE" || request.body.length > 0) && !takesType(accept, "application/sdp")) {
    const warning = `399 ${fields.warnAgent} "no answer can be given in the types of Accept"`;
    return { status: 406, headers: [["Warning", warning]] };
  }
  return screenBody(request, fields.accepted);
}

function screenBody(request: SipRequest, accepted: readonly string[]): Refusal | undefined {
  if (request.body.length === 0) return undefined;
  const { headers } = request;
  const disposition = headers.get("Content-Disposition");
  if (disposition !== undefined) {
    const parsed = parseDisposition(disposition);
    if (parsed.ok && !parsed.value.required) return undefined;
  }
  const written = headers.get("Content-Type");
  if (written === undefined) return { status: 400, reason: "Bad Request: Missing Content-Type" };
  const type = parseContentType(written);
  if (!type.ok) return { status: 400, reason: "Bad Request: Bad Content-Type" };
  if (type.value.type.startsWith("multipart/")) {
    const found = findBody(request, accepted);
    if (found.ok) return undefined;
    if (found.error.code !== "unsupported") return { status: 400, reason: "Bad Request: Bad multipart body" };
    return { status: 415, headers: [["Accept", [...accepted, "multipart/mixed", "multipart/alternative"].join(", ")]] };
  }
  if (!accepted.includes(type.value.type)) return { status: 415, headers: [["Accept", accepted.join(", ")]] };
  if (headers.all("Content-Encoding").some((coding) => coding.toLowerCase() !== "identity"))
    return { status: 415, headers: [["Accept-Encoding", "identity"]] };
  return undefined;
}
