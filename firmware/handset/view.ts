// What every output of the phone should be doing, as a function of the calls: nothing is switched on or off anywhere else, so no exit
// path can leave the vibrator running.

import type { DisplayView, HeadsetCall, HeadsetCallState, IndicatorState } from "../../drivers/contract.js";
import type { CallSnapshot } from "../call/types.js";
import type { Proof } from "../keying/keying.js";
import type { Tone } from "../media/voice.js";

/** How the phone calls a person: with sound, by the vibrator alone, by light and screen alone. */
export type RingMode = "ring" | "vibrate" | "silent";

/** Desired state of all outputs. */
export interface HandsetView {
  readonly ringing: boolean;
  /** Whose own ring tone it is: the proved identity, or the address where nothing is proved. */
  readonly ringsFor?: string;
  readonly vibrating: boolean;
  readonly tone: Tone | undefined;
  readonly indicator: IndicatorState;
  readonly headset: {
    readonly state: HeadsetCallState;
    readonly from?: string;
    readonly calls: readonly HeadsetCall[];
  };
  readonly display: DisplayView;
}

/** What the view depends on besides calls. */
export interface HandsetSituation {
  readonly calls: readonly CallSnapshot[];
  /** The person pressed a volume key while it rang. */
  readonly silenced: boolean;
  readonly vibrate: boolean;
  /** Default `ring`. */
  readonly mode?: RingMode;
  /** Digits typed while idle, or the highlighted contact. */
  readonly entry: string;
  /** Last thing worth telling: how the last call ended, a device that is gone. Shown while idle. */
  readonly notice?: { readonly text: string; readonly error: boolean };
  /** Own address, shown while idle. */
  readonly account: string;
  /** A tone that outlives its call for a moment (busy, error). */
  readonly afterTone?: Tone;
}

/** The security of a call in words a person understands. */
export function securityLines(call: CallSnapshot): string[] {
  const security = call.security;
  if (security.state === "pending") return ["Agreeing on keys…"];
  if (security.state === "open") return ["NOT PRIVATE: anyone on the way can listen"];
  const proof = security.peer.proof;
  const by = proofWords(proof);
  const { rekeys, openBefore } = security;
  return [
    `Private: ${security.peer.method}, ${security.suite}`,
    `With ${security.peer.identity} (${by})`,
    ...(rekeys > 0 ? [`Keys changed ${rekeys === 1 ? "once" : `${rekeys} times`}`] : []),
    ...(openBefore ? ["It began in the open: what was said before was not private"] : []),
  ];
}

/** The other end in words: what it calls itself, and its address. */
export function peerName(call: CallSnapshot): string {
  return call.peer.displayName ? `${call.peer.displayName} <${call.peer.uri}>` : call.peer.uri;
}

/** The call the screen and the keys are about: one that rings first, then the running one, then a held one. */
export function foremost(calls: readonly CallSnapshot[]): CallSnapshot | undefined {
  const rank = (call: CallSnapshot): number => {
    if (call.state === "ended") return 9;
    if (call.state === "ringing" && call.direction === "incoming") return 0;
    return call.state === "held" ? 2 : 1;
  };
  return calls.filter((call) => rank(call) < 9).sort((a, b) => rank(a) - rank(b) || a.id - b.id)[0];
}

/** Computes the outputs. */
export function viewOf(situation: HandsetSituation): HandsetView {
  const calls = situation.calls.filter((call) => call.state !== "ended");
  const call = foremost(calls);
  const busyElsewhere = calls.some((other) => other !== call && other.state === "active");
  if (!call) return idle(situation);

  if (call.state === "ringing" && call.direction === "incoming") {
    const { mode = "ring" } = situation;
    const rings = !situation.silenced && !call.quiet && !busyElsewhere;
    return {
      ringing: rings && mode === "ring",
      ringsFor: provedCaller(call) ?? call.peer.uri,
      vibrating: rings && (mode === "vibrate" || (mode === "ring" && situation.vibrate)),
      tone: busyElsewhere ? "call-waiting" : undefined,
      indicator: "ringing",
      headset: { state: "incoming", from: call.peer.uri, calls: headsetCalls(calls) },
      display: {
        title: busyElsewhere ? "Second call" : "Incoming call",
        lines: [peerName(call), ...callerLines(call)],
        softKeys: { left: "Answer", right: "Decline" },
      },
    };
  }
  const titles = {
    dialling: "Calling",
    ringing: "Ringing there",
    answering: "Connecting",
    active: "In call",
    held: "On hold",
    ended: "",
  };
  const outgoing = call.state === "dialling" || call.state === "ringing";
  const lines = [peerName(call)];
  if (!outgoing) lines.push(...securityLines(call));
  if (call.heldByPeer) lines.push("The other end has put you on hold");
  if (call.muted) lines.push("Microphone off");
  return {
    ringing: false,
    vibrating: false,
    tone: call.state === "ringing" && !call.earlyMedia ? "ringback" : undefined,
    indicator: call.security.state === "secure" ? "secure" : call.security.state === "open" ? "open" : "ready",
    headset: {
      state: outgoing ? "outgoing" : call.state === "held" ? "held" : "active",
      from: call.peer.uri,
      calls: headsetCalls(calls),
    },
    display: {
      title: titles[call.state],
      lines,
      softKeys: { left: call.state === "held" ? "Resume" : undefined, right: outgoing ? "Cancel" : "Hang up" },
    },
  };
}

/** The calls in a headset's words. */
function headsetCalls(calls: readonly CallSnapshot[]): HeadsetCall[] {
  return calls.map(({ id, direction, state, peer }) => ({
    id,
    direction,
    state:
      state === "held"
        ? "held"
        : state === "dialling"
          ? "dialling"
          : state === "ringing"
            ? direction === "incoming"
              ? "incoming"
              : "alerting"
            : "active",
    from: peer.uri,
  }));
}

function provedCaller({ security }: CallSnapshot): string | undefined {
  if (security.state === "secure") return security.peer.identity;
  return security.state === "pending" ? security.caller?.identity : undefined;
}

/** What is known of a caller before pick-up. */
function callerLines(call: CallSnapshot): string[] {
  const network = call.asserted ? [`The network says: ${call.asserted.uri} (not proved)`] : [];
  if (call.security.state === "open") return ["NOT PRIVATE, and the caller is not verified", ...network];
  const caller = call.security.state === "secure" ? call.security.peer : call.security.caller;
  return caller ? [`Verified: ${caller.identity}`, ...network] : ["Caller not verified", ...network];
}

function idle(situation: HandsetSituation): HandsetView {
  const lines = situation.entry ? [situation.entry] : [situation.account];
  if (situation.notice) lines.push(situation.notice.text);
  return {
    ringing: false,
    vibrating: false,
    tone: situation.afterTone,
    indicator: situation.notice?.error ? "error" : "ready",
    headset: { state: "idle", calls: [] },
    display: {
      title: situation.entry ? "Call?" : "Ready",
      lines,
      softKeys: situation.entry ? { left: "Call", right: "Clear" } : {},
    },
  };
}

/** By what somebody proved to be who they are. */
export function proofWords(proof: Proof): string {
  switch (proof.kind) {
    case "certificate":
      return `certificate issued by ${proof.ca}`;
    case "shared-key":
      return `shared key "${proof.keyName}"`;
    case "domain-key":
      return `key published at ${proof.record}${proof.isAuthenticated ? "" : " (not protected)"}`;
    case "carrier":
      return "nothing but the signalling";
  }
}
