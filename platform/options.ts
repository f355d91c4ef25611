// Checks the options a configuration file gives to a driver, so that a mistake is told by field, value and what is allowed.

import * as v from "valibot";

/** A driver's options. */
export type OptionsSchema = v.GenericSchema<Record<string, unknown>, Record<string, unknown>>;

/** For drivers that take none. */
export const noOptions: OptionsSchema = v.strictObject({});

/**
 * @param field where the options come from, e.g. `devices.audio`.
 * @throws Error that names every wrong field, its value and what is allowed.
 */
export function checkOptions(field: string, schema: OptionsSchema, options: unknown): Record<string, unknown> {
  const checked = v.safeParse(schema, options);
  if (checked.success) return checked.output;
  const known = "entries" in schema ? Object.keys(schema.entries as object) : [];
  const problems = checked.issues.map((issue) => {
    const path = [field, ...(issue.path ?? []).map((part) => String(part.key))].join(".");
    if (issue.expected === "never")
      return `${path} is unknown; ${known.length ? `known here: ${known.join(", ")}` : "this driver takes no options"}`;
    return `${path} is ${JSON.stringify(issue.input)}, allowed is ${issue.message}`;
  });
  throw new Error(problems.join("\n"));
}
