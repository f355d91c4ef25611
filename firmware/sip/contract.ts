// What the user agent core offers to the rooms above it: calls as INVITE usages of dialogs, no sockets, no timers.

import type { SipRequest, SipResponse } from "./grammar/message.js";

/** A message body with its type. */
export interface SipBody {
  /** E.g. `"application/sdp"`. */
  readonly type: string;
  readonly content: Uint8Array;
}

/** A body, or what makes one for each try; undefined: there is nothing to send any more, which fails with 491. */
export type OfferBody = SipBody | (() => Promise<SipBody | undefined>);

/** Extra header fields, as printed: name, value. */
export type ExtraHeaders = readonly (readonly [name: string, value: string])[];

/** A transport address. */
export interface SipAddress {
  readonly host: string;
  readonly port: number;
  readonly transport: "udp" | "tcp" | "tls";
  /** Whom a TLS server must prove to be: the host of the URI before any look-up (RFC 5922 section 7.2). Without it: `host`. */
  readonly name?: string;
  /** The person called. A certificate for this SIP URI does as well: the server may be that person's own telephone. */
  readonly person?: string;
  /** Of a next hop that is a name with port 0: its NAPTR records choose the transport too. */
  readonly anyTransport?: boolean;
  /** TCP only because the message is too large for UDP (RFC 3261 section 18.1.1). */
  readonly bySize?: boolean;
  /** Our Contact in a response that goes there has to be a sips URI (RFC 3261 section 12.1.1). */
  readonly sips?: boolean;
  /** The connection a message came in over, and its answer goes back over. */
  readonly connection?: number;
  /** Who the other end of a TLS connection has proved to be: the SIP URIs of its verified certificate. */
  readonly identities?: readonly string[];
  /** Where else to go when this fails, best first. */
  readonly alternatives?: readonly SipAddress[];
}

/** How a request ended. `cause` says who decided: the peer's final response, a timer, the transport. */
export interface Failure {
  readonly status: number;
  readonly reason: string;
  readonly cause: "response" | "timeout" | "transport";
  readonly response?: SipResponse;
  /**
   * Of a 401 or 407: why no credentials were sent, or that those sent were wrong. Of a security agreement (RFC 3329): that there is none, or that
   * the server's list of mechanisms was changed on its way.
   */
  readonly authentication?:
    | "wrong-credentials"
    | "no-credentials"
    | "unsupported"
    | "too-many"
    | "no-agreement"
    | "agreement-changed";
}

/** A call we place. */
export interface OutgoingInviteOptions {
  /** Request-URI and To, e.g. `sip:bob@example.com`. */
  readonly target: string;
  /** Our address of record; goes into From. */
  readonly from: { readonly uri: string; readonly displayName?: string };
  /** The account whose credentials, contact and routes are used, when From hides it. */
  readonly account?: string;
  /** Where to send it when not where the target says (outbound proxy). */
  readonly nextHop?: SipAddress;
  /** Route fields, first hop first (RFC 3608); they decide where it goes unless `nextHop` is there. */
  readonly routes?: readonly string[];
  readonly body?: SipBody;
  readonly headers?: ExtraHeaders;
}

export interface OutgoingInviteEvents {
  /** The first transmission has left; monotonic ms. */
  sent(atMs: number): void;
  /** 1xx, 100 included. `atMs`: when its datagram arrived. */
  provisional(response: SipResponse, atMs: number): void;
  /**
   * The first 2xx; the call must call `dialog.ack()` soon. The core retransmits that ACK for retransmitted 2xx, and ACKs then BYEs any
   * other dialog a forked request makes.
   */
  accepted(response: SipResponse, dialog: InviteDialog, atMs: number): void;
  /**
   * A phone that the INVITE has reached and that has not answered yet asks with an OPTIONS (RFC 3261 section 11) for a body of one of these media
   * types, lower case: what its 200 brings, if anything.
   */
  asked?(types: readonly string[]): SipBody | undefined;
  /** Nothing will come of it; said once, never after `accepted`. A cancelled call ends with 487. */
  failed(failure: Failure): void;
}

export interface OutgoingInvite {
  readonly callId: string;
  /** CANCEL now or as soon as a provisional response allows it (RFC 3261 section 9.1). A 2xx that still comes is ACKed and BYEd. */
  cancel(reason?: string): void;
}

