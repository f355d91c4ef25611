// The transport layer: bytes to checked messages and back, for one bound transport (RFC 3261 section 18). Counts what it drops.

import type { Clock } from "../../runtime/clock.js";
import type { Log } from "../../runtime/log.js";
import type { SipAddress } from "../contract.js";
import type { Counters } from "../counters.js";
import {
  bracketed,
  canonicalHost,
  type Essentials,
  isKeepAlive,
  makeResponse,
  type ParseLimits,
  parseMessage,
  parseVia,
  printMessage,
  readEssentials,
  type SipMessage,
  type SipParseError,
  type SipRequest,
  type SipResponse,
  type Via,
} from "../grammar/index.js";
import { responseTarget, stampRequest, stampVia } from "./routing.js";
import type { SipTransport } from "./transport.js";

/** A request as the layers above see it: checked, its top Via stamped. */
export interface ReceivedRequest extends Essentials {
  readonly request: SipRequest;
  readonly source: SipAddress;
  /** Where responses go. */
  readonly replyTo: SipAddress;
  /** Arrival, monotonic ms. */
  readonly atMs: number;
}

/** A response with what matching needs. */
export interface ReceivedResponse extends Essentials {
  readonly response: SipResponse;
  readonly source: SipAddress;
  readonly atMs: number;
}

/** The layer above. */
export interface TransportUser {
  request(received: ReceivedRequest): void;
  response(received: ReceivedResponse): void;
}

/** Sizes from which a request should not go over UDP (section 18.1.1). */
const UDP_MTU_SAFE = 1300;

export interface TransportLayerOptions {
  readonly transport: SipTransport;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Log;
  readonly limits: ParseLimits;
  /** Largest message taken in, bytes. */
  readonly messageBytes: number;
  /** Added to responses made here (Server). */
  readonly product?: string;
  /** A To tag for a response no transaction keeps: the same for a retransmission (section 8.2.7). */
  readonly statelessTag: (request: SipRequest) => string;
}

export class TransportLayer {
  private user: TransportUser | undefined;
  private lastSend = Number.NaN;

  constructor(private readonly options: TransportLayerOptions) {}

  get local(): SipAddress {
    return this.options.transport.local;
  }
  get reliable(): boolean {
    return this.options.transport.reliable;
  }

  /** When the last message was handed to the transport, monotonic ms; NaN before the first. */
  get lastSendMs(): number {
    return this.lastSend;
  }

  /** Begins to receive. */
  start(user: TransportUser): void {
    this.user = user;
    this.options.transport.start({
      message: (bytes, from, atMs) => this.receive(bytes, from, atMs),
      failed: (error) => this.options.log.error("transport-failed", { error: error.message }),
    });
  }

  /** A Via value of ours; responses come back to the bound port (rport, RFC 3581). */
  newVia(branch: string): string {
    const { host, port, transport } = this.local;
    return `SIP/2.0/${transport.toUpperCase()} ${bracketed(host)}:${port};rport;branch=${branch}`;
  }

  /** Sends; `done` gets an error or the moment the message left. */
  send(message: SipMessage, to: SipAddress, done?: (error: Error | undefined, atMs: number) => void): void {
    const { transport, counters, log } = this.options;
    const bytes = printMessage(message);
    if (!transport.reliable && bytes.length > UDP_MTU_SAFE) counters.add("sent-over-mtu");
    this.lastSend = this.options.clock.now();
    transport.send(bytes, to, (error, atMs) => {
      counters.add(error ? "send-failed" : "messages-sent");
      if (error)
        log.warn("send-failed", { to: `${bracketed(to.host)}:${to.port}`, bytes: bytes.length, error: error.message });
      done?.(error, atMs);
    });
  }

  close(): Promise<void> {
    return this.options.transport.close();
  }

  private receive(bytes: Uint8Array, source: SipAddress, atMs: number): void {
    const { counters, log } = this.options;
    if (bytes.length > this.options.messageBytes) {
      counters.add("oversize-dropped");
      return;
    }
    if (isKeepAlive(bytes)) {
      counters.add("keep-alive");
      return;
    }
    if (!canBegin(bytes[0])) {
      counters.add("not-sip");
      return;
    }
    const parsed = parseMessage(bytes, this.options.limits);
    if (!parsed.ok) {
      log.debug("malformed", { code: parsed.error.code, offset: parsed.error.offset, from: source.host });
      this.refuse(parsed.error, source);
      return;
    }
    const message = parsed.value;
    const essentials = readEssentials(message);
    if (!essentials.ok) {
      log.debug("malformed", { code: essentials.error.code, text: essentials.error.text, from: source.host });
      if (message.kind === "response") {
        counters.add("malformed-dropped");
        return;
      }
      this.refuse({ code: essentials.error.code, text: essentials.error.text, request: message }, source);
      return;
    }
    if (message.kind === "response") {
      this.receiveResponse(message, essentials.value, source, atMs);
      return;
    }
    counters.add("requests-received");
    const via = stampVia(essentials.value.via, source);
    const request = stampRequest(message, essentials.value.via, via);
    this.user?.request({
      ...essentials.value,
      via,
      request,
      source,
      replyTo: responseTarget(via, source),
      atMs,
    });
  }

  private receiveResponse(response: SipResponse, essentials: Essentials, source: SipAddress, atMs: number): void {
    const { counters } = this.options;
    counters.add("responses-received");
    if (!this.isOurs(essentials.via)) {
      counters.add("response-not-ours");
      return;
    }
    this.user?.response({ ...essentials, response, source, atMs });
  }

  private isOurs(via: Via): boolean {
    const { host, port, transport } = this.local;
    return (
      via.transport === transport.toUpperCase() &&
      (via.port ?? 5060) === port &&
      canonicalHost(via.host) === canonicalHost(host)
    );
  }

  /** 400 or 505 for a request that cannot be processed, where its sender can be told; else it is dropped. */
  private refuse(error: SipParseError, source: SipAddress): void {
    const { counters, product } = this.options;
    const request = error.request;
    const headers = request?.headers;
    const tellable = request && request.method !== "ACK" && headers?.has("Via") && headers.has("CSeq");
    if (!tellable) {
      counters.add("malformed-dropped");
      return;
    }
    counters.add("malformed-answered");
    const top = parseVia(headers!.get("Via")!);
    const via = top.ok ? stampVia(top.value, source) : undefined;
    const stamped = top.ok && via ? stampRequest(request, top.value, via) : request;
    const version = error.code === "version";
    const response = makeResponse(stamped, version ? 505 : 400, {
      reason: version ? undefined : `Bad Request: ${error.text}`,
      toTag: this.options.statelessTag(request),
      headers: product ? [["Server", product]] : [],
    });
    this.send(response, via ? responseTarget(via, source) : source);
  }
}

/** A request or status line begins with a token character, perhaps behind CRLFs. */
function canBegin(byte: number): boolean {
  return byte === 13 || (byte > 0x20 && byte < 0x7f);
}
