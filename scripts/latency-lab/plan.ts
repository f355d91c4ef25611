// What is going to be measured, how often, and how long that takes.

import { allCases, callsOf, caseName, type LabCase, type Site, siteName } from "./cases.js";
import { type Filter, type Part, parts } from "./filter.js";

/** A case and how many calls of it are measured. */
export interface PlannedCase {
  readonly name: string;
  readonly case: LabCase;
  readonly calls: number;
}

/** Cases that share two phones. */
export interface PlannedSite {
  readonly name: string;
  readonly site: Site;
  readonly cases: readonly PlannedCase[];
  /** Calls before the measured ones, of each case: the measured ones then are about the hundredth of their phones. */
  readonly warmup: number;
}

/** Everything that is going to be done. */
export interface Plan {
  readonly calls: number;
  /** Only to see that it works: nothing is waited for. */
  readonly isQuick: boolean;
  /** Warm calls. */
  readonly sites: readonly PlannedSite[];
  /** First calls after a start. */
  readonly cold: readonly PlannedCase[];
  readonly parts: readonly Part[];
}

/** Calls of two phones before the measured ones … */
const WARM_AFTER = 90;
/** … and of two that play no calls to themselves beforehand: about as many as the others have played (`firmware/rehearse-calls.ts`). */
const WARM_AFTER_UNREHEARSED = 390;

/** How long things take, ms, measured on a two-core machine; slower ones take longer, and say so while they run. */
const took = {
  call: 130,
  slowCall: 800,
  emulatedCall: 4000,
  site: 2500,
  proxies: 4000,
  boot: 2200,
  emulatedBoot: 20_000,
  emulation: 45_000,
  rehearsal: 50_000,
  part: { peers: 25_000, answerer: 15_000, voice: 15_000 },
} as const;

/**
 * Plans a run.
 * @param calls measured calls of each case.
 * @param isQuick a few calls of a few cases: to see that it works.
 */
export function planRun(calls: number, filter: Filter, isQuick: boolean): Plan {
  const planned = allCases().flatMap((one): PlannedCase[] => {
    const verdict = filter.takes(one);
    if (verdict === "no" || (isQuick && verdict === "yes" && !isInQuick(one))) return [];
    const count = callsOf(one, calls, verdict === "named");
    return count === 0 ? [] : [{ name: caseName(one), case: one, calls: count }];
  });
  const sites = new Map<string, PlannedCase[]>();
  for (const one of planned.filter((each) => each.case.warmth === "warm")) {
    const name = siteName(one.case);
    sites.set(name, [...(sites.get(name) ?? []), one]);
  }
  return {
    calls,
    isQuick,
    sites: [...sites].map(([name, cases]): PlannedSite => {
      const { transport, path, precomputation, processor, network } = cases[0].case;
      const isPlain = processor === "native" && network === "loopback";
      const calls = precomputation === "on" ? WARM_AFTER : WARM_AFTER_UNREHEARSED;
      const warmup = isQuick ? 1 : isPlain ? Math.ceil(calls / cases.length) : 4;
      return { name, site: { transport, path, precomputation, processor, network }, cases, warmup };
    }),
    cold: planned.filter((each) => each.case.warmth === "cold"),
    parts: parts.filter((part) => filter.takesPart(part) && !(isQuick && part !== "peers")),
  };
}

function isInQuick(one: LabCase): boolean {
  const isCentral = one.method === "none" || one.method === "psk" || one.method === "dh";
  return (
    isCentral &&
    one.transport === "udp" &&
    one.path === "direct" &&
    one.processor === "native" &&
    one.network === "loopback"
  );
}

/** How long a plan takes, ms, about. */
export function estimateMs(plan: Plan): number {
  let sum = 0;
  for (const { site, cases, warmup } of plan.sites) {
    const call =
      site.processor === "armv7" ? took.emulatedCall : site.network === "loopback" ? took.call : took.slowCall;
    sum += site.processor === "armv7" ? took.emulatedBoot : took.site;
    for (const { calls } of cases) sum += (calls + warmup) * call;
  }
  const proxied = new Set(plan.sites.filter(({ site }) => site.path === "proxies").map(({ site }) => site.transport));
  sum += proxied.size * took.proxies;
  for (const one of plan.cold) sum += one.calls * (one.case.processor === "armv7" ? took.emulatedBoot : took.boot);
  const emulated = [...plan.sites.map(({ site }) => site), ...plan.cold.map((one) => one.case)];
  if (emulated.some(({ processor }) => processor === "armv7")) sum += took.emulation;
  for (const part of plan.parts) sum += took.part[part];
  if (plan.isQuick) return sum;
  // While phones rehearse the others are called: what is left of it is waited for, of emulated ones most.
  const waits = [
    ...new Set(plan.sites.map(({ site }) => site.processor)),
    ...plan.parts.filter((part) => part === "peers"),
  ];
  return sum + waits.length * took.rehearsal;
}

/** Steps a plan has, for a progress bar: calls and starts. */
export function stepsOf(plan: Plan): number {
  const warm = plan.sites.reduce(
    (sum, { cases, warmup }) => sum + cases.reduce((n, { calls }) => n + calls + warmup, 0),
    0,
  );
  return warm + plan.cold.reduce((sum, { calls }) => sum + calls, 0) + plan.parts.length;
}
