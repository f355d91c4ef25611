// The calling thread before all others: a late period is heard.

import { binding } from "./load.js";

/**
 * Lets the calling thread run before every ordinary one (SCHED_RR), or makes it an ordinary one again.
 * @param priority 1 to 99, higher first; 0: ordinary.
 * @param inherited whether threads that it starts from now on are likewise: ALSA's plugins start some when a PCM is opened. Default false.
 * @throws Error with code `EPERM` where the user may not: that needs root, CAP_SYS_NICE or a limit (systemd's LimitRTPRIO=).
 */
export function setRealtime(priority: number, inherited = false): void {
  if (!(Number.isInteger(priority) && priority >= 0 && priority <= 99))
    throw new RangeError(`priority must be a whole number of 0 to 99, got ${priority}`);
  binding().setRealtime(priority, inherited);
}
