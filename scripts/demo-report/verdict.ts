// The demo's outcome in one sentence, and what spoils it.

import type { Side } from "./ladder.js";
import type { DemoRecord } from "./record.js";

/** How the demo went. */
export interface Verdict {
  /** Each side heard what the other said, the call was as secure as it was asked to be, and what rang stopped. */
  readonly passed: boolean;
  /** True when SRTP protected the call and each side verified the other. */
  readonly secured: boolean;
  /** One sentence. */
  readonly headline: string;
  /** What is wrong, one sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/** First letter upper case: the name a side is called in words. */
export function sideName(side: Side): string {
  return side === "alice" ? "Alice" : "Bob";
}

/** A device that still runs this long after the answer was forgotten, ms. */
const STOP_WITHIN_MS = 250;

/** Judges a demo. */
export function verdictOf(record: DemoRecord): Verdict {
  const problems: string[] = [];
  const { call } = record;
  if (call.error) problems.push(`The call failed: ${call.error}`);
  const understood = (["alice", "bob"] as const).filter((side) => {
    const audio = record.audio[side];
    const other = sideName(side === "alice" ? "bob" : "alice");
    if (audio?.analysis.understood) return true;
    problems.push(
      `${sideName(side)} did not understand ${other}: ${audio ? audio.analysis.reasons.join("; ") : "nothing was recorded"}.`,
    );
    return false;
  });
  const wanted = call.keying !== "none";
  const secured = call.suite !== null && call.peerIdentity.alice !== null && call.peerIdentity.bob !== null;
  if (wanted && !secured)
    problems.push(
      call.suite === null
        ? "The call was to be private, and was not."
        : "The call was encrypted, but it is not known with whom.",
    );
  const spoken = understood.length === 2;
  const words = call.error
    ? "The call failed"
    : spoken
      ? "Alice and Bob understood each other"
      : understood.length === 1
        ? `${sideName(understood[0])} heard the other side, but was not heard`
        : "Alice and Bob did not understand each other";
  const picked = record.trace.bob.find((entry) => entry.point === "picked-up")?.atMs;
  for (const ring of record.rings) {
    if (ring.offMs === null) problems.push(`${sideName(ring.side)}'s ${ring.device} was never stopped.`);
    else if (picked !== undefined && ring.onMs < picked && ring.offMs > picked + STOP_WITHIN_MS)
      problems.push(
        `${sideName(ring.side)}'s ${ring.device} ran on for ${Math.round(ring.offMs - picked)} ms after the answer.`,
      );
  }
  const privacy = call.error ? "" : secured ? "; the call was private" : "; the call was open to listeners";
  return { passed: problems.length === 0, secured, headline: `${words}${privacy}.`, problems };
}
