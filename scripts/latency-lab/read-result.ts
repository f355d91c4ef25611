// A run's report.json, read back.

import { readFileSync } from "node:fs";
import * as v from "valibot";
import type { LabResult } from "./result.js";

/** As far as it tells a report from other files, and from one that was cut or written by another version. */
const shape = v.looseObject({
  version: v.literal(1),
  startedAt: v.string(),
  tookMs: v.number(),
  machine: v.looseObject({ cpu: v.string() }),
  loadAfter: v.array(v.number()),
  cases: v.array(v.looseObject({ name: v.string(), case: v.looseObject({}), delays: v.looseObject({}) })),
  wire: v.array(v.looseObject({ name: v.string() })),
  leftOut: v.array(v.looseObject({ what: v.string(), why: v.string() })),
  isPartial: v.boolean(),
});

/** Reads the result of an earlier run. @throws Error naming the file that cannot be read or is no such report; none of its text is in it. */
export function readResult(file: string): LabResult {
  const text = readFileSync(file, "utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${file} is no JSON`);
  }
  const read = v.safeParse(shape, value);
  if (!read.success) {
    const [issue] = read.issues;
    throw new Error(`${file} is no report.json of scripts/latency (${v.getDotPath(issue) ?? "the whole"})`);
  }
  return value as LabResult;
}
