// The phone's calls in the Hands-Free Profile's words: indicators, CLCC lines, what CHLD asks for.

import type { HeadsetCall, HeadsetCallState, HeadsetEvent } from "../contract.js";

/** Indicators of AT+CIND in our order, with their ranges. */
export const indicators = [
  ["service", "(0,1)"],
  ["call", "(0,1)"],
  ["callsetup", "(0-3)"],
  ["callheld", "(0-2)"],
  ["signal", "(0-5)"],
  ["roam", "(0,1)"],
  ["battchg", "(0-5)"],
] as const;
export type IndicatorName = (typeof indicators)[number][0];
export type Indicators = Record<IndicatorName, number>;

/** Those that a headset cannot switch off (HFP: indicators activation). */
export const mandatory: readonly IndicatorName[] = ["call", "callsetup", "callheld"];

/** A call list where only a state was told. */
export function callsOf(state: HeadsetCallState, from = "", calls?: readonly HeadsetCall[]): readonly HeadsetCall[] {
  if (calls) return calls;
  if (state === "idle") return [];
  const direction = state === "incoming" ? "incoming" : "outgoing";
  return [{ id: 1, state: state === "outgoing" ? "dialling" : state, direction, from }];
}

const is = (state: HeadsetCall["state"]) => (call: HeadsetCall) => call.state === state;

/** The call indicators. */
export function callIndicators(calls: readonly HeadsetCall[]): Pick<Indicators, "call" | "callsetup" | "callheld"> {
  const active = calls.some(is("active"));
  const held = calls.some(is("held"));
  return {
    call: active || held ? 1 : 0,
    callsetup: calls.some(is("incoming")) ? 1 : calls.some(is("alerting")) ? 3 : calls.some(is("dialling")) ? 2 : 0,
    callheld: held ? (active ? 1 : 2) : 0,
  };
}

/** An incoming call that comes while another is up is waiting: it does not ring, it knocks. */
export function isWaiting(call: HeadsetCall, calls: readonly HeadsetCall[]): boolean {
  return call.state === "incoming" && calls.some((other) => other.state === "active" || other.state === "held");
}

/** Number and type octet as +CLIP and +CLCC have them (3GPP TS 24.008 section 10.5.4.7): 145 international, 129 otherwise, 128 none at all. */
export function dialString(from: string): { readonly number: string; readonly type: number } {
  const user = from.replace(/^(?:sips?|tel):/i, "").replace(/[@;?].*$/, "");
  let number: string;
  try {
    number = decodeURIComponent(user);
  } catch {
    number = user;
  }
  number = number.replace(/[^\x20-\x7e]|["\\,]/g, "").slice(0, 32);
  return { number, type: number.startsWith("+") ? 145 : number === "" ? 128 : 129 };
}

const status: Readonly<Record<HeadsetCall["state"], number>> = {
  active: 0,
  held: 1,
  dialling: 2,
  alerting: 3,
  incoming: 4,
};

/** One line of AT+CLCC: `1,1,4,0,0,"number",129`. */
export function callLine(index: number, call: HeadsetCall, calls: readonly HeadsetCall[]): string {
  const { number, type } = dialString(call.from);
  const stat = isWaiting(call, calls) ? 5 : status[call.state];
  return `+CLCC: ${index},${call.direction === "incoming" ? 1 : 0},${stat},0,0,"${number}",${type}`;
}

/**
 * What AT+CHLD asks of the calls (3GPP TS 22.030 section 6.5.5).
 * @param index gives a call's number in CLCC.
 * @returns what is to be done, in order; undefined: nothing to do it with, which is an error.
 */
export function holdActions(
  text: string,
  calls: readonly HeadsetCall[],
  index: (call: HeadsetCall) => number,
): HeadsetEvent[] | undefined {
  const match = /^([012])([1-9])?$/.exec(text);
  if (!match) return undefined;
  const waiting = calls.find((call) => isWaiting(call, calls));
  const active = calls.filter(is("active"));
  const held = calls.filter(is("held"));
  const each = (type: "hangup" | "hold" | "resume", list: readonly HeadsetCall[]): HeadsetEvent[] =>
    list.map(({ id }) => ({ type, call: id }));
  const takeOther = (): HeadsetEvent[] =>
    waiting ? [{ type: "answer", call: waiting.id }] : each("resume", held.slice(0, 1));
  const one = match[2] === undefined ? undefined : calls.find((call) => index(call) === Number(match[2]));
  if (match[2] !== undefined && !one) return undefined;
  let actions: HeadsetEvent[];
  switch (match[1]) {
    case "0":
      if (one) return undefined;
      actions = each("hangup", waiting ? [waiting] : held);
      break;
    case "1":
      actions = one ? each("hangup", [one]) : active.length > 0 ? [...each("hangup", active), ...takeOther()] : [];
      break;
    default:
      if (one) {
        const rest = each(
          "hold",
          active.filter((call) => call !== one),
        );
        actions =
          one.state === "held"
            ? [...rest, { type: "resume", call: one.id }]
            : one.state === "incoming"
              ? [...rest, { type: "answer", call: one.id }]
              : rest;
        if (one.state === "active") return actions;
      } else if (waiting) {
        // Answering a second call puts the first on hold: the phone has one voice.
        actions = takeOther();
      } else actions = [...each("hold", active), ...takeOther()];
  }
  return actions.length > 0 ? actions : undefined;
}
