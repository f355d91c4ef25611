// Dialog state as data: identifiers, route set, remote target, sequence numbers (RFC 3261 section 12). No timers, no sending.

import type { ExtraHeaders, SipAddress, SipBody } from "../contract.js";
import {
  bodyHeaders,
  canonicalHost,
  type Essentials,
  fieldKey,
  Headers,
  parseNameAddr,
  parseSipUri,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  type SipUri,
  uriParam,
  withTag,
} from "../grammar/index.js";
import { routed } from "./route.js";

const noBody = new Uint8Array(0);

/** Key of a dialog among those of one user agent. An absent tag is empty (RFC 2543 peers). */
export function dialogKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId} ${localTag} ${remoteTag}`;
}

/** The URI of a message's first Contact, when it is a SIP URI. */
export function contactOf(message: SipMessage): string | undefined {
  const value = message.headers.get("Contact");
  const address = value === undefined ? undefined : parseNameAddr(value);
  return address?.ok && parseSipUri(address.value.uri).ok ? address.value.uri : undefined;
}

/** Parts of a request in the dialog. */
export interface InDialogParts {
  readonly via: string;
  readonly headers?: ExtraHeaders;
  readonly body?: SipBody;
  /** For ACK: the number of the INVITE. By default the next one is taken. */
  readonly seq?: number;
}

export class DialogState {
  private routes: readonly string[] = [];
  private target = "";
  private localSeq = 0;
  private remoteSeq: number | undefined;
  /** Where the peer's last INVITE or UPDATE came from. */
  private source: SipAddress | undefined;

  private constructor(
    readonly callId: string,
    readonly localTag: string,
    readonly remoteTag: string,
    /** From of our requests, tag included, as first written. */
    private readonly local: string,
    private readonly remote: string,
    readonly localUri: string,
    readonly remoteUri: string,
    /** Whose credentials and contact its requests use. */
    readonly account: string,
  ) {}

  /** For the caller, from its INVITE and a response that makes a dialog (section 12.1.2). */
  static uac(
    request: SipRequest,
    requested: Essentials,
    response: SipResponse,
    answered: Essentials,
    account = requested.from.uri,
  ): DialogState {
    const state = new DialogState(
      requested.callId,
      requested.fromTag ?? "",
      answered.toTag ?? "",
      request.headers.get("From")!,
      response.headers.get("To")!,
      requested.from.uri,
      requested.to.uri,
      account,
    );
    state.localSeq = requested.cseq.seq;
    state.target = request.uri;
    state.learnFrom(response);
    return state;
  }

  /** For the callee, from the INVITE and the tag it answers with (section 12.1.1). */
  static uas(
    request: SipRequest,
    requested: Essentials & { readonly source?: SipAddress },
    localTag: string,
    firstSeq: number,
  ): DialogState {
    const state = new DialogState(
      requested.callId,
      localTag,
      requested.fromTag ?? "",
      withTag(request.headers.get("To")!, localTag),
      request.headers.get("From")!,
      requested.to.uri,
      requested.from.uri,
      requested.to.uri,
    );
    state.localSeq = firstSeq - 1;
    state.remoteSeq = requested.cseq.seq;
    state.routes = request.headers.all("Record-Route");
    state.target = contactOf(request) ?? requested.from.uri;
    state.source = requested.source;
    return state;
  }

  get key(): string {
    return dialogKey(this.callId, this.localTag, this.remoteTag);
  }
  get remoteTarget(): string {
    return this.target;
  }
  get routeSet(): readonly string[] {
    return this.routes;
  }

  /** The caller's route set and target from a 1xx, and once more from the 2xx (section 13.2.2.4). */
  learnFrom(response: SipResponse): void {
    this.routes = [...response.headers.all("Record-Route")].reverse();
    this.refreshTarget(response);
  }

  /** A target refresh request or its 2xx (section 12.2). @param source where a request came from. */
  refreshTarget(message: SipMessage, source?: SipAddress): void {
    this.target = contactOf(message) ?? this.target;
    this.source = source ?? this.source;
  }

  /** Who a telephone that is reached without a proxy has to be: the other side, as this dialog names it. */
  get person(): string | undefined {
    const uri = this.routes.length > 0 ? undefined : parseSipUri(this.remoteUri);
    return uri?.ok && uri.value.user !== undefined ? `sip:${uri.value.user}@${uri.value.host}` : undefined;
  }

  /**
   * The peer's own connection, where `hop` is its Contact at the same address. `exact`: the Contact is the far end of that connection, and nobody
   * need listen there (RFC 3261 section 18: accepted connections are known by their source).
   */
  flowTo(hop: SipUri): { readonly flow: SipAddress; readonly exact: boolean } | undefined {
    const { source: flow } = this;
    if (flow?.connection === undefined || this.routes.length > 0) return undefined;
    const transport = hop.scheme === "sips" ? "tls" : (uriParam(hop, "transport")?.toLowerCase() ?? "udp");
    if (transport !== flow.transport || canonicalHost(hop.host) !== canonicalHost(flow.host)) return undefined;
    return { flow, exact: hop.port === flow.port };
  }

  /** Whether a request of the peer is in order; its number is then the newest (section 12.2.2). */
  takeSeq(seq: number): boolean {
    if (this.remoteSeq !== undefined && seq <= this.remoteSeq) return false;
    this.remoteSeq = seq;
    return true;
  }

  /** Makes a request of ours (section 12.2.1.1). */
  compose(method: string, parts: InDialogParts): SipRequest {
    const seq = parts.seq ?? ++this.localSeq;
    const { uri, routes } = routed(this.target, this.routes);
    const fields: (readonly [string, string])[] = [
      ["Via", parts.via],
      ["Max-Forwards", "70"],
      ["From", this.local],
      ["To", this.remote],
      ["Call-ID", this.callId],
      ["CSeq", `${seq} ${method}`],
    ];
    if (routes.length > 0) fields.push(["Route", routes.join(", ")]);
    fields.push(...(parts.headers ?? []), ...bodyHeaders(parts.body));
    return { kind: "request", method, uri, headers: new Headers(fields), body: parts.body?.content ?? noBody };
  }

  /** Where requests go: the first route, else the remote target; undefined when it is no SIP URI. */
  nextHop(): SipUri | undefined {
    const first = this.routes.length > 0 ? parseNameAddr(this.routes[0]) : undefined;
    const uri = parseSipUri(first?.ok ? first.value.uri : this.target);
    return uri.ok ? uri.value : undefined;
  }
}

/** The Record-Route fields of a request, to be copied into a response that makes a dialog (section 12.1.1). */
export function recordRoutes(request: SipRequest): ExtraHeaders {
  return request.headers.entries().filter(([name]) => fieldKey(name) === "record-route");
}
