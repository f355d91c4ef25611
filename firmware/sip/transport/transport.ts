// What the layers above need of a way to carry messages: UDP, TCP and TLS have the same face.

import type { SipAddress } from "../contract.js";
import type { CounterName } from "../counters.js";

/** Takes what a transport receives. */
export interface TransportReceiver {
  /**
   * One datagram, or one message framed from a stream. The bytes may be kept.
   * @param atMs monotonic ms, taken when the bytes came.
   */
  message(bytes: Uint8Array, from: SipAddress, atMs: number): void;
  /** The transport can receive no more (socket error). */
  failed(error: Error): void;
  /** A connection is gone: what was sent over it and not answered may be lost. Streams only. */
  closed?(connection: number, error: Error): void;
  /** Something worth counting happened. */
  count?(what: CounterName): void;
}

/**
 * Told once of a message handed over: with an error when it could not be, else with the moment it was (monotonic ms) and, for a stream, the
 * connection it went over.
 */
export type SendDone = (error: Error | undefined, atMs: number, connection?: number) => void;

/** One bound transport. */
export interface SipTransport {
  /** Where it is reached: what Via and Contact say. `host` is numeric (IPv6 without brackets) or an advertised name. */
  readonly local: SipAddress;
  /** True for streams: transactions then do not retransmit (RFC 3261 section 17). */
  readonly reliable: boolean;
  /** Largest message it can carry, bytes. */
  readonly maxBytes: number;
  /** Begins to deliver. Called once. */
  start(receiver: TransportReceiver): void;
  /** Hands a message to the network. A stream opens a connection where it has none. */
  send(bytes: Uint8Array, to: SipAddress, done: SendDone): void;
  /** Opens a connection to `to`, where there is none; `done` is told once. Streams only. */
  reach?(to: SipAddress, done: (error: Error | undefined) => void): void;
  /** Keeps the way to `to` open until the flow is closed; absent where there is nothing to keep (RFC 5626 section 4.4). */
  keepOpen?(to: SipAddress, options: FlowOptions, failed: (error: Error) => void): Flow;
  /** Requests for `host`:`port` may go over that connection of the other end, as far as what it proved covers them. Streams only. */
  alias?(connection: number, host: string, port: number): void;
  /** The device's addresses have changed: connections from one that is gone are closed. Streams only. */
  dropFrom?(isHere: (address: string) => boolean): void;
  /** Connections open now; streams only. */
  connections?(): number;
  /** Idempotent. */
  close(): Promise<void>;
}

/** How a flow is kept alive. */
export interface FlowOptions {
  /**
   * Longest time between keep-alives, ms; each interval is drawn from 80 to 100 % of it (RFC 5626 section 4.4.1). Default 120 s over a stream,
   * 29 s over UDP.
   */
  readonly everyMs?: number;
  /**
   * The other end is known to answer keep-alives (section 4.2.1: outbound was agreed on, or the configuration says so): pings must bring pongs,
   * over UDP they are STUN requests and our address as the other end sees it is watched. Else CRLFs are sent that nobody need answer: over UDP
   * they keep a NAT's binding and say nothing of the flow.
   */
  readonly answered?: boolean;
  /** Told whenever a keep-alive was answered or, where none need be, when the flow has lasted from one to the next. */
  readonly alive?: () => void;
}

/** A way to somebody that is kept open (RFC 5626). */
export interface Flow {
  /** Where requests that shall use it are sent. */
  readonly address: SipAddress;
  /** Stops keeping it. Idempotent. */
  close(): void;
}
