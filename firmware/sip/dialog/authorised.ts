// A request other than INVITE with all its tries: a 401 or 407 is answered with credentials, as often as another server asks.

import type { Result } from "../../runtime/result.js";
import type { ExtraHeaders, Failure, SipAddress } from "../contract.js";
import type { Attempt, Verdict } from "../digest/index.js";
import { Headers, type SipRequest, type SipResponse } from "../grammar/index.js";
import { type DialogHost, notSent, refusedBy, timedOut } from "./host.js";

/** How it went. */
export type SendOutcome =
  /** `way`: who answered, over which connection, with where else it could have gone as alternatives. */
  { readonly ok: SipResponse; readonly atMs: number; readonly way?: SipAddress } | { readonly failed: Failure };

/** The request with more header fields. */
export function withFields(request: SipRequest, fields: ExtraHeaders): SipRequest {
  if (fields.length === 0) return request;
  return { ...request, headers: new Headers([...request.headers.entries(), ...fields]) };
}

/** The request with the credentials of this try, which goes to `to`. */
export function withCredentials(request: SipRequest, attempt: Attempt | undefined, to: SipAddress): SipRequest {
  return attempt ? withFields(request, attempt.headers(request, to)) : request;
}

/** Credentials a request was sent with: the ACK of its 2xx repeats them (RFC 3261 section 13.2.2.4). */
export function credentialsOf(request: SipRequest): ExtraHeaders {
  return request.headers.entries().filter(([name]) => /^(?:proxy-)?authorization$/i.test(name));
}

/** What a final response means for authentication: retry, or give up with the word for {@link Failure}. */
export function judge(host: DialogHost, attempt: Attempt | undefined, response: SipResponse): Verdict | undefined {
  const agrees = (response.status === 421 || response.status === 494) && response.headers.has("Security-Server");
  const asks = response.status === 401 || response.status === 407 || (agrees && attempt !== undefined);
  if (!attempt) return asks ? { retry: false, why: "no-credentials" } : undefined;
  if (!asks) {
    if (!attempt.accepted(response)) {
      host.counters.add("server-proof-wrong");
      host.log.warn("server-proof-wrong", { status: response.status });
    }
    if (!attempt.unagreed || response.status >= 300) return undefined;
    host.log.warn("no-security-agreement", { status: response.status });
    return { retry: false, why: "no-agreement" };
  }
  host.counters.add("challenges");
  const verdict = attempt.challenged(response);
  if (verdict.retry && verdict.changed) host.log.warn("security-list-changed", { status: response.status });
  if (!verdict.retry) host.log.warn("not-authenticated", { status: response.status, why: verdict.why });
  return verdict;
}

/**
 * Sends, and sends again when asked for credentials. `done` is called once.
 * @param make composes one try, each with a CSeq number and a branch of its own.
 * @param elsewhere finds the address again where it was agreed to go over TLS; absent: it cannot be left.
 */
export function sendAuthorised(
  host: DialogHost,
  attempt: Attempt | undefined,
  make: () => { readonly request: SipRequest; readonly branch: string },
  to: SipAddress,
  done: (outcome: SendOutcome) => void,
  elsewhere?: (found: (result: Result<SipAddress>) => void) => void,
): void {
  const send = (to: SipAddress): void => {
    const { request, branch } = make();
    const started = host.transactions.startRequest(withCredentials(request, attempt, to), branch, to, {
      final: (response, atMs, way) => {
        const verdict = judge(host, attempt, response);
        if (verdict?.retry && verdict.elsewhere && elsewhere)
          elsewhere((found) => {
            if (found.ok) send(found.value);
            else done({ failed: notSent(found.error.text) });
          });
        else if (verdict?.retry && !verdict.elsewhere) send(to);
        else if (response.status < 300 && !verdict) done({ ok: response, atMs, ...(way ? { way } : {}) });
        else done({ failed: refusedBy(response, verdict && !verdict.retry ? verdict.why : undefined) });
      },
      timeout: () => done({ failed: timedOut }),
      transportError: (error) => done({ failed: notSent(error.message) }),
    });
    if (!started) done({ failed: notSent("too many transactions") });
  };
  send(to);
}
