// The transport layer: bytes to checked messages and back, over every transport there is (RFC 3261 section 18). Counts what it drops.

import type { Clock } from "../../runtime/clock.js";
import type { Log } from "../../runtime/log.js";
import type { SipAddress } from "../contract.js";
import type { Counters } from "../counters.js";
import {
  bracketed,
  canonicalHost,
  type Essentials,
  Headers,
  hasParam,
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
import { addressesHere } from "./address-watch.js";
import type { RateGuard } from "./rate.js";
import {
  answersSips,
  compactNames,
  contactFor,
  isSurelyLong,
  needsSips,
  overUdp,
  UDP_MTU_SAFE,
  withContact,
} from "./rewrite.js";
import { responseTarget, stampRequest, stampVia } from "./routing.js";
import type { Flow, FlowOptions, SendDone, SipTransport } from "./transport.js";

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
  /** A connection is gone; what waits for an answer over it waits in vain. */
  lost?(connection: number, error: Error): void;
}

/** How long it is remembered that somebody does not take TCP, ms. */
const NO_TCP_MS = 300_000;
/** Addresses of before that responses may still name. */
const MAX_FORMER = 4;

export interface TransportLayerOptions {
  /** The first is the one used where nothing asks for another. */
  readonly transports: readonly SipTransport[];
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Log;
  readonly limits: ParseLimits;
  /** Largest message taken in, bytes. */
  readonly messageBytes: number;
  /** Our Contact URI over the first transport, as of now: replaced where a message goes over another. */
  readonly contactUri: () => string;
  /** Bounds what one source, and all together, may send. */
  readonly guard?: RateGuard;
  /** Added to responses made here (Server). */
  readonly product?: string;
  /** A To tag for a response no transaction keeps: the same for a retransmission (section 8.2.7). */
  readonly statelessTag: (request: SipRequest) => string;
}

export class TransportLayer {
  private user: TransportUser | undefined;
  private lastSend = Number.NaN;
  /** Who did not take TCP, and until when that is believed. */
  private readonly noTcp = new Map<string, number>();
  /** What is announced in place of the transports' own address, and what was before. */
  private host: string | undefined;
  private readonly formerHosts: string[] = [];

  constructor(private readonly options: TransportLayerOptions) {}

  /** Where the first transport is reached. */
  get local(): SipAddress {
    return this.place(this.options.transports[0]);
  }

  /** Where each transport is reached. */
  get locals(): readonly SipAddress[] {
    return this.options.transports.map((transport) => this.place(transport));
  }

  /** The device has another address: from now on Via and Contact say it. Responses to the old ones are still taken. */
  readdress(host: string): void {
    for (const { host: before } of this.locals) if (!this.formerHosts.includes(before)) this.formerHosts.push(before);
    if (this.formerHosts.length > MAX_FORMER) this.formerHosts.splice(0, this.formerHosts.length - MAX_FORMER);
    this.host = host;
    const here = new Set([host, ...addressesHere()].map(canonicalHost));
    for (const transport of this.options.transports) transport.dropFrom?.((address) => here.has(address));
  }

  private place(transport: SipTransport): SipAddress {
    return this.host === undefined ? transport.local : { ...transport.local, host: this.host };
  }

  /** Connections open now. */
  get connections(): number {
    return this.options.transports.reduce((sum, transport) => sum + (transport.connections?.() ?? 0), 0);
  }

  /** Whether transactions need not retransmit on the way to `to`. */
  reliable(to: SipAddress): boolean {
    return this.find(to.transport)?.reliable ?? true;
  }

  /** When the last message was handed to a transport, monotonic ms; NaN before the first. */
  get lastSendMs(): number {
    return this.lastSend;
  }

