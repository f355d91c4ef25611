// Lets the voice thread run before others when the processor is busy: a late period is heard, a late screen is not.

import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";

/** Nice value of the voice thread: above everything ordinary, below what the system itself needs. */
const VOICE_NICE = -11;

/**
 * Raises the calling thread's priority (Linux: nice values are per thread).
 * @returns whether it could: needs root, CAP_SYS_NICE or a nice limit (systemd's LimitNICE=).
 */
export function raiseThreadPriority(): boolean {
  try {
    // "<pid>/task/<tid>" of whoever reads it; a synchronous read happens in the calling thread.
    const thread = Number(readlinkSync("/proc/thread-self").split("/").pop());
    setPriority(thread, VOICE_NICE);
    return true;
  } catch {
    return false;
  }
}
