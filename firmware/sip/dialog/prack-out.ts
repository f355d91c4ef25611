// The caller's side of reliable provisional responses: order, copies, and their PRACKs (RFC 3262 section 4).

import { parseNumber, type SipResponse } from "../grammar/index.js";
import { sendAuthorised } from "./authorised.js";
import type { DialogHost } from "./host.js";
import { resolveHop } from "./next-hop.js";
import type { DialogState } from "./state.js";

/** Whether a provisional response asks for a PRACK. */
export function isReliable(response: SipResponse): boolean {
  return (
    response.status > 100 &&
    response.status < 200 &&
    response.headers.all("Require").some((tag) => tag.toLowerCase() === "100rel") &&
    rseqOf(response) !== undefined
  );
}

function rseqOf(response: SipResponse): number | undefined {
  const rseq = parseNumber(response.headers.get("RSeq"));
  return rseq === undefined || rseq === 0 ? undefined : rseq;
}

/** One early dialog's reliable responses. */
export class PrackOut {
  private last: number | undefined;

  constructor(
    private readonly host: DialogHost,
    private readonly state: DialogState,
  ) {}

  /**
   * Takes a reliable response to the INVITE with that CSeq number; its PRACK is sent.
   * False: it came before (its PRACK is on its way) or comes too early, and must not be processed.
   */
  take(response: SipResponse, inviteSeq: number): boolean {
    const rseq = rseqOf(response)!;
    if (this.last !== undefined && rseq !== this.last + 1) return false;
    this.last = rseq;
    const { host, state } = this;
    const attempt = host.auth(state.account)?.begin(state.callId);
    const hop = state.nextHop();
    if (!hop) return true;
    resolveHop(host, state, hop, (found) => {
      if (!found.ok) return host.log.warn("prack-not-sent", { why: found.error.text });
      const make = () => {
        const branch = host.ids.branch();
        const headers = [["RAck", `${rseq} ${inviteSeq} INVITE`] as const, ...host.fields.userAgent];
        return { branch, request: state.compose("PRACK", { via: host.transport.newVia(branch), headers }) };
      };
      sendAuthorised(host, attempt, make, found.value, (outcome) => {
        // The callee ends the INVITE when it never got one; here the call goes on waiting for its final response.
        if ("failed" in outcome) host.log.warn("prack-failed", { status: outcome.failed.status });
      });
    });
    return true;
  }
}
