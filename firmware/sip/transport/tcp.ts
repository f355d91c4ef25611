// SIP over TCP.

import { createServer, connect as dialTcp, type Server, type Socket } from "node:net";
import type { Clock } from "../../runtime/clock.js";
import type { Timers } from "../../runtime/timers.js";
import { bindProblem, checkPort, isWildcard, reachable } from "./bind.js";
import { type SocketMaker, type StreamLimits, StreamTransport } from "./stream.js";

/** How to listen. */
export interface TcpOptions {
  /** Numeric address. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** What Via and Contact say in place of `host`. */
  readonly advertise?: string;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly limits?: Partial<StreamLimits>;
}

/** Listens on a port. @throws RangeError for a bad port; Error with a sentence for the user when it cannot be had. */
export async function openTcp(options: TcpOptions): Promise<StreamTransport> {
  const { host, clock, timers, limits } = options;
  const server = createServer({ allowHalfOpen: false });
  const port = await listenOn(server, host, options.port, "tcp");
  return new StreamTransport({
    local: { host: options.advertise ?? reachable(host), port, transport: "tcp" },
    maker: tcpMaker(host),
    listener: {
      server,
      onReady: (accept) => void server.on("connection", (socket: Socket) => socket.destroyed || accept(socket, [])),
    },
    clock,
    timers,
    limits,
  });
}

/** Binds a server; resolves with its port. */
export async function listenOn(server: Server, host: string, port: number, transport: string): Promise<number> {
  checkPort(port);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(new Error(bindProblem(error, host, port, transport), { cause: error })),
    );
    server.listen({ host, port, exclusive: true, backlog: 64 }, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
  const bound = server.address();
  return typeof bound === "object" && bound ? bound.port : port;
}

function tcpMaker(host: string): SocketMaker {
  return {
    transport: "tcp",
    // Who a TCP connection belongs to is not proved: it is no way to anybody else (RFC 5923 section 5).
    mayReuse: () => false,
    dial(to, done) {
      const socket = dialTcp({ host: to.host, port: to.port, localAddress: isWildcard(host) ? undefined : host });
      return settle(socket, "connect", done, () => []);
    },
  };
}

/** Tells `done` once: of `ready`, an error, or the cancelling. */
export function settle<S extends Socket>(
  socket: S,
  ready: string,
  done: (error: Error | undefined, socket: S | undefined, identities: readonly string[]) => void,
  identities: (socket: S) => readonly string[],
): { cancel(error: Error): void } {
  let settled = false;
  const fail = (error: Error): void => {
    if (settled) return;
    settled = true;
    socket.destroy();
    done(error, undefined, []);
  };
  socket.on("error", fail);
  socket.once("close", () => fail(new Error("the connection was closed while it was opened")));
  socket.once(ready, () => {
    if (settled) return;
    settled = true;
    socket.removeListener("error", fail);
    done(undefined, socket, identities(socket));
  });
  return { cancel: fail };
}
