// An UPDATE of ours: a session refresh or another offer, outside the INVITE's three-way handshake (RFC 3311).

import type { Timer } from "../../runtime/timers.js";
import type { ExtraHeaders, OfferBody, SipBody } from "../contract.js";
import type { SipResponse } from "../grammar/index.js";
import { type SendOutcome, sendAuthorised } from "./authorised.js";
import { type DialogHost, nothingToSend, notSent } from "./host.js";
import { resolveHop } from "./next-hop.js";
import type { DialogState } from "./state.js";

const MAX_TRIES = 4;

/** What it needs of its dialog. */
export interface UpdateOwner {
  readonly host: DialogHost;
  readonly state: DialogState;
  readonly ownsCallId: boolean;
  /** An offer of the peer is open. */
  busy(): boolean;
}

export class UpdateOut {
  private wait: Timer | undefined;
  private tries = 0;
  private over = false;
  private running = false;

  /** @param fields made for each try: Session-Expires may have to grow. @param done said once; never after {@link stop}. */
  constructor(
    private readonly owner: UpdateOwner,
    private readonly body: OfferBody | undefined,
    private readonly fields: () => ExtraHeaders,
    private readonly done: (outcome: SendOutcome) => void,
  ) {}

  /** Whether an UPDATE of ours is open now (not while waiting after a 491). */
  get inProgress(): boolean {
    return this.running;
  }

  /** Sends it, or waits as after a 491 when an offer of the peer is in the way. */
  start(): void {
    this.tries++;
    if (this.body && this.owner.busy() && this.tries < MAX_TRIES) return this.later();
    this.running = true;
    if (typeof this.body !== "function") return this.send(this.body);
    void this.body().then((body) => {
      if (this.over) return;
      if (body) this.send(body);
      else this.finish({ failed: nothingToSend });
    });
  }

  private send(body: SipBody | undefined): void {
    const { host, state } = this.owner;
    const hop = state.nextHop();
    if (!hop) return this.finish({ failed: notSent("the peer's contact is not a SIP URI") });
    resolveHop(host, state, hop, (found) => {
      if (this.over) return;
      if (!found.ok) return this.finish({ failed: notSent(found.error.text) });
      const attempt = host.auth(state.account)?.begin(state.callId);
      const make = () => {
        const branch = host.ids.branch();
        const headers = [...host.fields.invite(state.account), ...host.fields.userAgent, ...this.fields()];
        return {
          branch,
          request: state.compose("UPDATE", { via: host.transport.newVia(branch), headers, body }),
        };
      };
      sendAuthorised(host, attempt, make, found.value, (outcome) => this.answered(outcome));
    });
  }

  /** The dialog ends. */
  stop(): void {
    this.over = true;
    this.wait?.cancel();
  }

  private answered(outcome: SendOutcome): void {
    if (this.over) return;
    const { host, state } = this.owner;
    if ("failed" in outcome && outcome.failed.status === 491 && this.tries < MAX_TRIES) {
      host.counters.add("glare");
      return this.later();
    }
    if ("ok" in outcome) state.refreshTarget(outcome.ok satisfies SipResponse);
    this.finish(outcome);
  }

  /** Section 5.3 takes the intervals of RFC 3261 section 14.1. */
  private later(): void {
    const { host, ownsCallId } = this.owner;
    this.running = false;
    const delay = ownsCallId ? host.ids.between(210, 400) * 10 : host.ids.between(0, 200) * 10;
    this.wait = host.timers.after(delay, () => this.start());
  }

  private finish(outcome: SendOutcome): void {
    if (this.over) return;
    this.over = true;
    this.done(outcome);
  }
}
