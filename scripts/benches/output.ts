// A benchmark's result as a table for a person and as JSON for a machine.

import { pairedDifference, type Summary, summarise } from "../../firmware/runtime/statistics.js";
import type { Group, Series } from "./benchmark.js";
import type { Machine } from "./machine.js";

/** Everything one run of a benchmark found. */
export interface BenchResult {
  readonly benchmark: string;
  readonly description: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly tookMs: number;
  /** Before the run. */
  readonly machine: Machine;
  /** Load averages after it. */
  readonly loadAfter: readonly number[];
  readonly groups: readonly Group[];
  readonly notes: readonly string[];
}

/** What `--json` writes: the result with a summary beside each row, all measurements included. */
export interface BenchFile extends Omit<BenchResult, "groups"> {
  readonly version: 1;
  readonly groups: readonly (Omit<Group, "series"> & {
    readonly series: readonly (Series & {
      readonly summary: Summary | null;
      /** Median of the differences to the first row, round by round; null for the first row and for rows not taken side by side. */
      readonly againstFirst: number | null;
    })[];
  })[];
}

function differenceOf(group: Group, index: number): number | null {
  const [first] = group.series;
  const row = group.series[index];
  if (!group.paired || index === 0 || row.samples.length === 0 || row.samples.length !== first.samples.length)
    return null;
  return pairedDifference(row.samples, first.samples);
}

/** Adds the summaries. */
export function benchFile(result: BenchResult): BenchFile {
  return {
    version: 1,
    ...result,
    groups: result.groups.map((group) => ({
      ...group,
      series: group.series.map((row, index) => ({
        ...row,
        summary: row.samples.length ? summarise(row.samples) : null,
        againstFirst: differenceOf(group, index),
      })),
    })),
  };
}

/** Three significant digits, without an exponent. */
export function significant(value: number): string {
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.max(0, Math.min(6, 2 - size)));
}

const columns = ["n", "min", "median", "iqr", "p95", "p99", "max"] as const;

/** One group as lines of a table. */
export function groupTable(group: Group): string {
  const compared = group.paired && group.series.length > 1;
  const head = ["", ...columns, ...(compared ? [`against ${group.series[0].name}`] : [])];
  const rows = group.series.map((row, index) => {
    if (row.samples.length === 0)
      return [row.name, "0", ...columns.slice(1).map(() => "—"), ...(compared ? ["—"] : [])];
    const { count, min, median, iqr, p95, p99, max } = summarise(row.samples);
    const figures = [min, median, iqr, p95, p99, max].map(significant);
    const difference = differenceOf(group, index);
    const against = difference === null ? "" : `${difference >= 0 ? "+" : ""}${significant(difference)}`;
    return [row.name, String(count), ...figures, ...(compared ? [against] : [])];
  });
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd();
  return [`${group.title} (${group.unit})`, ...[head, ...rows].map((row) => `  ${line(row)}`)].join("\n");
}
