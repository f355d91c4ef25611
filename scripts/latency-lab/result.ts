// What the laboratory found: everything report.html is drawn from, and the JSON file.

import { type Summary, summarise } from "../../firmware/runtime/statistics.js";
import type { Machine } from "../benches/machine.js";
import type { LabCase } from "./cases.js";
import { type DelayName, delayNames, type Sample, type StepTime } from "./sample.js";

/** Median of a step over a case's calls, ms. */
export interface StepMedian {
  readonly id: string;
  readonly label: string;
  readonly ms: number;
}

/** One case's calls. */
export interface CaseResult {
  readonly name: string;
  readonly case: LabCase;
  /** Every call's delays, ms, in the order of the calls; a delay that a call did not show is missing. */
  readonly delays: Readonly<Record<DelayName, readonly number[]>>;
  readonly steps: readonly StepMedian[];
  /** The steps of the call whose calling and answering delay lie nearest to the medians. */
  readonly typical: readonly StepTime[];
  /** What the INVITEs went over, e.g. `tcp` where they are too large for UDP. */
  readonly carriedBy: readonly string[];
  /** Calls that did not come about, and the words of the first few. */
  readonly failed: number;
  readonly failures: readonly string[];
}

/** INVITE to ACK on the wire, automatic answer, ms: ours and other telephones', captured alike. */
export interface WireResult {
  /** E.g. `baresip SDES`. */
  readonly name: string;
  readonly inviteToAck: readonly number[];
  readonly inviteToRinging: readonly number[];
}

/** How many dh calls a second one automatic answerer takes when everything is asked of it at once. */
export interface AnswererResult {
  /** Calls a second of CPU time, as measured. */
  readonly perSecond: number;
  /** Calls a second as the clock ran: several threads of it work at once, and its caller needs a processor too. */
  readonly perSecondOnTheClock: number;
  /** What the answer's public-key operations alone would allow, calls a second. */
  readonly publicKeyPerSecond: number;
  readonly calls: number;
  readonly failed: number;
  /** Share of one processor the answerer used, %. */
  readonly cpuPercent: number;
}

/** A call that goes on while others are set up. */
export interface VoiceResult {
  readonly setups: number;
  readonly packets: number;
  readonly lost: number;
  readonly late: number;
  /** Periods of the sound cards nobody came for in time, at both ends: the machine stood still, or something held the voice up. */
  readonly xruns: number;
}

/** A part that could not be measured. */
export interface LeftOut {
  readonly what: string;
  readonly why: string;
}

/** One run. */
export interface LabResult {
  readonly version: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly tookMs: number;
  readonly command: string;
  /** Commit that was measured; absent outside a checkout. */
  readonly commit?: string;
  readonly machine: Machine;
  /** Load averages after the run. */
  readonly loadAfter: readonly number[];
  readonly calls: number;
  readonly cases: readonly CaseResult[];
  readonly wire: readonly WireResult[];
  readonly answerer?: AnswererResult;
  readonly voice?: VoiceResult;
  /** Public-key operations of one dh call set-up at both ends, nothing made ahead, ms: median of sums, after rests as the calls have them. */
  readonly publicKeyMs?: number;
  readonly leftOut: readonly LeftOut[];
  /** It was stopped before its end. */
  readonly isPartial: boolean;
}

/** Collects a case's calls. */
export class CaseRecorder {
  private readonly samples: Sample[] = [];
  private failed = 0;
  private readonly failures: string[] = [];

  constructor(
    readonly name: string,
    readonly of: LabCase,
  ) {}

  add(sample: Sample): void {
    this.samples.push(sample);
  }

  fail(error: unknown): void {
    this.failed++;
    if (this.failures.length < 3) this.failures.push(error instanceof Error ? error.message : String(error));
  }

  get count(): number {
    return this.samples.length;
  }

  get failureCount(): number {
    return this.failed;
  }

  result(): CaseResult {
    const { samples } = this;
    const of = (name: DelayName) => samples.flatMap(({ delays }) => delays[name] ?? []);
    const delays = Object.fromEntries(delayNames.map((name) => [name, of(name)])) as Record<DelayName, number[]>;
    const steps = new Map<string, { label: string; took: number[] }>();
    for (const sample of samples)
      for (const { id, label, from, to } of sample.steps) {
        const known = steps.get(id) ?? { label, took: [] };
        known.took.push(to - from);
        steps.set(id, known);
      }
    return {
      ...{ name: this.name, case: this.of, delays },
      steps: [...steps].map(([id, { label, took }]) => ({ id, label, ms: summarise(took).median })),
      typical: this.typical(delays),
      carriedBy: [...new Set(samples.flatMap(({ carriedBy }) => carriedBy ?? []))],
      ...{ failed: this.failed, failures: this.failures },
    };
  }

  private typical(delays: Readonly<Record<DelayName, readonly number[]>>): readonly StepTime[] {
    if (delays.calling.length === 0) return [];
    const [calling, answering] = [summarise(delays.calling).median, summarise(delays.answering).median];
    const distance = ({ delays: own }: Sample) =>
      Math.abs((own.calling ?? Number.POSITIVE_INFINITY) - calling) + Math.abs(own.answering - answering);
    return this.samples.reduce((best, one) => (distance(one) < distance(best) ? one : best)).steps;
  }
}

/** Summary of a case's delay; undefined where there is no call. */
export function summaryOf(result: CaseResult | undefined, delay: DelayName): Summary | undefined {
  const samples = result?.delays[delay] ?? [];
  return samples.length === 0 ? undefined : summarise(samples);
}

/** Finds the case that has all the words of `name`, joined by `/`, e.g. `dh/udp/direct/warm/on/native/loopback`. */
export function findCase(result: LabResult, name: string): CaseResult | undefined {
  return result.cases.find((one) => one.name === name);
}
