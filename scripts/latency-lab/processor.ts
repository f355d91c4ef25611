// A processor for each phone, as two phones have: else the kernel may wake the one that receives where the one that has just sent goes on
// with work nobody waits for, and that work is read as the message's time under way.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { which } from "../../test/interop/tools.js";
import type { Side } from "./people.js";

/** Numbers in a list of the kernel's, e.g. `0-2,5`. */
export function processorList(text: string): number[] {
  return text
    .trim()
    .split(",")
    .flatMap((range) => {
      const [first, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

/** Processors we may use. */
function allowed(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return list === undefined ? [] : processorList(list);
}

/** Whether each phone can have one of its own here. */
export function hasProcessorEach(): boolean {
  return which("taskset") !== undefined && allowed().length >= 2;
}

/** Keeps a phone's process, all its threads, to its side's processor, where there are two. */
export function keepToProcessor(pid: number, side: Side): void {
  if (!hasProcessorEach()) return;
  const processor = allowed()[side === "alice" ? 0 : 1];
  try {
    execFileSync("taskset", ["-a", "-c", "-p", `${processor}`, `${pid}`], { stdio: "ignore" });
  } catch {
    // It has just ended, which its owner will tell.
  }
}
