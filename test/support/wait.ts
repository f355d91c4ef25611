// Waiting for things real programs do: always with a limit, always saying what did not happen.

/**
 * Waits `ms`, and until what came meanwhile has been looked at: a process that was held up fires its timers before it reads its sockets.
 * Only for seeing that something does not happen, and for what takes its time; what is to happen is waited for with {@link eventually}.
 */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Looks every few ms until `look` gives something. @throws Error naming `what` after `limitMs`. */
export async function eventually<T>(
  what: string,
  limitMs: number,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs / 1000} s`);
    await pause(15);
  }
}

/** A list that grows, and whoever waits for something to be in it. */
export class Journal<T> {
  readonly entries: T[] = [];
  private readonly watchers = new Set<() => void>();
  private ended: string | undefined;

  add(entry: T): void {
    this.entries.push(entry);
    this.wake();
  }

  /** Nothing will be added any more; who waits is told why. */
  end(why: string): void {
    this.ended ??= why;
    this.wake();
  }

  /** The first entry from number `from` on that `fits`, now or when it comes. @throws Error naming `what` after `limitMs`. */
  until<S extends T>(what: string, fits: (entry: T) => entry is S, limitMs?: number, from?: number): Promise<S>;
  until(what: string, fits: (entry: T) => boolean, limitMs?: number, from?: number): Promise<T>;
  until(what: string, fits: (entry: T) => boolean, limitMs = 30_000, from = 0): Promise<T> {
    return new Promise((resolve, reject) => {
      let at = from;
      const end = () => {
        clearTimeout(timer);
        this.watchers.delete(look);
      };
      const look = () => {
        for (; at < this.entries.length; at++)
          if (fits(this.entries[at])) {
            end();
            return resolve(this.entries[at]);
          }
        if (this.ended === undefined) return;
        end();
        reject(new Error(`${what}: ${this.ended}`));
      };
      const timer = setTimeout(() => {
        end();
        const seen = this.entries.slice(-6).map((entry) => JSON.stringify(entry)?.slice(0, 400));
        reject(new Error(`${what}: not within ${limitMs / 1000} s; last seen:\n${seen.join("\n")}`));
      }, limitMs);
      this.watchers.add(look);
      look();
    });
  }

  private wake(): void {
    for (const watcher of [...this.watchers]) watcher();
  }
}
