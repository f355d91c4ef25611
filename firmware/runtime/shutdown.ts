// Leaving in good order: hang up, stop the vibrator, close devices; last opened is first closed.

import type { Log } from "./log.js";

interface Closer {
  readonly name: string;
  readonly close: () => void | Promise<void>;
}

/** Collects what has to be closed and closes it once, in reverse order, each within a time limit. */
export class Shutdown {
  private readonly closers: Closer[] = [];
  private running: Promise<void> | undefined;

  /**
   * @param log where failures to close go.
   * @param limitMs how long one closer may take before it is left behind.
   */
  constructor(
    private readonly log: Log,
    private readonly limitMs = 3000,
  ) {}

  /** Registers something to close. What is registered after shutdown began is closed at once. */
  add(name: string, close: () => void | Promise<void>): void {
    if (this.running) void this.closeOne({ name, close });
    else this.closers.push({ name, close });
  }

  /** Closes everything; repeated calls share one run. Never rejects. */
  run(): Promise<void> {
    this.running ??= (async () => {
      for (let closer = this.closers.pop(); closer; closer = this.closers.pop()) await this.closeOne(closer);
    })();
    return this.running;
  }

  /** Runs on SIGTERM, SIGINT and SIGHUP, then calls `exit` with 0. A second signal calls it at once with 1. */
  onSignals(exit: (code: number) => void): void {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (asked) return exit(1);
        asked = true;
        this.log.info("signal", { signal });
        void this.run().then(() => exit(0));
      });
    }
  }

  private async closeOne(closer: Closer): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), this.limitMs);
    });
    try {
      const outcome = await Promise.race([Promise.resolve(closer.close()), limit]);
      if (outcome === "late") this.log.warn("close-timeout", { what: closer.name, limitMs: this.limitMs });
    } catch (error) {
      this.log.warn("close-failed", {
        what: closer.name,
        error: error instanceof Error ? error.message : String(error),
      });
    } finally {
      clearTimeout(timer);
    }
  }
}
