// For the transaction suites: a machine's surroundings in virtual time, and messages to feed it.

import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import {
  makeResponse,
  parseMessage,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from "../../../../firmware/sip/grammar/index.js";
import { defaultTiming, type Surroundings } from "../../../../firmware/sip/transaction/index.js";

/** A request as it would come from the wire. */
export function request(method: string, branch = "z9hG4bK1", more: readonly string[] = []): SipRequest {
  const text = [
    `${method} sip:bob@biloxi.com SIP/2.0`,
    `Via: SIP/2.0/UDP 192.0.2.1:5060;branch=${branch}`,
    "Max-Forwards: 70",
    "From: Alice <sip:alice@atlanta.com>;tag=88sja8x",
    "To: Bob <sip:bob@biloxi.com>",
    "Call-ID: 987asjd97y7atg",
    `CSeq: 986759 ${method}`,
    ...more,
    "",
    "",
  ].join("\r\n");
  const parsed = parseMessage(Buffer.from(text));
  if (!parsed.ok || parsed.value.kind !== "request") throw new Error("bad test request");
  return parsed.value;
}

export const response = (to: SipRequest, status: number, toTag = "99sa0xk"): SipResponse =>
  makeResponse(to, status, { toTag });

/** Records what a machine sends, `"<ms> <first word or status>"`, and what it tells its user. */
export class Bench {
  readonly time = new VirtualTime();
  readonly log: string[] = [];
  readonly messages: SipMessage[] = [];
  /** When set, every send fails with it. */
  broken: Error | undefined;

  around(reliable = false): Surroundings {
    return {
      timers: this.time,
      timing: defaultTiming,
      reliable,
      send: (message, failed) => {
        this.messages.push(message);
        this.note(`send ${message.kind === "request" ? message.method : message.status}`);
        if (this.broken) failed(this.broken);
      },
    };
  }
  note(text: string): void {
    this.log.push(`${this.time.now()} ${text}`);
  }
  /** What happened since the last call. */
  take(): string[] {
    return this.log.splice(0);
  }
}
