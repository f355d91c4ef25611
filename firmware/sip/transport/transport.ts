// What the layers above need of a way to carry messages. UDP implements it; TCP and TLS have the same face.

import type { SipAddress } from "../contract.js";

/** Takes what a transport receives. */
export interface TransportReceiver {
  /**
   * One datagram, or one message framed from a stream. The bytes may be kept.
   * @param atMs monotonic ms, taken when the bytes came.
   */
  message(bytes: Uint8Array, from: SipAddress, atMs: number): void;
  /** The transport can receive no more (socket error). */
  failed(error: Error): void;
}

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
  /**
   * Hands a message to the network. `done` is called once: with an error when it could not be handed over, else with the moment it was
   * (monotonic ms).
   */
  send(bytes: Uint8Array, to: SipAddress, done: (error: Error | undefined, atMs: number) => void): void;
  /** Idempotent. */
  close(): Promise<void>;
}
