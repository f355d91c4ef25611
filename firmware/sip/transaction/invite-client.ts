// INVITE client transaction: RFC 3261 section 17.1.1 with figure 5 of RFC 6026.

import { ackForFailure } from "../grammar/compose.js";
import type { SipRequest, SipResponse } from "../grammar/message.js";
import { Machine, type Surroundings } from "./machine.js";
import { longWait } from "./timing.js";

export type InviteClientState = "calling" | "proceeding" | "completed" | "accepted" | "terminated";

/** The transaction's user (the UAC core). */
export interface InviteClientUser {
  provisional(response: SipResponse, atMs: number): void;
  /** Every 2xx: the first, its retransmissions, those of other branches of a fork. */
  success(response: SipResponse, atMs: number): void;
  /** 300-699; its ACK has been sent. */
  failure(response: SipResponse, atMs: number): void;
  /** Timer B. */
  timeout(): void;
  transportError(error: Error): void;
  /** The last call: the transaction is gone. */
  terminated(): void;
}

export class InviteClientTransaction extends Machine<InviteClientState> {
  private interval: number;
  private ack: SipRequest | undefined;

  /** Nothing is sent before {@link start}. */
  constructor(
    readonly request: SipRequest,
    around: Surroundings,
    private readonly user: InviteClientUser,
  ) {
    super(around, "calling", "terminated", () => user.terminated());
    this.interval = around.timing.t1;
  }

  /** Sends the request. */
  start(): void {
    this.startTimer("B", longWait(this.around.timing), () => {
      this.user.timeout();
      this.terminate();
    });
    if (!this.around.reliable) this.startTimer("A", this.interval, () => this.retransmit());
    this.transmit(this.request);
  }

  /** A response that matches (section 17.1.3). */
  receive(response: SipResponse, atMs: number): void {
    switch (this.state) {
      case "calling":
      case "proceeding":
        this.stopTimer("A");
        this.stopTimer("B");
        this.stopTimer("lost");
        if (response.status < 200) {
          this.move("proceeding");
          this.user.provisional(response, atMs);
        } else if (response.status < 300) {
          this.stopTimer("abandon");
          this.move("accepted");
          this.startTimer("M", longWait(this.around.timing), () => this.terminate());
          this.user.success(response, atMs);
        } else {
          this.stopTimer("abandon");
          this.move("completed");
          this.ack = ackForFailure(this.request, response);
          if (!this.around.reliable) this.startTimer("D", this.around.timing.timerD, () => this.terminate());
          this.transmit(this.ack);
          this.user.failure(response, atMs);
          if (this.around.reliable) this.terminate();
        }
        break;
      case "completed":
        if (response.status >= 300 && this.ack) this.transmit(this.ack);
        break;
      case "accepted":
        if (response.status >= 200 && response.status < 300) this.user.success(response, atMs);
        break;
      case "terminated":
        break;
    }
  }

  /**
   * The user has lost interest: a final response is waited for another 64*T1, so that it is still acknowledged, then the transaction ends.
   * Figure 5 would let "proceeding" last for ever.
   */
  abandon(): void {
    if (this.state !== "calling" && this.state !== "proceeding") return;
    this.startTimer("abandon", longWait(this.around.timing), () => this.terminate());
  }

  /**
   * The connection it was sent over is gone. Where nothing was heard yet it has failed (RFC 3261 section 17.1.4); else the server may still
   * answer over a new connection to us, and has 64*T1 for it.
   */
  connectionLost(error: Error): void {
    const fail = (): void => {
      this.user.transportError(error);
      this.terminate();
    };
    if (this.state === "calling") fail();
    else if (this.state === "proceeding") this.startTimer("lost", longWait(this.around.timing), fail);
  }

  private retransmit(): void {
    this.interval *= 2;
    this.startTimer("A", this.interval, () => this.retransmit());
    this.transmit(this.request);
  }
  private transmit(message: SipRequest): void {
    this.around.send(message, (error) => {
      // In "accepted" nothing is sent by the machine; in the other states figure 5 ends the transaction.
      if (this.state === "terminated" || this.state === "accepted") return;
      this.user.transportError(error);
      this.terminate();
    });
  }
}
