// Why calls end, in the three forms that are needed: a code for the log, SIP's words for the peer, a sentence for the person.

import type { KeyingAttributes, KeyingError } from "../keying/keying.js";
import type { ExtraHeaders, Failure, SipBody } from "../sip/contract.js";
import { parseRetryAfter, parseWarning } from "../sip/grammar/index.js";
import type { CallEnd } from "./types.js";

/** Why an offer, an answer or a call is not taken. */
export interface Refusal {
  /** SIP status the peer is given. */
  readonly status: number;
  /** Stable word for logs and tests. */
  readonly code: string;
  /** One line for Warning or Reason; no secrets. */
  readonly text: string;
  /** One sentence for the person holding the phone. */
  readonly user: string;
  /** The key agreement refused. */
  readonly isAboutKeys?: true;
  /** What the keying method wants the peer to be told. */
  readonly attributes?: KeyingAttributes;
  /** The same as a body of its own. */
  readonly body?: SipBody;
}

/** A value, or why there is none. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

/** Makes a failed {@link Outcome}. */
export function refuse(
  status: number,
  code: string,
  text: string,
  user: string,
): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { status, code, text, user } };
}

/** The call ended while something was under way. */
export const cancelled = refuse(487, "ended", "the call has ended", "The call has ended");

/** A keying method's error as a refusal. */
export function keyingRefusal(error: KeyingError): { readonly ok: false; readonly refusal: Refusal } {
  const { sipStatus, code, text, user, attributes, body } = error;
  return { ok: false, refusal: { status: sipStatus, code, text, user, attributes, body, isAboutKeys: true } };
}

/** Text as a quoted-string of RFC 3261 section 25.1, without what could break out of it. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "'")}"`;
}

/**
 * Warning for a refused offer (RFC 3261 section 20.43). 304, 305 and 306 say media, format and attribute problems; 399 is for the rest.
 * @param agent our host, the warn-agent.
 */
export function warning(refusal: Refusal, agent: string): ExtraHeaders {
  const codes: Record<string, number> = { "no-common-codec": 305, "no-acceptable-media": 304, "missing-key-mgmt": 306 };
  return [["Warning", `${codes[refusal.code] ?? 399} ${agent} ${quoted(refusal.text)}`]];
}

/** {@link warning} of a refused change of a running call: of one about keys RFC 4567 section 4.1.2 wants "at least a 306" to be among them. */
export function changeWarning(refusal: Refusal, agent: string): ExtraHeaders {
  const said = warning(refusal, agent);
  return refusal.isAboutKeys ? [...said, ["Warning", `306 ${agent} "a=key-mgmt was not accepted"`]] : said;
}

/** Reason for a BYE or CANCEL (RFC 3326). */
export function reason(cause: number, text: string): ExtraHeaders {
  return [["Reason", `SIP;cause=${cause};text=${quoted(text)}`]];
}

const failures: Readonly<Record<number, readonly [code: string, user: string]>> = {
  400: ["bad-request", "The other side did not understand the call"],
  401: ["unauthorized", "The server asks for a password"],
  403: ["forbidden", "The server does not allow this call"],
  404: ["not-found", "There is nobody with that address"],
  405: ["not-allowed", "The other side takes no calls"],
  407: ["unauthorized", "The proxy asks for a password"],
  408: ["no-answer", "Nobody answered"],
  410: ["gone", "That address is no longer in use"],
  415: ["unsupported-media", "The other phone does not understand our offer"],
  416: ["bad-uri", "The other side cannot be called that way"],
  420: ["bad-extension", "The other phone lacks something this call needs"],
  480: ["unavailable", "The other side cannot be reached at the moment"],
  481: ["no-such-call", "The other side knows nothing of this call"],
  482: ["loop", "The call runs in circles"],
  483: ["too-many-hops", "The call passes through too many servers"],
  484: ["incomplete", "The address is incomplete"],
  486: ["busy", "Busy"],
  487: ["cancelled", "Call cancelled"],
  488: ["not-acceptable", "The other phone cannot take the call the way this one makes it"],
  500: ["server-error", "The other side has a fault"],
  503: ["unavailable", "The other side is overloaded or down"],
  600: ["busy", "Busy"],
  603: ["declined", "Declined"],
  604: ["not-found", "There is nobody with that address"],
  606: ["not-acceptable", "The other phone cannot take the call the way this one makes it"],
};

/** The text of a Warning the peer sent, for the person to read; shortened, printable. */
function warningText(failure: Failure): string {
  const warning = parseWarning(failure.response?.headers.get("Warning") ?? "");
  if (!warning.ok || warning.value.text === "") return "";
  return ` (${warning.value.text.replace(/[^\x20-\x7e]/g, "?").slice(0, 120)})`;
}

/** When to try again, where the other side says so (RFC 3261 section 20.33). */
function retryText(failure: Failure): string {
  const wanted = parseRetryAfter(failure.response?.headers.get("Retry-After") ?? "");
  const seconds = wanted.ok ? wanted.value.seconds : 0;
  // Who asks for more than a day asks for something else.
  if (seconds === 0 || seconds > 86_400) return "";
  return seconds < 120 ? ` (try again in ${seconds} s)` : ` (try again in ${Math.round(seconds / 60)} min)`;
}

/**
 * How a call of ours ended that the peer or the network refused.
 * @param why what the key agreement's own words in the response say.
 */
export function endOfFailure(failure: Failure, why?: Refusal): CallEnd {
  const text = `${failure.status} ${failure.reason}`;
  if (failure.cause === "transport")
    return {
      by: "error",
      status: failure.status,
      code: "unreachable",
      text,
      user: "The other side cannot be reached: the network refused",
    };
  if (failure.cause === "timeout")
    return {
      by: "error",
      status: failure.status,
      code: "no-answer",
      text,
      user: "The other side cannot be reached: no answer at all",
    };
  if (failure.authentication === "wrong-credentials")
    return {
      ...{ by: "error", status: failure.status, code: "wrong-credentials", text },
      user: "The server does not accept this phone's user name or password",
    };
  if (failure.authentication === "no-agreement" || failure.authentication === "agreement-changed")
    return {
      ...{ by: "error", status: failure.status, code: failure.authentication, text },
      user:
        failure.authentication === "no-agreement"
          ? "The server and this phone could not agree on a secure way to talk"
          : "What the server offers to secure the connection is changed on the way: somebody may be listening",
    };
  const [code, user] = failures[failure.status] ??
    failures[Math.floor(failure.status / 100) * 100] ?? ["failed", `The call failed (${text})`];
  const friendly = failure.status === 486 || failure.status === 600 || failure.status === 603 || failure.status === 487;
  return {
    by: friendly ? "peer" : "error",
    status: failure.status,
    code,
    text: why ? `${text}; ${why.text}` : text,
    user: why ? why.user : user + warningText(failure) + retryText(failure),
  };
}

/** How a call ended because we refused what the peer proposed. */
export function endOfRefusal(refusal: Refusal): CallEnd {
  return { by: "error", status: refusal.status, code: refusal.code, text: refusal.text, user: refusal.user };
}
