// Runs of the laboratory made up for tests: no call is placed.

import { describeMachine } from "../../../scripts/benches/machine.js";
import { caseName, type LabCase, type Method } from "../../../scripts/latency-lab/cases.js";
import { CaseRecorder, type CaseResult, type LabResult } from "../../../scripts/latency-lab/result.js";
import type { Delays, StepTime } from "../../../scripts/latency-lab/sample.js";

export const plain: LabCase = {
  method: "none",
  transport: "udp",
  path: "direct",
  warmth: "warm",
  precomputation: "on",
  processor: "native",
  network: "loopback",
};

/** Steps of a call: 1a and 4a of the calling phase, 8a and the ACK of the answering phase. */
export function steps(calling: number, answering: number): StepTime[] {
  const step = (id: string, phase: StepTime["phase"], side: StepTime["side"], from: number, to: number): StepTime => ({
    ...{ id, phase, side, from, to },
    ...{ kind: "work" as const, label: `does ${id}`, parallel: false },
  });
  return [
    step("1a", "calling", "alice", 0, calling / 2),
    step("4a", "calling", "bob", calling / 2, calling),
    step("8a", "answering", "bob", 0, answering),
  ];
}

/** A case whose calls had these calling delays; answering took half as long. */
export function caseOf(more: Partial<LabCase>, calling: readonly number[]): CaseResult {
  const one = { ...plain, ...more };
  const recorder = new CaseRecorder(caseName(one), one);
  for (const ms of calling) {
    const delays: Delays = { calling: ms, answering: ms / 2, srd: ms / 2, confirming: 1, voiceAtCaller: 20 };
    recorder.add({ delays, steps: steps(ms, ms / 2) });
  }
  return recorder.result();
}

/** `count` calls around a delay. */
export function around(ms: number, count = 50): number[] {
  return Array.from({ length: count }, (_, i) => ms * (1 + ((i % 5) - 2) / 100));
}

/** Open and dh calls everywhere a target looks, dh `factor` times as slow. */
export function centralCases(factor: number): CaseResult[] {
  const cases: CaseResult[] = [];
  for (const more of [{}, { path: "proxies" }, { processor: "armv7" }, { precomputation: "off" }] as const)
    for (const method of ["none", "dh"] as const satisfies readonly Method[])
      cases.push(caseOf({ ...more, method }, around(method === "dh" ? 4 * factor : 4)));
  for (const method of ["none", "dh"] as const)
    cases.push(caseOf({ method, warmth: "cold" }, around(method === "dh" ? 5 * factor : 5)));
  return cases;
}

/** A whole run. */
export function resultOf(more: Partial<LabResult> = {}): LabResult {
  return {
    version: 1,
    startedAt: "2026-01-02T03:04:05.000Z",
    tookMs: 60_000,
    command: "scripts/latency",
    machine: describeMachine(),
    loadAfter: [1, 1, 1],
    calls: 50,
    cases: centralCases(1.05),
    wire: [],
    leftOut: [],
    isPartial: false,
    ...more,
  };
}