  /** Begins to receive. */
  start(user: TransportUser): void {
    this.user = user;
    const { counters, log } = this.options;
    for (const transport of this.options.transports)
      transport.start({
        message: (bytes, from, atMs) => this.receive(bytes, from, atMs),
        failed: (error) =>
          log.error("transport-failed", { transport: transport.local.transport, error: error.message }),
        closed: (connection, error) => this.user?.lost?.(connection, error),
        count: (what) => counters.add(what),
      });
  }

  /** A Via value of ours; responses come back to the bound port (rport, RFC 3581), or over the connection. */
  newVia(branch: string, to?: SipAddress): string {
    const found = this.find(to?.transport);
    const { host, port, transport } = found ? this.place(found) : this.local;
    // RFC 5923 section 5: the connection may carry the other end's requests too.
    const alias = transport === "tls" ? ";alias" : "";
    return `SIP/2.0/${transport.toUpperCase()} ${bracketed(host)}:${port};rport${alias};branch=${branch}`;
  }

  /**
   * Where a request is tried, in order: `to`, what it has as alternatives, and TCP before UDP where the request is too large for UDP
   * with compact names, too (section 18.1.1).
   */
  attempts(request: SipRequest, to: SipAddress): readonly SipAddress[] {
    const all = to.alternatives ? [{ ...to, alternatives: undefined }, ...to.alternatives] : [to];
    const datagrams = all.some((each) => each.transport === "udp");
    if (!datagrams || !this.find("tcp") || !overUdp(request)) return all;
    return all.flatMap((each) => {
      if (each.transport !== "udp" || this.withoutTcp(each)) return [each];
      return [{ bySize: true, ...each, transport: "tcp" as const }, each];
    });
  }

  /**
   * Makes the way ready that this request to `to` would take first: opens its connection, or learns that there is none to be had. Sends no
   * message. `done` is told once.
   */
  reach(request: SipRequest, to: SipAddress, done: (error: Error | undefined) => void): void {
    const [first] = this.attempts(request, to);
    const transport = this.find(first.transport);
    if (!transport?.reach) return done(undefined);
    transport.reach(first, (error) => {
      if (error && first.bySize) this.noteWithoutTcp(first);
      done(error);
    });
  }

  /** The message as it goes to `to`: Via of that transport, and a Contact the other end can use. */
  prepare<M extends SipMessage>(message: M, to: SipAddress): M {
    const transport = this.find(to.transport);
    if (!transport) return message;
    let headers = message.headers instanceof Headers ? message.headers : new Headers(message.headers.entries());
    if (message.kind === "request") {
      const branch = /;branch=([^;,\s]+)/.exec(headers.get("Via") ?? "")?.[1];
      const via = branch === undefined ? undefined : this.newVia(branch, to);
      if (via !== undefined && via !== headers.get("Via")) headers = headers.withFirst("Via", via);
    }
    const secure = message.kind === "request" ? needsSips(message) : to.sips === true;
    headers = withContact(headers, this.options.contactUri(), this.contactOver(to, secure));
    return headers === message.headers ? message : { ...message, headers };
  }

  /** Our Contact URI in what goes to `to`; `secure`: as a sips URI. */
  contactOver(to: SipAddress, secure: boolean): string {
    const contactUri = this.options.contactUri();
    const transport = this.find(to.transport);
    if (!transport) return contactUri;
    const bySize = to.bySize === true || transport === this.options.transports[0];
    return contactFor(contactUri, this.place(transport), { bySize, secure });
  }

  /** Sends to `to`; a response whose connection is gone goes to its alternatives (section 18.2.2). */
  send(message: SipMessage, to: SipAddress, done?: SendDone): void {
    const { counters, log, clock } = this.options;
    const transport = this.find(to.transport);
    if (!transport) {
      queueMicrotask(() => done?.(new Error(`there is no ${to.transport} transport here`), clock.now()));
      return;
    }
    const bytes = this.print(this.prepare(message, to), transport);
    this.lastSend = clock.now();
    transport.send(bytes, to, (error, atMs, connection) => {
      counters.add(error ? "send-failed" : "messages-sent");
      if (error) {
        const where = `${bracketed(to.host)}:${to.port}/${to.transport}`;
        log.warn("send-failed", { to: where, bytes: bytes.length, error: error.message });
        if (to.bySize) this.noteWithoutTcp(to);
        const [next, ...alternatives] = (message.kind === "response" && to.alternatives) || [];
        if (next) return this.send(message, { ...next, sips: to.sips, alternatives }, done);
      }
      done?.(error, atMs, connection);
    });
  }

