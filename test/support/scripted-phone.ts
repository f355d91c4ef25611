// A telephone a test plays by hand: SIP of ours, but offers and answers are whatever the test writes.

import { randomBytes } from "node:crypto";
import { systemClock, systemTimers } from "../../firmware/runtime/index.js";
import type { ExtraHeaders, Failure, InviteDialog, OutgoingInvite } from "../../firmware/sip/contract.js";
import { UdpTransport, UserAgent } from "../../firmware/sip/index.js";
import { Journal } from "./wait.js";

/** What came of an INVITE so far. */
export type CallStep =
  | { readonly step: "provisional"; readonly status: number }
  | { readonly step: "answered"; readonly body: string; readonly dialog: InviteDialog }
  | { readonly step: "failed"; readonly failure: Failure; readonly warning: string; readonly body: string }
  | { readonly step: "ended" };

/** A call it places. */
export interface ScriptedCall {
  readonly steps: Journal<CallStep>;
  readonly invite: OutgoingInvite;
}

/** Lines of a session description with one audio line; `payloads` as in m=, with their rtpmap lines. */
export function offerText(parts: {
  readonly port: number;
  readonly profile: "RTP/SAVP" | "RTP/AVP";
  readonly payloads?: string;
  readonly rtpmaps?: readonly string[];
  /** Session-level attribute lines, e.g. `a=key-mgmt:mikey ...`. */
  readonly session?: readonly string[];
}): string {
  const { port, profile, payloads = "0", rtpmaps = ["a=rtpmap:0 PCMU/8000"], session = [] } = parts;
  return [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "c=IN IP4 127.0.0.1",
    "t=0 0",
    ...session,
    `m=audio ${port} ${profile} ${payloads}`,
    ...rtpmaps,
    "",
  ].join("\r\n");
}

export class ScriptedPhone {
  private constructor(
    readonly agent: UserAgent,
    readonly user: string,
  ) {}

  static async open(user: string): Promise<ScriptedPhone> {
    const agent = new UserAgent({
      transport: await UdpTransport.open({ host: "127.0.0.1", port: 0 }),
      clock: systemClock,
      timers: systemTimers,
      random: randomBytes,
      contact: { user },
      product: "Scripted",
    });
    return new ScriptedPhone(agent, user);
  }

  /** Its address of record. */
  get aor(): string {
    return `sip:${this.user}@127.0.0.1`;
  }

  /** Sends an INVITE; a 200 is acknowledged. */
  call(
    target: string,
    sdp: string,
    more: { readonly type?: string; readonly headers?: ExtraHeaders } = {},
  ): ScriptedCall {
    const steps = new Journal<CallStep>();
    const invite = this.agent.invite(
      {
        target,
        from: { uri: this.aor },
        body: { type: more.type ?? "application/sdp", content: Buffer.from(sdp) },
        headers: more.headers,
      },
      {
        sent: () => {},
        provisional: ({ status }) => steps.add({ step: "provisional", status }),
        accepted: (response, dialog) => {
          dialog.events = {
            acked: () => {},
            reinvite: (request) => request.reject(488),
            ended: () => steps.add({ step: "ended" }),
          };
          dialog.ack();
          steps.add({ step: "answered", body: Buffer.from(response.body).toString("utf8"), dialog });
        },
        failed: (failure) =>
          steps.add({
            step: "failed",
            failure,
            warning: failure.response?.headers.get("Warning") ?? "",
            body: Buffer.from(failure.response?.body ?? []).toString("utf8"),
          }),
      },
    );
    return { steps, invite };
  }

  /**
   * Waits until a call has failed. A 180 may come before: the phone says that it rings while it verifies, and rings only then.
   * @throws Error when it is answered instead.
   */
  async failure(call: ScriptedCall, limitMs?: number): Promise<CallStep & { step: "failed" }> {
    const end = await call.steps.until("the refusal", (one) => one.step !== "provisional", limitMs);
    if (end.step !== "failed") throw new Error(`not refused: ${end.step}`);
    return end;
  }

  /** Ends its calls and closes its port. */
  stop(): Promise<void> {
    return this.agent.close();
  }
}
