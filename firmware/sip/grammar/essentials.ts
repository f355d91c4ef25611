// The header fields every message needs to be processed at all, read once and typed (RFC 3261 section 8.1.1).

import { fail, ok, type Result } from "../../runtime/result.js";
import { type NameAddr, parseNameAddr, tagOf } from "./address.js";
import { type CSeq, parseCSeq, parseVia, type Via } from "./fields.js";
import { countFields } from "./headers.js";
import type { SipMessage } from "./message.js";

/** What transaction and dialog matching look at. */
export interface Essentials {
  /** The topmost Via. */
  readonly via: Via;
  readonly cseq: CSeq;
  readonly callId: string;
  readonly from: NameAddr;
  readonly to: NameAddr;
  /** Undefined for clients older than RFC 3261. */
  readonly fromTag: string | undefined;
  readonly toTag: string | undefined;
}

const single = ["From", "To", "Call-ID", "CSeq", "Max-Forwards"] as const;

/**
 * Reads them. The error's text is a sentence a peer may see as the reason of a 400: what is missing, repeated or bad. Every Via value is
 * checked, the topmost is returned.
 */
export function readEssentials(message: SipMessage): Result<Essentials> {
  const headers = message.headers;
  for (const name of single) {
    const count = countFields(headers, name);
    if (count === 0 && name !== "Max-Forwards") return fail("missing-header", `Missing ${name}`);
    if (count > 1) return fail("repeated-header", `More than one ${name}`);
  }
  const vias = headers.all("Via");
  if (vias.length === 0) return fail("missing-header", "Missing Via");
  const via = parseVia(vias[0]);
  if (!via.ok) return fail("bad-via", "Bad Via");
  for (let i = 1; i < vias.length; i++) if (!parseVia(vias[i]).ok) return fail("bad-via", "Bad Via");
  const cseq = parseCSeq(headers.get("CSeq")!);
  if (!cseq.ok) return fail("bad-cseq", "Bad CSeq");
  if (message.kind === "request" && cseq.value.method !== message.method)
    return fail("bad-cseq", "CSeq method differs from the request's");
  const callId = headers.get("Call-ID")!;
  if (callId === "" || /[\s,;]/.test(callId)) return fail("bad-call-id", "Bad Call-ID");
  const from = parseNameAddr(headers.get("From")!);
  if (!from.ok) return fail("bad-from", "Bad From");
  const to = parseNameAddr(headers.get("To")!);
  if (!to.ok) return fail("bad-to", "Bad To");
  return ok({
    via: via.value,
    cseq: cseq.value,
    callId,
    from: from.value,
    to: to.value,
    fromTag: tagOf(from.value),
    toTag: tagOf(to.value),
  });
}
