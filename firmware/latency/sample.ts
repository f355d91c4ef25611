// What one call tells about its delays, taken from its trace points.

import * as v from "valibot";
import { between, type TraceEntry } from "../runtime/trace.js";

/** Delays of a call, in ms; each is there only where the call got that far and this end of it can see it. */
export interface CallDelays {
  /** Caller: `dialled` to `ringing-received`; the seeds' calling delay (WiOpt'04 figure 1). */
  readonly calling?: number;
  /** Caller: `invite-sent` to `ringing-received`; Session Request Delay of RFC 6076 section 4.3.1, our own work on the offer left out. */
  readonly srd?: number;
  /** Callee: `picked-up` to the later of `ack-received` and `keys-ready`; the seeds' answering delay. */
  readonly answering?: number;
  /** Caller: `ok-received` to `keys-ready`: from here on it can hear and be heard. */
  readonly confirming?: number;
  /** From being connected (callee: `picked-up`, caller: `ok-received`) to the first voice packet of the other end. */
  readonly firstVoice?: number;
  /** From the other end's mouth to our ear while the call went on, as far as this end can tell; see `StreamStatistics.mouthToEarMs`. */
  readonly mouthToEar?: number;
  /** Whoever hung up: BYE sent to its 200; Session Disconnect Delay of RFC 6076 section 4.4. There when the 200 came before our voice had closed. */
  readonly sdd?: number;
}

/** Names of {@link CallDelays}, in the order of a call. */
export const delayNames = ["calling", "srd", "answering", "confirming", "firstVoice", "mouthToEar", "sdd"] as const;
export type DelayName = (typeof delayNames)[number];

/** A call's delays and what they may depend on. */
export interface LatencySample extends CallDelays {
  /** End of the call, wall-clock ms since 1970. */
  readonly atMs: number;
  readonly direction: "outgoing" | "incoming";
  /** Key agreement in words, e.g. `MIKEY signed Diffie-Hellman (OAKLEY 5)`; `open` without one. */
  readonly method: string;
  /** What the INVITE went over; absent in what older versions kept. */
  readonly transport?: "udp" | "tcp" | "tls";
  /** The first call since the phone was started is `cold`: its code has not run before. */
  readonly warmth: "cold" | "warm";
}

/** The delays of one call's trace points. @param mouthToEar what the voice path measured, ms. */
export function delaysOf(entries: readonly TraceEntry[], mouthToEar?: number): CallDelays {
  const from = (start: Parameters<typeof between>[1], end: Parameters<typeof between>[2]) =>
    between(entries, start, end);
  const isCallee = entries.some((entry) => entry.point === "picked-up");
  const answered = from("picked-up", "ack-received");
  // An open call has no keys to wait for.
  const keyed = from("picked-up", "keys-ready") ?? 0;
  return definedOnly({
    calling: from("dialled", "ringing-received"),
    srd: from("invite-sent", "ringing-received"),
    answering: answered === undefined ? undefined : Math.max(answered, keyed),
    confirming: isCallee ? undefined : from("ok-received", "keys-ready"),
    firstVoice: from(isCallee ? "picked-up" : "ok-received", "media-first-received"),
    mouthToEar,
    sdd: from("bye-sent", "bye-answered"),
  });
}

/** Without the fields that are undefined, or below zero: early media can come before the call is connected. */
function definedOnly(delays: Readonly<Record<DelayName, number | undefined>>): CallDelays {
  return Object.fromEntries(Object.entries(delays).filter(([, value]) => value !== undefined && value >= 0));
}

const ms = v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)));
const schema = v.object({
  atMs: v.pipe(v.number(), v.finite()),
  direction: v.picklist(["outgoing", "incoming"]),
  method: v.pipe(v.string(), v.maxLength(200)),
  warmth: v.picklist(["cold", "warm"]),
  transport: v.optional(v.picklist(["udp", "tcp", "tls"])),
  ...{ calling: ms, srd: ms, answering: ms, confirming: ms, firstVoice: ms, mouthToEar: ms, sdd: ms },
});

/** Reads a sample from a line of a file; undefined when it is none, e.g. cut off by a power failure. */
export function parseSample(line: string): LatencySample | undefined {
  try {
    const read = v.safeParse(schema, JSON.parse(line));
    return read.success ? (read.output as LatencySample) : undefined;
  } catch {
    return undefined;
  }
}