/** A call that comes in. */
export interface IncomingInvite {
  readonly request: SipRequest;
  readonly callId: string;
  /** When the datagram arrived, monotonic ms. */
  readonly receivedAtMs: number;
  readonly source: SipAddress;
  /** Set by whoever takes the call. */
  events: IncomingInviteEvents;
  /** Whether the caller takes reliable provisional responses, and whether it insists on them (RFC 3262). */
  readonly takesReliable: boolean;
  readonly needsReliable: boolean;
  /**
   * 101-199 with our tag. Where the caller insists on it or `reliable` says so it is sent again until its PRACK comes; a 2xx waits for the
   * PRACK of a response with a body.
   */
  provisional(status: number, options?: ResponseOptions & { readonly reliable?: boolean }): void;
  /**
   * Asks the caller with an OPTIONS in the early dialog (RFC 3261 section 11) for a body of this media type. A {@link provisional} must have been
   * sent: by it the caller knows the dialog. `done` is called once, also where the call has ended meanwhile.
   */
  ask(type: string, done: (outcome: { readonly ok: SipResponse } | { readonly failed: Failure }) => void): void;
  /** 2xx with our tag; retransmitted until the ACK. */
  accept(options: ResponseOptions): InviteDialog;
  /** 3xx-6xx. */
  reject(status: number, options?: ResponseOptions): void;
}

export interface ResponseOptions {
  readonly reason?: string;
  readonly headers?: ExtraHeaders;
  readonly body?: SipBody;
}

export interface IncomingInviteEvents {
  /** CANCELled (487 is already answered) or the transaction timed out; said once, never after accept() or reject(). */
  cancelled(reason: string): void;
  /** The PRACK of a reliable response with an offer of ours: its body is the answer. */
  prack?(request: SipRequest): void;
}

/** A confirmed dialog with an INVITE usage (RFC 3261 section 12; RFC 5057). */
export interface InviteDialog {
  readonly callId: string;
  readonly localUri: string;
  readonly remoteUri: string;
  events: InviteDialogEvents;
  /** Caller: acknowledges the 2xx of the initial INVITE or of our last re-INVITE. Calling it twice for one 2xx is an error (Error). */
  ack(body?: SipBody): void;
  /**
   * Sends a re-INVITE. One at a time: rejects a second with failure 491 by itself. 491 from the peer is retried as in section 14.1, with a
   * body made anew where it is given as a function: what the peer's own offer changed meanwhile is then in it.
   */
  reinvite(
    body: OfferBody,
    result: (outcome: { readonly ok: SipResponse } | { readonly failed: Failure }) => void,
  ): void;
  /** Sends an UPDATE (RFC 3311), with an offer or without one; 491 is retried. One at a time, as with {@link reinvite}. */
  update(
    body: OfferBody | undefined,
    result: (outcome: { readonly ok: SipResponse } | { readonly failed: Failure }) => void,
  ): void;
  /** Whether the peer has said that it takes UPDATE. */
  readonly takesUpdate: boolean;
  /** Ends the call. Where a 2xx of ours is not yet ACKed it waits for the ACK or its time-out (section 15). Idempotent. */
  bye(headers?: ExtraHeaders, body?: SipBody): void;
}

/** A re-INVITE of the peer, or an UPDATE with an offer (`request.method` tells). */
export interface IncomingReinvite {
  readonly request: SipRequest;
  accept(options: ResponseOptions): void;
  reject(status: number, options?: ResponseOptions): void;
}

export interface InviteDialogEvents {
  /** Callee: the ACK of our 2xx came. */
  acked(request: SipRequest, atMs: number): void;
  /** The peer re-INVITEs; answer it through its methods. */
  reinvite(request: IncomingReinvite): void;
  /** The session timer asks for a re-INVITE with the session as it is (the peer takes no UPDATE); its 2xx needs `ack()` as always. */
  refresh?(): void;
  /** Over: BYE of the peer, BYE answered, ACK that never came, 481/408 to a request within. Said once. `request`: the peer's BYE when there is one. */
  ended(why: {
    readonly by: "peer" | "us" | "timeout" | "error";
    readonly text: string;
    readonly request?: SipRequest;
  }): void;
}

/** The core's needs of the room above. */
export interface UserAgentEvents {
  /** A new call; must be answered through `invite` in the end. When nothing listens it is declined with 480. */
  invite(invite: IncomingInvite): void;
  /**
   * How an OPTIONS is answered: with the status an INVITE would get now, e.g. 200 or 486 (section 11.2), and perhaps a body that tells the
   * media we can do. 200 without a body when this is absent.
   */
  options?(request: SipRequest): ResponseOptions & { readonly status: number };
  /** A MESSAGE (RFC 3428), in a dialog or not; the status it is answered with. 405 when this is absent. */
  message?(request: SipRequest, source: SipAddress): ResponseOptions & { readonly status: number };
}

/** Counters of what was received and dropped, by reason; shown in `sotto status`. */
export type SipCounters = Readonly<Record<string, number>>;
