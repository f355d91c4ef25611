// A 2xx of ours, sent again until its ACK comes (RFC 3261 section 13.3.1.4).

import type { Timer, Timers } from "../../runtime/timers.js";
import type { SipTiming } from "../transaction/timing.js";
import { longWait } from "../transaction/timing.js";

export class OkRetransmitter {
  private next: Timer;
  private readonly end: Timer;

  /**
   * The first copy is already on its way.
   * @param seq CSeq number of the INVITE, which its ACK carries.
   * @param resend sends the same response again: after T1, then at intervals that double up to T2.
   * @param expired 64*T1 passed without an ACK.
   */
  constructor(
    readonly seq: number,
    private readonly timers: Timers,
    private readonly timing: SipTiming,
    private readonly resend: () => void,
    expired: () => void,
  ) {
    this.next = this.arm(timing.t1);
    this.end = timers.after(longWait(timing), () => {
      this.stop();
      expired();
    });
  }

  stop(): void {
    this.next.cancel();
    this.end.cancel();
  }

  private arm(interval: number): Timer {
    return this.timers.after(interval, () => {
      this.next = this.arm(Math.min(interval * 2, this.timing.t2));
      this.resend();
    });
  }
}
