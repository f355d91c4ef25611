// SIP over UDP on one socket: requests leave from the port that is listened on (RFC 3581 section 3).

import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { type Clock, systemClock } from "../../runtime/clock.js";
import { systemTimers, type Timers } from "../../runtime/timers.js";
import type { SipAddress } from "../contract.js";
import { bindProblem, checkPort, reachable } from "./bind.js";
import { UdpKeepAlive } from "./keep-alive.js";
import { isStun } from "./stun.js";
import type { Flow, FlowOptions, SendDone, SipTransport, TransportReceiver } from "./transport.js";

/** How to bind. */
export interface UdpOptions {
  /** Numeric address, e.g. `127.0.0.1`, `::1`, `0.0.0.0`. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** What Via and Contact say in place of `host`; by default the host itself, for a wildcard the machine's first outside address. */
  readonly advertise?: string;
  readonly clock?: Clock;
  readonly timers?: Timers;
  /** Socket buffer sizes in bytes, default 1 MiB: a burst must not be lost while JavaScript is busy. */
  readonly bufferBytes?: number;
}

/** Largest UDP payload over IPv4. */
const MAX_DATAGRAM = 65507;

/** A bound UDP socket. Make it with {@link UdpTransport.open}. */
export class UdpTransport implements SipTransport {
  readonly reliable = false;
  readonly maxBytes = MAX_DATAGRAM;
  readonly local: SipAddress;
  private receiver: TransportReceiver | undefined;
  private closing: Promise<void> | undefined;
  private readonly flows: UdpKeepAlive;

  private constructor(
    private readonly socket: Socket,
    host: string,
    private readonly clock: Clock,
    timers: Timers,
  ) {
    this.local = { host, port: socket.address().port, transport: "udp" };
    this.flows = new UdpKeepAlive({
      timers,
      random: (count) => new Uint8Array(randomBytes(count)),
      send: (bytes, to) => this.send(bytes, to, () => {}),
    });
  }

  /**
   * Binds. @throws RangeError for a bad port; Error "SIP port 5060/udp on 127.0.0.1 is in use" (or what else hinders), never a bare errno.
   */
  static async open(options: UdpOptions): Promise<UdpTransport> {
    const { host, port, clock = systemClock, timers = systemTimers, bufferBytes = 1 << 20 } = options;
    checkPort(port);
    const v6 = isIPv6(host);
    // Numeric destinations are "looked up" at once, so that send() reaches the kernel before it returns.
    const socket = createSocket({
      type: v6 ? "udp6" : "udp4",
      ipv6Only: v6,
      lookup: (name, _options, callback) => callback(null, name, name.includes(":") ? 6 : 4),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("error", (error: NodeJS.ErrnoException) => {
        socket.close();
        reject(new Error(bindProblem(error, host, port, "udp"), { cause: error }));
      });
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.removeAllListeners("error");
        resolve();
      });
    });
    for (const set of [() => socket.setRecvBufferSize(bufferBytes), () => socket.setSendBufferSize(bufferBytes)]) {
      try {
        set();
      } catch {
        // The kernel's own size then stays.
      }
    }
    return new UdpTransport(socket, options.advertise ?? reachable(host), clock, timers);
  }

  start(receiver: TransportReceiver): void {
    if (this.receiver) throw new Error("start() was called before");
    this.receiver = receiver;
    this.socket.on("message", (bytes, from) => {
      const atMs = this.clock.now();
      const source: SipAddress = { host: from.address, port: from.port, transport: "udp" };
      if (isStun(bytes) && this.flows.receive(bytes, source)) receiver.count?.("keep-alive");
      else receiver.message(bytes, source, atMs);
    });
    this.socket.on("error", (error) => receiver.failed(error));
  }

  send(bytes: Uint8Array, to: SipAddress, done: SendDone): void {
    if (this.closing) {
      done(new Error("the transport is closed"), this.clock.now());
      return;
    }
    try {
      // Taken before the system call: on a busy machine the receiver may run before it returns, and nothing arrives before it was sent.
      const atMs = this.clock.now();
      this.socket.send(bytes, to.port, to.host, (error) => done(error ?? undefined, atMs));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)), this.clock.now());
    }
  }

  keepOpen(to: SipAddress, options: FlowOptions, failed: (error: Error) => void): Flow {
    return this.flows.open(to, options, failed);
  }

  close(): Promise<void> {
    this.flows.close();
    this.closing ??= new Promise((resolve) => this.socket.close(() => resolve()));
    return this.closing;
  }
}
