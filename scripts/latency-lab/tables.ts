// A run as text: delays by case, targets with pass and fail.

import type { LabResult } from "./result.js";
import { summaryOf } from "./result.js";
import { delayNames } from "./sample.js";
import { type Target, targetsOf } from "./targets.js";

const figure = (value: number | undefined) => (value === undefined ? "-" : value.toFixed(value < 100 ? 2 : 0));

/** Lines up columns; the first is text, the others are figures. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

/** One target in a line. */
export function targetLine(target: Target): string {
  const verdict = target.passed === null ? "  --  " : target.passed ? "pass  " : "FAIL  ";
  const sign = target.sense === "at-most" ? "<=" : ">=";
  const digits = target.unit === "times" ? 2 : 0;
  const measured = target.measured === null ? "not measured" : target.measured.toFixed(digits);
  return `${verdict}${target.what}: ${measured} (${sign} ${target.limit.toFixed(digits)}${target.unit === "times" ? "" : ` ${target.unit}`}${target.measured === null ? "" : `; ${target.detail}`})`;
}

/** Everything of a run, for a terminal. */
export function resultText(result: LabResult): string {
  const head = ["median, ms", "calls", ...delayNames, "failed"];
  const rows = result.cases.map((one) => [
    one.name,
    String(one.delays.calling.length),
    ...delayNames.map((name) => figure(summaryOf(one, name)?.median)),
    String(one.failed),
  ]);
  const parts = [columns([head, ...rows])];
  for (const one of result.cases)
    for (const words of one.failures.slice(0, 1)) parts.push(`${one.name}: ${one.failed} failed, e.g. ${words}`);
  parts.push(targetsOf(result).map(targetLine).join("\n"));
  return parts.join("\n\n");
}
