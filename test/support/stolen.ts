// What a virtual machine's host kept from it: processor time its programs were ready for and did not get.

import { readFileSync } from "node:fs";

/** USER_HZ, in which the kernel counts (proc(5)). */
const MS_PER_TICK = 10;
/** So much at once makes a sound card late, ms. */
const MUCH_MS = 50;

/** Processor time withheld since the machine started, of all processors together, ms; 0 where the kernel does not say. */
function stolenMs(): number {
  try {
    // cpu user nice system idle iowait irq softirq steal …
    return Number(readFileSync("/proc/stat", "utf8").split("\n", 1)[0].split(/\s+/)[8]) * MS_PER_TICK;
  } catch {
    return 0;
  }
}

/** Watches from now on. @returns says how much was withheld when it was enough to spoil a measurement in real time. */
export function watchStolen(): () => string | undefined {
  const before = stolenMs();
  return () => {
    const stolen = stolenMs() - before;
    return stolen >= MUCH_MS ? `the machine's host kept ${stolen} ms of processor time for itself` : undefined;
  };
}
