// Runs a plan: warm calls of all cases turn by turn, then first calls after a start, turn by turn too.

import { join } from "node:path";
import { caseName } from "./cases.js";
import type { Grounds } from "./ground.js";
import type { People } from "./people.js";
import { LabPhones } from "./phones.js";
import type { Plan, PlannedCase, PlannedSite } from "./plan.js";
import { CaseRecorder, type LeftOut } from "./result.js";

/** What a run tells while it goes on. */
export interface RunEvents {
  /** One more of the plan's steps is done, or will not be. */
  step(text: string, count?: number): void;
  say(text: string): void;
}

/** After so many failures in a row a case is given up. */
const GIVE_UP = 3;
/** Two phones are left alone for so long between calls, ms: what they make ahead is made then, and disturbs no call. */
const REST_MS = 220;

interface WarmSite {
  readonly plan: PlannedSite;
  readonly phones: LabPhones;
  readonly recorders: readonly CaseRecorder[];
  readonly failing: number[];
  freeAt: number;
}

/** A run in progress. */
export class LabRun {
  readonly recorders: CaseRecorder[] = [];
  readonly leftOut: LeftOut[] = [];
  private nextFolder = 0;

  constructor(
    private readonly folder: string,
    private readonly grounds: Grounds,
    private readonly people: People,
    private readonly events: RunEvents,
    /** Asked between calls. */
    private readonly isStopping: () => boolean,
  ) {}

  /** Measures warm calls. Emulated phones have the machine for themselves. */
  async warm(plan: Plan): Promise<void> {
    for (const processor of ["native", "armv7"] as const) {
      const chosen = plan.sites.filter(({ site }) => site.processor === processor);
      if (chosen.length === 0 || this.isStopping()) continue;
      const sites = await this.startSites(chosen);
      try {
        await this.rounds(sites, plan.isQuick);
      } finally {
        await Promise.all(sites.map(({ phones }) => phones.stop()));
      }
    }
  }

  /** Measures first calls: two fresh phones for each. */
  async cold(plan: Plan): Promise<void> {
    const recorders = plan.cold.map((one) => this.recorder(one));
    const failing = plan.cold.map(() => 0);
    const rounds = Math.max(0, ...plan.cold.map(({ calls }) => calls));
    for (let round = 0; round < rounds; round++)
      for (const [i, one] of plan.cold.entries()) {
        if (this.isStopping()) return;
        // Cases with fewer calls are spread over the rounds.
        if (!isDue(round, rounds, one.calls)) continue;
        this.events.step(`first call after a start: ${one.name}`);
        if (failing[i] >= GIVE_UP) continue;
        failing[i] = (await this.firstCall(one, recorders[i])) ? 0 : failing[i] + 1;
      }
  }

  private async firstCall(one: PlannedCase, recorder: CaseRecorder): Promise<boolean> {
    const ground = await this.grounds.of(one.case);
    if (!ground) return false;
    let phones: LabPhones | undefined;
    try {
      phones = await LabPhones.start(this.newFolder(), one.case, [one.case.method], ground, this.people);
      // Somebody takes it into the hand first.
      await rest(500);
      recorder.add(await phones.call(one.case.method));
      return true;
    } catch (error) {
      recorder.fail(error);
      return false;
    } finally {
      await phones?.stop();
    }
  }

  private async startSites(plans: readonly PlannedSite[]): Promise<WarmSite[]> {
    const sites: WarmSite[] = [];
    for (const plan of plans) {
      if (this.isStopping()) break;
      this.events.say(`starting the phones of ${plan.name}`);
      const ground = await this.grounds.of(plan.site);
      const steps = plan.cases.reduce((sum, { calls }) => sum + calls + plan.warmup, 0);
      if (!ground) {
        this.events.step(`${plan.name} is left out`, steps);
        continue;
      }
      try {
        const methods = plan.cases.map((one) => one.case.method);
        const phones = await LabPhones.start(this.newFolder(), plan.site, methods, ground, this.people);
        const recorders = plan.cases.map((one) => this.recorder(one));
        sites.push({ plan, phones, recorders, failing: recorders.map(() => 0), freeAt: 0 });
      } catch (error) {
        this.leftOut.push({ what: plan.name, why: (error as Error).message });
        this.events.step(`${plan.name} is left out`, steps);
      }
    }
    return sites;
  }

  /** In each round every case is called once; sites take turns, so that each rests while others call, and what changes meets all alike. */
  private async rounds(sites: readonly WarmSite[], isQuick: boolean): Promise<void> {
    const most = Math.max(
      0,
      ...sites.map(({ plan }) => plan.warmup + Math.max(...plan.cases.map(({ calls }) => calls))),
    );
    const widest = Math.max(0, ...sites.map(({ plan }) => plan.cases.length));
    const warmest = Math.max(0, ...sites.map(({ plan }) => plan.warmup));
    for (let round = -warmest; round < most - warmest; round++) {
      if (round === 0 && !isQuick) await this.rest(sites);
      for (let turn = 0; turn < widest; turn++)
        for (const site of sites) {
          const { plan } = site;
          if (this.isStopping()) return;
          if (turn >= plan.cases.length || round < -plan.warmup) continue;
          // Another case comes first each round: what the call before leaves behind meets all alike.
          const i = (turn + round + warmest) % plan.cases.length;
          const { calls } = plan.cases[i];
          if (round >= 0 && !isDue(round, most - warmest, calls)) continue;
          this.events.step(`${round < 0 ? "warming up: " : ""}${plan.cases[i].name}`);
          await this.warmCall(site, i, round >= 0);
        }
    }
  }

  /** Phones that were warmed up have rehearsed, too, before it counts. */
  private async rest(sites: readonly WarmSite[]): Promise<void> {
    this.events.say("waiting until all phones have rehearsed");
    await Promise.all(sites.map(({ phones }) => phones.rested(this.isStopping)));
  }

  private async warmCall(site: WarmSite, i: number, isMeasured: boolean): Promise<void> {
    const { plan, phones, recorders, failing } = site;
    if (failing[i] >= GIVE_UP) return;
    await rest(site.freeAt - performance.now());
    try {
      const sample = await phones.call(plan.cases[i].case.method);
      if (isMeasured) recorders[i].add(sample);
      failing[i] = 0;
    } catch (error) {
      recorders[i].fail(error);
      failing[i]++;
      await phones.settle();
    }
    site.freeAt = performance.now() + REST_MS;
  }

  private recorder(one: PlannedCase): CaseRecorder {
    const recorder = new CaseRecorder(caseName(one.case), one.case);
    this.recorders.push(recorder);
    return recorder;
  }

  private newFolder(): string {
    return join(this.folder, `s${this.nextFolder++}`);
  }
}

/** Whether a case of `calls` calls has its turn in a round, so that its calls are spread evenly over all rounds. */
export function isDue(round: number, rounds: number, calls: number): boolean {
  return calls >= rounds || Math.floor(((round + 1) * calls) / rounds) > Math.floor((round * calls) / rounds);
}

function rest(ms: number): Promise<void> {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve();
}
