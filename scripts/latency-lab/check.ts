// A board's budgets held against a run: what scripts/latency --check decides.

import type { Board, LatencyBudgets } from "../../platform/board.js";
import { caseName, type LabCase } from "./cases.js";
import { findCase, type LabResult, summaryOf } from "./result.js";
import type { DelayName } from "./sample.js";
import { columns } from "./tables.js";

/** One budget and what was measured. */
export interface BudgetVerdict {
  readonly name: keyof LatencyBudgets;
  readonly what: string;
  readonly limit: number;
  /** Undefined where the run does not have it: a budget that is not measured is not kept. */
  readonly measured: number | undefined;
  readonly isKept: boolean;
}

/** How a budget is taken from a run: a median of one case, by that of another where it is a ratio. */
interface Measure {
  readonly what: string;
  readonly delay: DelayName;
  readonly of: Partial<LabCase>;
  readonly by?: Partial<LabCase>;
}

const measures: Readonly<Record<Exclude<keyof LatencyBudgets, "measuredAs">, Measure>> = {
  callingRatio: { what: "calling delay, dh by open", delay: "calling", of: { method: "dh" }, by: {} },
  answeringRatio: { what: "answering delay, dh by open", delay: "answering", of: { method: "dh" }, by: {} },
  firstCallRatio: {
    what: "calling delay, dh, first call after start by hundredth",
    delay: "calling",
    of: { method: "dh", warmth: "cold" },
    by: { method: "dh" },
  },
  callingMs: { what: "calling delay, dh, ms", delay: "calling", of: { method: "dh" } },
  answeringMs: { what: "answering delay, dh, ms", delay: "answering", of: { method: "dh" } },
  firstVoiceMs: { what: "first voice at the caller, dh, ms", delay: "voiceAtCaller", of: { method: "dh" } },
};

/** The filter of what a check needs; each word is named, so that nothing is left out for taking long. */
export function checkFilter(board: Board): string {
  return `none,dh/udp/direct/on/${board.budgets?.latency?.measuredAs ?? "native"}/loopback/warm,cold`;
}

/** Holds every budget the board has. */
export function checkBudgets(board: Board, result: LabResult): BudgetVerdict[] {
  const budgets = board.budgets?.latency;
  if (!budgets) return [];
  const median = (delay: DelayName, more: Partial<LabCase>) => {
    const base = { method: "none", transport: "udp", path: "direct", warmth: "warm", precomputation: "on" } as const;
    const one: LabCase = { ...base, processor: budgets.measuredAs ?? "native", network: "loopback", ...more };
    return summaryOf(findCase(result, caseName(one)), delay)?.median;
  };
  return Object.entries(measures).flatMap(([key, { what, delay, of, by }]): BudgetVerdict[] => {
    const name = key as keyof typeof measures;
    const limit = budgets[name];
    if (limit === undefined) return [];
    const value = median(delay, of);
    const base = by === undefined ? 1 : median(delay, by);
    const measured = value === undefined || base === undefined ? undefined : value / base;
    return [{ name, what, limit, measured, isKept: measured !== undefined && measured <= limit }];
  });
}

/** The verdicts as a table's lines. */
export function verdictLines(board: string, verdicts: readonly BudgetVerdict[]): string[] {
  if (verdicts.length === 0) return [`${board} has no latency budgets`];
  const rows = verdicts.map(({ what, limit, measured, isKept }) => [
    what,
    measured === undefined ? "not measured" : measured.toFixed(2),
    limit.toFixed(2),
    isKept ? "kept" : "EXCEEDED",
  ]);
  return columns([[`budgets of ${board}`, "measured", "at most", ""], ...rows]).split("\n");
}
