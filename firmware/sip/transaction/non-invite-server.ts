// Non-INVITE server transaction: RFC 3261 section 17.2.2, figure 8, with the rules of RFC 4320 section 4.

import { makeResponse } from "../grammar/compose.js";
import type { SipRequest, SipResponse } from "../grammar/message.js";
import { Machine, type Surroundings } from "./machine.js";
import { longWait, untilT2 } from "./timing.js";

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
    // Over any transport, and not earlier: by then an unreliable client asks every T2 only (RFC 4320 section 4.1).
    this.startTimer("100", untilT2(around.timing), () => this.respond(makeResponse(request, 100)));
  }

  /**
   * Sends a response of the user; a second final response is discarded.
   * @throws RangeError for what RFC 4320 forbids: 408, which always comes too late, and provisional responses other than 100.
   */
  respond(response: SipResponse): void {
    if (response.status === 408 || (response.status > 100 && response.status < 200))
      throw new RangeError(`${response.status} is no answer to ${this.request.method} (RFC 4320 section 4)`);
    if (this.state !== "trying" && this.state !== "proceeding") return;
    this.stopTimer("100");
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
