// Session timers: who keeps a session alive, how often, and when it is given up (RFC 4028). Negotiation is pure; the clock is the owner's.

import { remembering } from "../../runtime/remembering.js";
import type { Timer, Timers } from "../../runtime/timers.js";
import type { ExtraHeaders } from "../contract.js";
import { getParam, parseNumber, type SipHeaders, type SipMessage, type SipResponse } from "../grammar/index.js";

/** The smallest interval anybody may ask for, seconds (RFC 4028 section 4). */
export const MIN_SE_FLOOR = 90;

/** What we ask for and allow. */
export interface SessionTimerPolicy {
  /** Session-Expires of our INVITEs, seconds; 0: we ask for none (a peer's is still honoured). */
  readonly expiresS: number;
  /** Shortest interval we take from a peer, seconds, at least {@link MIN_SE_FLOOR}. */
  readonly minS: number;
}

/** An agreed interval. */
export interface SessionTerms {
  readonly intervalS: number;
  readonly weRefresh: boolean;
}

/** A Session-Expires value. */
export interface SessionExpires {
  readonly intervalS: number;
  readonly refresher?: "uac" | "uas";
}

/** Reads Session-Expires; undefined when it is absent or no number. */
export function readSessionExpires(headers: SipHeaders): SessionExpires | undefined {
  const value = headers.get("Session-Expires");
  return value === undefined ? undefined : parseSessionExpires(value);
}

/** Phones that call each other ask for the same each time. */
const parseSessionExpires = remembering((value): SessionExpires | undefined => {
  const [number, ...rest] = value.split(";");
  const intervalS = parseNumber(number);
  if (intervalS === undefined) return undefined;
  const params = rest.map((part) => {
    const [name, text] = part.split("=");
    return { name: name.trim(), value: text?.trim() };
  });
  const refresher = getParam(params, "refresher")?.toLowerCase();
  return refresher === "uac" || refresher === "uas" ? { intervalS, refresher } : { intervalS };
});

/** Reads Min-SE, at least the floor. */
export function readMinSe(headers: SipHeaders): number {
  return Math.max(MIN_SE_FLOOR, parseNumber(headers.get("Min-SE")?.split(";")[0]) ?? 0);
}

export function supportsTimer(message: SipMessage): boolean {
  return message.headers.all("Supported").some((tag) => tag.toLowerCase() === "timer");
}

/**
 * Fields for a request of ours that begins or refreshes a session (section 7.1, 7.4).
 * @param refresher who refreshes, seen from the sender; undefined leaves it to the peer.
 */
export function timerFields(intervalS: number, minS: number, refresher?: "uac" | "uas"): ExtraHeaders {
  if (intervalS === 0) return [];
  const value = `${intervalS}${refresher ? `;refresher=${refresher}` : ""}`;
  return [["Session-Expires", value], ...(minS > MIN_SE_FLOOR ? ([["Min-SE", String(minS)]] as const) : [])];
}

/** What a 2xx to our request agreed on; undefined: no timer (section 7.2). */
export function termsOfResponse(response: SipResponse): SessionTerms | undefined {
  const said = readSessionExpires(response.headers);
  if (!said || said.intervalS === 0) return undefined;
  return { intervalS: Math.max(MIN_SE_FLOOR, said.intervalS), weRefresh: said.refresher !== "uas" };
}

/** How a request of the peer is answered (section 9). */
export type TimerAnswer =
  /** 422 with this Min-SE. */
  | { readonly tooShort: number }
  /** Fields for the 2xx, and what is agreed. */
  | { readonly terms: SessionTerms | undefined; readonly fields: ExtraHeaders };

const REQUIRE_TIMER = ["Require", "timer"] as const;

/** Answers the session timer part of an INVITE or UPDATE of the peer. */
export function answerTimer(request: SipMessage, policy: SessionTimerPolicy): TimerAnswer {
  const asked = readSessionExpires(request.headers);
  const knows = supportsTimer(request);
  if (asked && knows && asked.intervalS < policy.minS) return { tooShort: policy.minS };
  const wanted = asked ? Math.max(asked.intervalS, policy.minS) : policy.expiresS;
  if (wanted === 0 || (!asked && !knows)) return { terms: undefined, fields: [] };
  const intervalS = Math.max(wanted, readMinSe(request.headers));
  const refresher = knows ? (asked?.refresher ?? "uac") : "uas";
  const agreed = ["Session-Expires", `${intervalS};refresher=${refresher}`] as const;
  const fields = refresher === "uac" ? [agreed, REQUIRE_TIMER] : [agreed];
  return { terms: { intervalS, weRefresh: refresher === "uas" }, fields };
}

/** The running timer of one dialog (section 10): refresh at half the interval, end a little before it is over. */
export class SessionTimer {
  private current: SessionTerms | undefined;
  private refresh: Timer | undefined;
  private end: Timer | undefined;

  constructor(
    private readonly timers: Timers,
    private readonly onRefresh: () => void,
    private readonly onExpired: () => void,
  ) {}

  get terms(): SessionTerms | undefined {
    return this.current;
  }

  /** A request of either side went through: counts anew. Undefined stops it. */
  set(terms: SessionTerms | undefined): void {
    this.stop();
    this.current = terms;
    if (!terms) return;
    const ms = terms.intervalS * 1000;
    if (terms.weRefresh) this.refresh = this.timers.after(ms / 2, () => this.onRefresh());
    this.end = this.timers.after(ms - Math.min(32_000, ms / 3), () => this.onExpired());
  }

  stop(): void {
    this.refresh?.cancel();
    this.end?.cancel();
  }
}
