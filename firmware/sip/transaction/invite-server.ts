// INVITE server transaction: RFC 3261 section 17.2.1 with figure 7 of RFC 6026.

import { makeResponse } from "../grammar/compose.js";
import type { SipRequest, SipResponse } from "../grammar/message.js";
import { Machine, type Surroundings } from "./machine.js";
import { longWait } from "./timing.js";

export type InviteServerState = "proceeding" | "completed" | "confirmed" | "accepted" | "terminated";

/** The transaction's user (the UAS core). */
export interface InviteServerUser {
  /** A CANCEL came while no final response was sent; its own 200 is sent by the core. */
  cancelled?(request: SipRequest): void;
  /** Timer H: a 300-699 response was never acknowledged. */
  timeout?(): void;
  /** A response could not be sent; the transaction lives on (RFC 6026 section 7.1). */
  transportError?(error: Error): void;
}

export class InviteServerTransaction extends Machine<InviteServerState> {
  /** Set by whoever answers. */
  user: InviteServerUser = {};
  private last: SipResponse | undefined;
  private interval: number;

  constructor(
    readonly request: SipRequest,
    around: Surroundings,
    onTerminated: () => void,
  ) {
    super(around, "proceeding", "terminated", onTerminated);
    this.interval = around.timing.t1;
    this.startTimer("100", around.timing.trying, () => this.respond(makeResponse(request, 100)));
  }

  /** The response sent last. */
  get lastResponse(): SipResponse | undefined {
    return this.last;
  }

  /** Sends a response of the user. In "accepted" only a 2xx (its retransmission) goes out; later ones are ignored. */
  respond(response: SipResponse): void {
    const success = response.status >= 200 && response.status < 300;
    if (this.state === "accepted" && success) {
      this.transmit(response);
      return;
    }
    if (this.state !== "proceeding") return;
    this.last = response;
    if (success) {
      this.move("accepted");
      this.transmit(response);
      this.stopTimer("100");
      this.startTimer("L", longWait(this.around.timing), () => this.terminate());
      return;
    }
    this.stopTimer("100");
    if (response.status >= 300) {
      this.move("completed");
      this.startTimer("H", longWait(this.around.timing), () => {
        this.user.timeout?.();
        this.terminate();
      });
      if (!this.around.reliable) this.startTimer("G", this.interval, () => this.retransmit());
    }
    this.transmit(response);
  }

  /** The INVITE came again. */
  receiveRetransmission(): void {
    if ((this.state === "proceeding" || this.state === "completed") && this.last) this.transmit(this.last);
  }

  /** An ACK that matches; true: it belongs to the user (state "accepted"). */
  receiveAck(): boolean {
    if (this.state === "accepted") return true;
    if (this.state === "completed") {
      this.stopTimer("G");
      this.stopTimer("H");
      this.move("confirmed");
      if (this.around.reliable) this.terminate();
      else this.startTimer("I", this.around.timing.t4, () => this.terminate());
    }
    return false;
  }

  private retransmit(): void {
    this.interval = Math.min(this.interval * 2, this.around.timing.t2);
    this.startTimer("G", this.interval, () => this.retransmit());
    this.transmit(this.last!);
  }
  private transmit(response: SipResponse): void {
    this.around.send(response, (error) => {
      if (this.state !== "terminated") this.user.transportError?.(error);
    });
  }
}
