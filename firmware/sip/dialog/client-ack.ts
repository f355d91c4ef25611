// The ACK of a 2xx: made by the core, sent once for every copy of the 2xx (RFC 3261 section 13.2.2.4).

import type { ExtraHeaders, SipAddress, SipBody } from "../contract.js";
import type { SipRequest } from "../grammar/message.js";
import type { DialogHost } from "./host.js";
import { resolveHop } from "./next-hop.js";
import type { DialogState } from "./state.js";

export class ClientAck {
  private request: SipRequest | undefined;
  private to: SipAddress | undefined;

  /** @param seq CSeq number of the INVITE. */
  constructor(
    private readonly host: DialogHost,
    private readonly state: DialogState,
    private readonly seq: number,
    /** Those the INVITE was sent with. */
    private readonly credentials: ExtraHeaders = [],
  ) {}

  /** Whether {@link send} was called. */
  get sent(): boolean {
    return this.request !== undefined;
  }

  /** The first time. */
  send(body: SipBody | undefined): void {
    const { host, state } = this;
    const via = host.transport.newVia(host.ids.branch());
    const request = state.compose("ACK", {
      via,
      seq: this.seq,
      body,
      headers: [...host.fields.userAgent, ...this.credentials],
    });
    this.request = request;
    const hop = state.nextHop();
    if (!hop) return;
    resolveHop(host, state, hop, (result) => {
      if (!result.ok) {
        host.log.warn("ack-not-sent", { why: result.error.text });
        return;
      }
      this.to = result.value;
      this.again();
    });
  }

  /** A copy of the 2xx came. */
  again(): void {
    const { host, request, to } = this;
    if (!request || !to) return;
    host.transport.send(request, to, (error) => {
      const [next] = to.alternatives ?? [];
      if (error && next) host.transport.send(request, next);
    });
  }
}
