// What the project set out to reach, held against what a run found.

import { summarise } from "../../firmware/runtime/statistics.js";
import type { LabCase } from "./cases.js";
import { caseName } from "./cases.js";
import { findCase, type LabResult, summaryOf } from "./result.js";
import type { DelayName } from "./sample.js";

/** Calls below which a median proves nothing. */
export const ENOUGH = 50;

/** One target. */
export interface Target {
  /** A name that stays the same, e.g. `calling-direct`. */
  readonly id: string;
  readonly what: string;
  /** E.g. `x none` or `calls/s`. */
  readonly unit: string;
  readonly limit: number;
  /** Whether `measured` may be at most, or must be at least, `limit`. */
  readonly sense: "at-most" | "at-least";
  /** Null where it was not measured in this run. */
  readonly measured: number | null;
  readonly passed: boolean | null;
  /** What was divided by what. */
  readonly detail: string;
}

const warm: LabCase = {
  method: "none",
  transport: "udp",
  path: "direct",
  warmth: "warm",
  precomputation: "on",
  processor: "native",
  network: "loopback",
};

interface Quotient {
  readonly value: number | null;
  readonly detail: string;
}

const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

/** Median of one case by that of another. */
function quotient(result: LabResult, delay: DelayName, over: Partial<LabCase>, under: Partial<LabCase>): Quotient {
  const names = [over, under].map((one) => caseName({ ...warm, ...one }));
  const [a, b] = names.map((name) => summaryOf(findCase(result, name), delay));
  if (!a || !b) return { value: null, detail: "not measured" };
  const few = Math.min(a.count, b.count);
  const note = few < ENOUGH ? `, only ${few} calls` : "";
  return { value: a.median / b.median, detail: `${ms(a.median)} / ${ms(b.median)}${note}` };
}

function wire(result: LabResult, name: string): number | undefined {
  const found = result.wire.find((one) => one.name === name);
  return found && found.inviteToAck.length > 0 ? summarise(found.inviteToAck).median : undefined;
}

/** Every target, in the order of the project's own list. */
export function targetsOf(result: LabResult): Target[] {
  const target = (
    id: string,
    what: string,
    limit: number,
    { value, detail }: Quotient,
    unit = "times",
    sense: Target["sense"] = "at-most",
  ): Target => {
    const passed = value === null ? null : sense === "at-most" ? value <= limit : value >= limit;
    return { id, what, unit, limit, sense, measured: value, passed, detail };
  };
  const ratio = (id: string, what: string, delay: DelayName, more: Partial<LabCase>, limit = 1.1) =>
    target(id, what, limit, quotient(result, delay, { ...more, method: "dh" }, { ...more, method: "none" }));
  const targets: Target[] = [];
  for (const [name, words, more] of [
    ["direct", "from phone to phone", {}],
    ["proxies", "through two domains' proxies", { path: "proxies" }],
    ["armv7", "on emulated ARMv7", { processor: "armv7" }],
  ] as const) {
    targets.push(ratio(`calling-${name}`, `calling delay, dh against open, ${words}`, "calling", more));
    targets.push(ratio(`answering-${name}`, `answering delay, dh against open, ${words}`, "answering", more));
  }
  for (const processor of ["native", "armv7"] as const)
    for (const method of ["none", "dh"] as const) {
      const where = processor === "armv7" ? " on emulated ARMv7" : "";
      const kind = method === "none" ? "open" : method;
      const both = { method, processor };
      const value = quotient(result, "calling", { ...both, warmth: "cold" }, both);
      targets.push(
        target(
          `first-${method}-${processor}`,
          `calling delay of the first ${kind} call after a start against the hundredth${where}`,
          1.5,
          value,
        ),
      );
      const picked = quotient(result, "answering", { ...both, warmth: "cold" }, both);
      targets.push(
        target(
          `first-answer-${method}-${processor}`,
          `answering delay of the first ${kind} call after a start against the hundredth${where}`,
          1.5,
          picked,
        ),
      );
    }
  const [ours, theirs] = [wire(result, "Sotto dh"), wire(result, "baresip SDES")];
  targets.push(
    target("wire", "INVITE to ACK of a dh call, automatic answer, against baresip's SDES call", 1, {
      value: ours === undefined || theirs === undefined ? null : ours / theirs,
      detail: ours === undefined || theirs === undefined ? "not measured" : `${ms(ours)} / ${ms(theirs)}`,
    }),
  );
  targets.push(
    target(
      "without-ahead",
      "dh set-up with nothing made ahead, against its public-key operations plus our open call",
      1.25,
      withoutAhead(result),
    ),
  );
  const { answerer } = result;
  targets.push(
    target(
      "answerer",
      "dh calls one answerer takes in a second of one core",
      200,
      {
        value: answerer?.perSecond ?? null,
        detail: answerer ? `${answerer.calls} calls; the seeds' 5 a second times 40` : "not measured",
      },
      "calls/s",
      "at-least",
    ),
    target(
      "answerer-share",
      "the same, of what its public-key operations alone allow",
      0.85,
      {
        value: answerer ? answerer.perSecond / answerer.publicKeyPerSecond : null,
        detail: answerer
          ? `${answerer.perSecond.toFixed(0)} of ${answerer.publicKeyPerSecond.toFixed(0)} calls/s`
          : "not measured",
      },
      "times",
      "at-least",
    ),
  );
  return targets;
}

/** Set-up of a call: what the caller waits for, then what the callee waits for. */
function withoutAhead(result: LabResult): Quotient {
  const { publicKeyMs } = result;
  const sum = (method: LabCase["method"]) => {
    const one = findCase(result, caseName({ ...warm, method, precomputation: "off" }));
    const [calling, answering] = [summaryOf(one, "calling"), summaryOf(one, "answering")];
    return calling && answering ? calling.median + answering.median : undefined;
  };
  const [dh, open] = [sum("dh"), sum("none")];
  if (dh === undefined || open === undefined || publicKeyMs === undefined)
    return { value: null, detail: "not measured" };
  return {
    value: dh / (publicKeyMs + open),
    detail: `${ms(dh)} / (${ms(publicKeyMs)} + ${ms(open)}), calling and answering delay together`,
  };
}
