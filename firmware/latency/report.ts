// The phone's call delays summed up: as rows, a table, CSV and Prometheus text.

import { summarise } from "../runtime/statistics.js";
import { type DelayName, delayNames, type LatencySample } from "./sample.js";

/** One delay of one kind of call, ms. */
export interface LatencyRow {
  readonly delay: DelayName;
  readonly method: string;
  /** `unknown` of calls that an older version kept. */
  readonly transport: "udp" | "tcp" | "tls" | "unknown";
  readonly warmth: LatencySample["warmth"];
  readonly count: number;
  readonly median: number;
  readonly p95: number;
  readonly p99: number;
  readonly worst: number;
  readonly mean: number;
}

const transports = ["udp", "tcp", "tls", "unknown"] as const;

/** Sums up by delay, method, transport and warmth; in the order of a call, then by method and transport, warm calls first. */
export function latencyRows(samples: readonly LatencySample[]): LatencyRow[] {
  const rows: LatencyRow[] = [];
  const methods = [...new Set(samples.map((sample) => sample.method))].sort();
  for (const delay of delayNames)
    for (const method of methods)
      for (const transport of transports)
        for (const warmth of ["warm", "cold"] as const) {
          const values = samples
            .filter(
              (one) => one.method === method && (one.transport ?? "unknown") === transport && one.warmth === warmth,
            )
            .flatMap((sample) => sample[delay] ?? []);
          if (values.length === 0) continue;
          const { count, median, p95, p99, max, mean } = summarise(values);
          rows.push({ delay, method, transport, warmth, count, median, p95, p99, worst: max, mean });
        }
  return rows;
}

const columns = ["delay", "method", "transport", "warmth", "count", "median", "p95", "p99", "worst"] as const;

function cell(row: LatencyRow, column: (typeof columns)[number]): string {
  const value = row[column];
  return typeof value === "number" && column !== "count" ? value.toFixed(2) : String(value);
}

/** A table for people; delays in ms. */
export function latencyTable(rows: readonly LatencyRow[]): string {
  if (rows.length === 0) return "no call has been timed yet";
  const lines = [columns.map(String), ...rows.map((row) => columns.map((column) => cell(row, column)))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const isText = (i: number) => i < 4;
  const text = lines.map((line) =>
    line.map((word, i) => (isText(i) ? word.padEnd(widths[i]) : word.padStart(widths[i]))).join("  "),
  );
  return `${text.join("\n")}\n(ms)`;
}

/** Comma-separated values (RFC 4180), a head line first; delays in ms. */
export function latencyCsv(rows: readonly LatencyRow[]): string {
  const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (cells: readonly string[]) => cells.map(quoted).join(",");
  return [line(columns), ...rows.map((row) => line(columns.map((column) => cell(row, column))))].join("\r\n");
}

/** Prometheus text exposition: a summary by delay, in seconds as is usual there. */
export function latencyMetrics(rows: readonly LatencyRow[]): string {
  const escaped = (text: string) => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  const name = "sotto_call_delay_seconds";
  const lines = [`# HELP ${name} Delays of this phone's calls.`, `# TYPE ${name} summary`];
  for (const row of rows) {
    const labels = `delay="${row.delay}",method="${escaped(row.method)}",transport="${row.transport}",warmth="${row.warmth}"`;
    const quantiles = [
      ["0.5", row.median],
      ["0.95", row.p95],
      ["0.99", row.p99],
      ["1", row.worst],
    ] as const;
    for (const [quantile, ms] of quantiles)
      lines.push(`${name}{${labels},quantile="${quantile}"} ${(ms / 1000).toFixed(6)}`);
    lines.push(`${name}_sum{${labels}} ${((row.mean * row.count) / 1000).toFixed(6)}`);
    lines.push(`${name}_count{${labels}} ${row.count}`);
  }
  return `${lines.join("\n")}\n`;
}
