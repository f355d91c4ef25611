// The callee's side of reliable provisional responses: one at a time, sent again until its PRACK comes (RFC 3262 section 3).

import type { Timer } from "../../runtime/timers.js";
import type { DialogHost } from "../dialog/index.js";
import { longWait } from "../transaction/index.js";

interface Waiting {
  /** Sends the response with this RSeq; called again for each retransmission. */
  readonly send: (rseq: number) => void;
  /** It holds an offer or an answer: no 2xx before it is acknowledged (section 5). */
  readonly hasBody: boolean;
}

export class ReliableProvisionals {
  private rseq: number;
  private current: (Waiting & { readonly rseq: number }) | undefined;
  private readonly queue: Waiting[] = [];
  private next: Timer | undefined;
  private limit: Timer | undefined;

  /** @param unacknowledged 64*T1 without a PRACK. */
  constructor(
    private readonly host: DialogHost,
    private readonly inviteSeq: number,
    private readonly unacknowledged: () => void,
  ) {
    this.rseq = host.ids.between(1, 0x7ffffffe);
  }

  /** Whether a response with a body still waits for its PRACK. */
  get holdsFinal(): boolean {
    return this.current?.hasBody === true || this.queue.some((each) => each.hasBody);
  }

  send(waiting: Waiting): void {
    if (this.current) this.queue.push(waiting);
    else this.begin(waiting);
  }

  /** Takes RAck of a PRACK; undefined: it acknowledges nothing (481). `hasBody` is the acknowledged response's. */
  acknowledge(rack: string | undefined): { readonly hasBody: boolean } | undefined {
    const parts = /^\s*(\d+)\s+(\d+)\s+(\S+)\s*$/.exec(rack ?? "");
    const { current } = this;
    if (!parts || !current) return undefined;
    if (Number(parts[1]) !== current.rseq || Number(parts[2]) !== this.inviteSeq || parts[3] !== "INVITE")
      return undefined;
    this.settle();
    const following = this.queue.shift();
    if (following) this.begin(following);
    return current;
  }

  /** A final response leaves: nothing is sent again. */
  stop(): void {
    this.settle();
    this.queue.length = 0;
  }

  private begin(waiting: Waiting): void {
    const rseq = this.rseq++;
    this.current = { ...waiting, rseq };
    this.arm(this.host.timing.t1);
    this.limit = this.host.timers.after(longWait(this.host.timing), () => {
      this.stop();
      this.unacknowledged();
    });
    waiting.send(rseq);
  }

  private arm(interval: number): void {
    this.next = this.host.timers.after(interval, () => {
      const { current } = this;
      if (!current) return;
      this.arm(interval * 2);
      current.send(current.rseq);
    });
  }

  private settle(): void {
    this.current = undefined;
    this.next?.cancel();
    this.limit?.cancel();
  }
}
