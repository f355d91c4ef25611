// Programs a test has started: all of them end with it, however it ends.

/** Something that can be stopped, more than once. */
interface Stoppable {
  stop(): Promise<unknown>;
}

/** Keeps what a test starts. @example calls.after.each(() => started.stop()); */
export class Started {
  private readonly running: Promise<Stoppable>[] = [];

  /** Keeps what is being started; returns it. */
  keep<T extends Stoppable>(starting: Promise<T>): Promise<T> {
    this.running.push(starting);
    return starting;
  }

  /** Stops everything kept, last first; what never started is left out. */
  async stop(): Promise<void> {
    for (const one of this.running.splice(0).reverse()) {
      const found = await one.catch(() => undefined);
      await found?.stop();
    }
  }
}