  /** The bytes for that transport: with compact names where UDP would have to carry too many (section 7.3.3). */
  private print(message: SipMessage, transport: SipTransport): Uint8Array {
    if (transport.reliable) return printMessage(message);
    if (!isSurelyLong(message)) {
      const bytes = printMessage(message);
      if (bytes.length <= UDP_MTU_SAFE) return bytes;
    }
    const compact = printMessage(message, compactNames);
    if (message.kind === "request" && compact.length > UDP_MTU_SAFE) this.options.counters.add("sent-over-mtu");
    return compact;
  }

  /** Keeps the way to `to` open; undefined where its transport cannot. */
  keepOpen(to: SipAddress, options: FlowOptions, failed: (error: Error) => void): Flow | undefined {
    return this.find(to.transport)?.keepOpen?.(to, options, failed);
  }

  async close(): Promise<void> {
    await Promise.all(this.options.transports.map((transport) => transport.close()));
  }

  private find(kind: SipAddress["transport"] | undefined): SipTransport | undefined {
    return this.options.transports.find((transport) => transport.local.transport === kind);
  }

  private withoutTcp(to: SipAddress): boolean {
    const until = this.noTcp.get(`${to.host}:${to.port}`);
    return until !== undefined && until > this.options.clock.now();
  }

  private noteWithoutTcp(to: SipAddress): void {
    if (this.noTcp.size >= 256) this.noTcp.clear();
    this.noTcp.set(`${to.host}:${to.port}`, this.options.clock.now() + NO_TCP_MS);
  }

  private receive(bytes: Uint8Array, source: SipAddress, atMs: number): void {
    const { counters, log } = this.options;
    if (bytes.length > this.options.messageBytes) {
      counters.add("oversize-dropped");
      return;
    }
    if (this.options.guard && !this.options.guard.admitMessage(source.host, atMs)) {
      counters.add("rate-dropped");
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
    if (source.identities?.length && hasParam(via.params, "alias")) this.alias(source, via);
    const { cseq, callId, from, to, fromTag, toTag } = essentials.value;
    const replyTo = answersSips(message) ? { ...responseTarget(via, source), sips: true } : responseTarget(via, source);
    this.user?.request({ via, cseq, callId, from, to, fromTag, toTag, request, source, replyTo, atMs });
  }

  /** RFC 5923 section 6: requests of ours may go over a connection whose other end has proved who it is. */
  private alias(source: SipAddress, via: Via): void {
    const transport = this.find(source.transport);
    if (source.connection !== undefined) transport?.alias?.(source.connection, source.host, via.port ?? 5061);
  }

  private receiveResponse(response: SipResponse, essentials: Essentials, source: SipAddress, atMs: number): void {
    const { counters } = this.options;
    counters.add("responses-received");
    if (!this.isOurs(essentials.via)) {
      counters.add("response-not-ours");
      return;
    }
    const { via, cseq, callId, from, to, fromTag, toTag } = essentials;
    this.user?.response({ via, cseq, callId, from, to, fromTag, toTag, response, source, atMs });
  }

  private isOurs(via: Via): boolean {
    const found = this.find(via.transport.toLowerCase() as SipAddress["transport"]);
    if (!found) return false;
    const local = this.place(found);
    const port = via.port ?? (local.transport === "tls" ? 5061 : 5060);
    const host = canonicalHost(via.host);
    return port === local.port && [local.host, ...this.formerHosts].some((each) => canonicalHost(each) === host);
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
