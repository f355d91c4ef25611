// Programs a test has started: all of them end with it, however it ends.

/** Something that can be stopped, more than once. */
interface Stoppable {
  stop(): Promise<unknown>;
}

/** Those that hold something now. */
const holding = new Set<Started>();
/** How long stopping may take when somebody wants us gone, ms. */
const STOP_LIMIT_MS = 8000;

let hasHandlers = false;
/** A signal that ends us ends first what is held. Asked for when there is something: programs with handlers of their own may use this file, too. */
function handleSignals(): void {
  if (hasHandlers) return;
  hasHandlers = true;
  let isEnding = false;
  for (const [signal, number] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
  ] as const)
    process.on(signal, () => {
      if (isEnding) return;
      isEnding = true;
      const limit = new Promise((resolve) => setTimeout(resolve, STOP_LIMIT_MS));
      const stopped = Promise.allSettled([...holding].map((one) => one.stopAtOnce()));
      void Promise.race([stopped, limit]).then(() => process.exit(128 + number));
    });
}

/** Keeps what a test starts. @example calls.after.each(() => started.stop()); */
export class Started {
  private readonly running: Promise<Stoppable>[] = [];

  /** Keeps what is being started; returns it. */
  keep<T extends Stoppable>(starting: Promise<T>): Promise<T> {
    this.running.push(starting);
    holding.add(this);
    handleSignals();
    return starting;
  }

  /** Stops everything kept, last first; what never started is left out. */
  async stop(): Promise<void> {
    for (const one of this.running.splice(0).reverse()) {
      const found = await one.catch(() => undefined);
      await found?.stop();
    }
    if (this.running.length === 0) holding.delete(this);
  }

  /** The same side by side: what is still being started keeps nothing else waiting. */
  async stopAtOnce(): Promise<void> {
    await Promise.allSettled(this.running.splice(0).map((one) => one.then((found) => found.stop())));
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

/**
 * Lets a program end with this process even where a suite crashes.
 * @param pid negative: that of a group.
 * @param exited settles when the program has ended.
 */
export function endWithUs(pid: number, exited: Promise<unknown>): void {
  children.add(pid);
  const forget = () => children.delete(pid);
  void exited.then(forget, forget);
}
