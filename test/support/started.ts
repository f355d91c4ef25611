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

const children = new Set<number>();
process.once("exit", () => {
  for (const pid of children) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has just ended by itself.
    }
  }
});

/** Lets a program end with this process even where a suite crashes. @param exited settles when the program has ended. */
export function endWithUs(pid: number, exited: Promise<unknown>): void {
  children.add(pid);
  const forget = () => children.delete(pid);
  void exited.then(forget, forget);
}
