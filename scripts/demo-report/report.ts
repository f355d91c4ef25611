// The demo's two reports: report.json for machines and report.html for a person, from one record.

import { join } from "node:path";
import type { Proof, VerifiedPeer } from "../../firmware/keying/keying.js";
import type { StreamStatistics } from "../../firmware/media/voice.js";
import { writeFileAtomic } from "../../firmware/runtime/atomic-file.js";
import type { Analysis } from "./analyse.js";
import { type Step, serverSteps } from "./delays.js";
import type { LadderEntry, Side } from "./ladder.js";
import { spanOf } from "./page/overview.js";
import { reportPage } from "./page/page.js";
import type { DemoRecord } from "./record.js";
import { type Verdict, verdictOf } from "./verdict.js";

/** report.json. Every moment is in ms since {@link originMs}; every `…Ms` without "at", "from" or "to" is a duration. */
export interface DemoReport {
  /** Grows when the shape changes. */
  readonly version: 1;
  readonly generatedAt: string;
  readonly passed: boolean;
  readonly secured: boolean;
  readonly headline: string;
  readonly problems: readonly string[];
  readonly machine: DemoRecord["machine"];
  readonly options: DemoRecord["options"];
  /** Monotonic ms of the moment Alice dialled. */
  readonly originMs: number;
  /** `peerIdentity.alice` is whom Alice found at her other end. */
  readonly call: Omit<DemoRecord["call"], "peerIdentity"> & {
    readonly peerIdentity: Readonly<Record<Side, VerifiedPeer | null>>;
  };
  readonly delays: {
    readonly callingMs: number | null;
    readonly answeringMs: number | null;
    readonly steps: readonly (Omit<Step, "fromMs" | "toMs"> & { readonly fromMs: number; readonly ms: number })[];
    /** Steps of the paper's figure for which there is no server in this call. */
    readonly absent: readonly string[];
  };
  /** By the side that listened. */
  readonly heard: Readonly<
    Record<
      Side,
      (Analysis & { readonly saidFile: string; readonly heardFile: string; readonly jitterMs: number | null }) | null
    >
  >;
  readonly rings: readonly {
    readonly side: Side;
    readonly device: string;
    readonly onMs: number;
    readonly offMs: number | null;
  }[];
  readonly streams: Readonly<Record<Side, StreamStatistics | null>>;
  readonly ladder: readonly Omit<LadderEntry, "lines">[];
  readonly trace: Readonly<Record<Side, readonly { readonly point: string; readonly atMs: number }[]>>;
}

const micro = (value: number) => Math.round(value * 1000) / 1000;
const bySide = <T>(make: (side: Side) => T): Readonly<Record<Side, T>> => ({ alice: make("alice"), bob: make("bob") });

/** Copies what may be told of a peer, and nothing an object might carry besides. */
function peerOf(peer: VerifiedPeer | null): VerifiedPeer | null {
  if (!peer) return null;
  const { identity, method, sinceMs } = peer;
  return { identity, method, sinceMs, proof: proofOf(peer.proof) };
}

function proofOf(proof: Proof): Proof {
  switch (proof.kind) {
    case "certificate": {
      const { kind, subject, ca, fingerprint, notAfter } = proof;
      return { kind, subject, ca, fingerprint, notAfter };
    }
    case "domain-key": {
      const { kind, record, isAuthenticated, fingerprint } = proof;
      return { kind, record, isAuthenticated, fingerprint };
    }
    case "shared-key":
      return { kind: proof.kind, keyName: proof.keyName };
    case "carrier":
      return { kind: proof.kind };
  }
}

/** What report.json holds. */
export function reportData(record: DemoRecord): DemoReport {
  const verdict = verdictOf(record);
  const originMs = spanOf(record).fromMs;
  const since = (value: number) => micro(value - originMs);
  const sinceOrNull = (value: number | null) => (value === null ? null : since(value));
  const { call, delays } = record;
  return {
    version: 1,
    generatedAt: record.generatedAt,
    passed: verdict.passed,
    secured: verdict.secured,
    headline: verdict.headline,
    problems: verdict.problems,
    machine: record.machine,
    options: record.options,
    originMs,
    call: {
      keying: call.keying,
      suite: call.suite,
      codec: call.codec,
      policy: call.policy,
      peerIdentity: bySide((side) => peerOf(call.peerIdentity[side])),
      ...(call.error ? { error: call.error } : {}),
    },
    delays: {
      callingMs: delays.callingMs === null ? null : micro(delays.callingMs),
      answeringMs: delays.answeringMs === null ? null : micro(delays.answeringMs),
      steps: delays.steps.map(({ fromMs, toMs, ...step }) => ({
        ...step,
        fromMs: since(fromMs),
        ms: micro(toMs - fromMs),
      })),
      absent: serverSteps,
    },
    heard: bySide((side) => {
      const audio = record.audio[side];
      if (!audio) return null;
      return {
        ...audio.analysis,
        jitterMs: record.streams[side]?.jitterMs ?? null,
        saidFile: audio.said.file,
        heardFile: audio.heard.file,
      };
    }),
    rings: record.rings.map((ring) => ({
      side: ring.side,
      device: ring.device,
      onMs: since(ring.onMs),
      offMs: sinceOrNull(ring.offMs),
    })),
    streams: record.streams,
    ladder: record.ladder.map(({ lines: _, ...entry }) => ({
      ...entry,
      sentMs: sinceOrNull(entry.sentMs),
      receivedMs: sinceOrNull(entry.receivedMs),
      atMs: since(entry.atMs),
    })),
    trace: bySide((side) => record.trace[side].map(({ point, atMs }) => ({ point, atMs: since(atMs) }))),
  };
}

/**
 * Writes `report.json` and `report.html` into `folder`, which is made when it is missing.
 * @returns the verdict: the demo's exit code is 0 only when it `passed`.
 */
export async function writeReport(record: DemoRecord, folder: string): Promise<Verdict> {
  const mode = 0o644;
  await writeFileAtomic(join(folder, "report.json"), `${JSON.stringify(reportData(record), null, 2)}\n`, { mode });
  await writeFileAtomic(join(folder, "report.html"), reportPage(record), { mode });
  return verdictOf(record);
}
