// Switches something off when this process is gone, however it went: a crash, a kill -9. A vibrator on a plain line would buzz on.

import { spawn } from "node:child_process";

/** A guard that stands. */
export interface OffGuard {
  /** The device is off and given back: the guard leaves without touching it. */
  release(): void;
  /** @internal Process that guards, for tests. */
  readonly pid: number | undefined;
}

/**
 * A shell that waits at the end of a pipe: it wakes only when this process has let go of the other end. It ignores the signals that
 * end a service, because it is needed right after them.
 */
const script = `trap '' TERM INT HUP; while read -r word; do [ "$word" = done ] && exit 0; done; printf %s "$2" > "$1"`;

/**
 * Sets up a guard that writes `off` into `file` when this process ends without having called `release`.
 * @param file e.g. a GPIO line's `value` or an LED's `brightness`.
 */
export function guardOff(file: string, off: string): OffGuard {
  const child = spawn("/bin/sh", ["-c", script, "sotto-off-guard", file, off], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    cwd: "/",
  });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  (child.stdin as unknown as { unref?(): void }).unref?.();
  return {
    pid: child.pid,
    release: () => {
      if (!child.stdin.writableEnded) child.stdin.end("done\n");
    },
  };
}
