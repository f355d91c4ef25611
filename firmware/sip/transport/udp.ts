// SIP over UDP on one socket: requests leave from the port that is listened on (RFC 3581 section 3).

import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { type Clock, systemClock } from "../../runtime/clock.js";
import type { SipAddress } from "../contract.js";
import type { SipTransport, TransportReceiver } from "./transport.js";

/** How to bind. */
export interface UdpOptions {
  /** Numeric address, e.g. `127.0.0.1`, `::1`, `0.0.0.0`. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** What Via and Contact say in place of `host`; by default the host itself, for a wildcard the machine's first outside address. */
  readonly advertise?: string;
  readonly clock?: Clock;
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

  private constructor(
    private readonly socket: Socket,
    host: string,
    private readonly clock: Clock,
  ) {
    this.local = { host, port: socket.address().port, transport: "udp" };
  }

  /**
   * Binds. @throws RangeError for a bad port; Error "SIP port 5060/udp on 127.0.0.1 is in use" (or what else hinders), never a bare errno.
   */
  static async open(options: UdpOptions): Promise<UdpTransport> {
    const { host, port, clock = systemClock, bufferBytes = 1 << 20 } = options;
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw new RangeError(`port must be 0 to 65535, got ${port}`);
    const v6 = isIPv6(host);
    // Numeric destinations are "looked up" at once, so that send() reaches the kernel before it returns.
    const socket = createSocket({
      type: v6 ? "udp6" : "udp4",
      ipv6Only: v6,
      lookup: (name, _options, callback) => callback(null, name, isIPv6(name) ? 6 : 4),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("error", (error: NodeJS.ErrnoException) => {
        socket.close();
        reject(new Error(bindProblem(error, host, port), { cause: error }));
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
    return new UdpTransport(socket, options.advertise ?? reachable(host), clock);
  }

  start(receiver: TransportReceiver): void {
    if (this.receiver) throw new Error("start() was called before");
    this.receiver = receiver;
    this.socket.on("message", (bytes, from) => {
      const atMs = this.clock.now();
      receiver.message(bytes, { host: from.address, port: from.port, transport: "udp" }, atMs);
    });
    this.socket.on("error", (error) => receiver.failed(error));
  }

  send(bytes: Uint8Array, to: SipAddress, done: (error: Error | undefined, atMs: number) => void): void {
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

  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => this.socket.close(() => resolve()));
    return this.closing;
  }
}

function bindProblem(error: NodeJS.ErrnoException, host: string, port: number): string {
  const where = `SIP port ${port}/udp on ${host}`;
  if (error.code === "EADDRINUSE") return `${where} is in use`;
  if (error.code === "EACCES") return `${where} needs more rights than this process has`;
  if (error.code === "EADDRNOTAVAIL") return `${where} cannot be opened: this machine does not have that address`;
  return `${where} cannot be opened: ${error.message}`;
}

/** An address others can send to when the socket is bound to all of them. */
function reachable(host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const family = host === "::" ? "IPv6" : "IPv4";
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = addresses.find(
    (each) => !each.internal && each.family === family && !each.address.toLowerCase().startsWith("fe80"),
  );
  return outside?.address ?? (family === "IPv6" ? "::1" : "127.0.0.1");
}
