// Non-INVITE server transaction: RFC 3261 section 17.2.2, figure 8. Its user answers at once (RFC 4320 section 4.1).

import type { SipRequest, SipResponse } from "../grammar/message.js";
import { Machine, type Surroundings } from "./machine.js";
import { longWait } from "./timing.js";

export type NonInviteServerState = "trying" | "proceeding" | "completed" | "terminated";

export class NonInviteServerTransaction extends Machine<NonInviteServerState> {
  private last: SipResponse | undefined;

  constructor(
    readonly request: SipRequest,
    around: Surroundings,
    onTerminated: () => void,
    private readonly onTransportError: (error: Error) => void = () => {},
  ) {
    super(around, "trying", "terminated", onTerminated);
    // A user that never answers must not keep the transaction for ever; the client gave up long before (timer F).
    this.startTimer("unanswered", 2 * longWait(around.timing), () => this.terminate());
  }

  /** Sends a response of the user; a second final response is discarded. */
  respond(response: SipResponse): void {
    if (this.state !== "trying" && this.state !== "proceeding") return;
    this.last = response;
    if (response.status < 200) {
      this.move("proceeding");
      this.transmit(response);
      return;
    }
    this.stopTimer("unanswered");
    this.move("completed");
    if (!this.around.reliable) this.startTimer("J", longWait(this.around.timing), () => this.terminate());
    this.transmit(response);
    if (this.around.reliable) this.terminate();
  }

  /** The request came again. */
  receiveRetransmission(): void {
    if (this.last && (this.state === "proceeding" || this.state === "completed")) this.transmit(this.last);
  }

  private transmit(response: SipResponse): void {
    this.around.send(response, (error) => {
      if (this.state === "terminated") return;
      this.onTransportError(error);
      this.terminate();
    });
  }
}
