// How long the phone took to come up, for `sotto status` and the metrics. Part of the composition root.

import type { HandsetStatus } from "./control/index.js";
import { codeCache } from "./runtime/index.js";
import { between, type Trace } from "./runtime/trace.js";
import type { RegistrationStatus } from "./sip/index.js";

/** Trace points of the phone itself belong to no call. */
const NO_CALL = 0;

/** Marks `boot`, `registered` and `ready`, once each. */
export class StartUp {
  private readonly seen = new Set<string>();

  /** @param bootMs when the process began, on the trace's clock. */
  constructor(
    private readonly trace: Trace,
    private readonly bootMs: number,
  ) {
    trace.mark("boot", NO_CALL, bootMs);
  }

  /** The registrations as they are now: when every one of them has been made, the phone can be called by its name. */
  registrations(now: readonly RegistrationStatus[]): void {
    if (now.length > 0 && now.every(({ state }) => state === "registered")) this.mark("registered");
  }

  /** Everything is open. */
  ready(): void {
    this.mark("ready");
  }

  status(): HandsetStatus["startUp"] {
    const entries = this.points;
    const [registeredMs, readyMs] = [between(entries, "boot", "registered"), between(entries, "boot", "ready")];
    return {
      bootMonotonicMs: this.bootMs,
      ...(registeredMs === undefined ? {} : { registeredMs }),
      ...(readyMs === undefined ? {} : { readyMs }),
      code: codeCache === undefined ? "not kept" : codeCache.wasTaken ? "kept" : "compiled",
    };
  }

  private points: ReturnType<Trace["read"]> = [];

  private mark(point: "registered" | "ready"): void {
    if (this.seen.has(point)) return;
    this.seen.add(point);
    this.trace.mark(point, NO_CALL);
    // The ring forgets; these are asked for as long as the phone is on.
    this.points = this.trace.read(NO_CALL);
  }
}

/** The same as Prometheus text, seconds. */
export function startUpMetrics({
  registeredMs,
  readyMs,
}: Pick<HandsetStatus["startUp"], "registeredMs" | "readyMs">): string {
  const name = "sotto_start_seconds";
  const points = { registered: registeredMs, ready: readyMs };
  const lines = Object.entries(points).flatMap(([point, ms]) =>
    ms === undefined ? [] : [`${name}{point="${point}"} ${(ms / 1000).toFixed(6)}\n`],
  );
  if (lines.length === 0) return "";
  return `# HELP ${name} From the start of the process until this point.\n# TYPE ${name} gauge\n${lines.join("")}`;
}
