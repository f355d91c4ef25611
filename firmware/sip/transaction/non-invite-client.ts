// Non-INVITE client transaction: RFC 3261 section 17.1.2, figure 6.

import type { SipAddress } from "../contract.js";
import type { SipRequest, SipResponse } from "../grammar/message.js";
import { Machine, type Surroundings } from "./machine.js";
import { longWait } from "./timing.js";

export type NonInviteClientState = "trying" | "proceeding" | "completed" | "terminated";

/** The transaction's user. */
export interface NonInviteClientUser {
  provisional?(response: SipResponse, atMs: number): void;
  /** 200-699, once. `way`: who answered, over which connection, and where else it could have gone; told of a request tried by its layer. */
  final(response: SipResponse, atMs: number, way?: SipAddress): void;
  /** Timer F. */
  timeout(): void;
  transportError(error: Error): void;
  terminated?(): void;
}

export class NonInviteClientTransaction extends Machine<NonInviteClientState> {
  private interval: number;

  /** Nothing is sent before {@link start}. */
  constructor(
    readonly request: SipRequest,
    around: Surroundings,
    private readonly user: NonInviteClientUser,
    onTerminated: () => void,
  ) {
    super(around, "trying", "terminated", () => {
      onTerminated();
      user.terminated?.();
    });
    this.interval = around.timing.t1;
  }

  /** Sends the request. */
  start(): void {
    this.startTimer("F", longWait(this.around.timing), () => {
      this.user.timeout();
      this.terminate();
    });
    if (!this.around.reliable) this.startTimer("E", this.interval, () => this.retransmit());
    this.transmit();
  }

  /** A response that matches (section 17.1.3). */
  receive(response: SipResponse, atMs: number): void {
    if (this.state !== "trying" && this.state !== "proceeding") return;
    if (response.status < 200) {
      this.move("proceeding");
      this.user.provisional?.(response, atMs);
      return;
    }
    this.stopTimer("E");
    this.stopTimer("F");
    this.move("completed");
    if (!this.around.reliable) this.startTimer("K", this.around.timing.t4, () => this.terminate());
    this.user.final(response, atMs);
    if (this.around.reliable) this.terminate();
  }

  /** The connection it was sent over is gone: it has failed. */
  connectionLost(error: Error): void {
    if (this.state !== "trying" && this.state !== "proceeding") return;
    this.user.transportError(error);
    this.terminate();
  }

  private retransmit(): void {
    const t2 = this.around.timing.t2;
    this.interval = this.state === "proceeding" ? t2 : Math.min(this.interval * 2, t2);
    this.startTimer("E", this.interval, () => this.retransmit());
    this.transmit();
  }
  private transmit(): void {
    this.around.send(this.request, (error) => {
      if (this.state !== "trying" && this.state !== "proceeding") return;
      this.user.transportError(error);
      this.terminate();
    });
  }
}
