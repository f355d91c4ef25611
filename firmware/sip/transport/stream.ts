// SIP over connections: one transport for TCP and TLS. Opens, accepts, reuses and bounds connections (RFC 3261 section 18, RFC 5923).

import type { Server, Socket } from "node:net";
import { type Clock, systemClock } from "../../runtime/clock.js";
import { systemTimers, type Timer, type Timers } from "../../runtime/timers.js";
import type { SipAddress } from "../contract.js";
import { canonicalHost, isNumeric } from "../grammar/index.js";
import { Connection, type ConnectionLimits } from "./connection.js";
import { keepStreamOpen } from "./keep-alive.js";
import type { Flow, FlowOptions, SendDone, SipTransport, TransportReceiver } from "./transport.js";

/** Bounds of a stream transport. */
export interface StreamLimits extends ConnectionLimits {
  /** Connections at once, those being opened included. */
  readonly connections: number;
  /** Of these, opened from one address. */
  readonly perSource: number;
  /** How long opening one may take, ms; the second figure where UDP can be taken instead. */
  readonly connectMs: number;
  readonly connectBySizeMs: number;
  /** A connection not used for this long is closed, ms. */
  readonly idleMs: number;
  /** Messages waiting for a connection to be opened. */
  readonly waiting: number;
}

export const defaultStreamLimits: StreamLimits = {
  headBytes: 32768,
  messageBytes: 65535,
  messageMs: 10_000,
  unreadBytes: 1 << 18,
  pongMs: 10_000,
  connections: 64,
  perSource: 8,
  connectMs: 5000,
  connectBySizeMs: 1500,
  idleMs: 600_000,
  waiting: 32,
};

/** A connection not used for this long may be closed for a new one: no transaction is under way on it (64*T1, RFC 3261 section 18). */
const SPARE_MS = 32_000;

/** Addresses whose domain is remembered. */
const MAX_NAMES = 256;

/** How sockets are made: what TCP and TLS differ in. */
export interface SocketMaker {
  readonly transport: "tcp" | "tls";
  /** Opens one; `done` is told once, also after `cancel`. */
  dial(
    to: SipAddress,
    done: (error: Error | undefined, socket: Socket | undefined, identities: readonly string[]) => void,
  ): {
    cancel(error: Error): void;
  };
  /** Whether an open connection whose other end proved these identities may carry requests for `to`. */
  mayReuse(identities: readonly string[], to: SipAddress): boolean;
}

/** What listens, when something does. */
export interface Listener {
  readonly server: Server;
  /** Called by the server for every socket ready for SIP. */
  onReady(accept: (socket: Socket, identities: readonly string[]) => void): void;
  /** A handshake failed. */
  onRefused?(tell: (error: Error) => void): void;
}

interface Pending {
  readonly dialling: { cancel(error: Error): void };
  readonly queue: { readonly bytes: Uint8Array; readonly done: SendDone }[];
  /** Who only wants to know the connection. */
  readonly watchers: ((error: Error | undefined, connection: Connection | undefined) => void)[];
}

export interface StreamParts {
  readonly local: SipAddress;
  readonly maker: SocketMaker;
  readonly listener?: Listener;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly limits?: Partial<StreamLimits>;
}

/** Numbers connections of all transports of the process. */
let nextId = 1;

const hostPort = (to: SipAddress): string => `${canonicalHost(to.host)}:${to.port}`;
const keyOf = (to: SipAddress): string => `${hostPort(to)}/${to.name ?? ""}/${to.person ?? ""}`;
/** Where the server has proved to be the domain itself: good for everybody in it. */
const domainKeyOf = (to: SipAddress): string => `${hostPort(to)}/${to.name ?? ""}/`;

export class StreamTransport implements SipTransport {
  readonly reliable = true;
  readonly maxBytes: number;
  readonly local: SipAddress;
  private readonly limits: StreamLimits;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private receiver: TransportReceiver | undefined;
  private readonly open = new Map<number, Connection>();
  /** Connections requests may go over, by where they lead; those we opened, and aliases. */
  private readonly routes = new Map<string, Connection>();
  private readonly aliases = new Map<string, Connection>();
  /** The domain that was proved at an address. */
  private readonly names = new Map<string, string>();
  private readonly pending = new Map<string, Pending>();
  /** Accepted sockets that are not ready yet (TLS handshake), and who they come from. */
  private readonly greeting = new Map<Socket, string>();
  /** Connections that are not closed for want of use, and for how many flows. */
  private readonly kept = new Map<number, number>();
  private sweep: Timer | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: StreamParts) {
    this.local = parts.local;
    this.limits = { ...defaultStreamLimits, ...parts.limits };
    this.maxBytes = this.limits.messageBytes;
    this.clock = parts.clock ?? systemClock;
    this.timers = parts.timers ?? systemTimers;
  }

  start(receiver: TransportReceiver): void {
    if (this.receiver) throw new Error("start() was called before");
    this.receiver = receiver;
    const { listener } = this.parts;
    if (!listener) return;
    listener.server.on("error", (error) => receiver.failed(error));
    listener.server.on("connection", (socket: Socket) => this.greet(socket));
    listener.onReady((socket, identities) => this.accept(socket, identities));
    listener.onRefused?.(() => receiver.count?.("tls-refused"));
  }

  connections(): number {
    return this.open.size;
  }

  /**
   * A Record-Route often holds the proxy's bare address, for which no certificate is made. The machine there is the domain it has proved to
   * be before, and has to prove it again on a new connection.
   */
  private named(to: SipAddress): SipAddress {
    const known = isNumeric(to.name ?? to.host) ? this.names.get(hostPort(to)) : undefined;
    return known === undefined ? to : { ...to, name: known };
  }

  private learnName(to: SipAddress): void {
    if (to.name === undefined || isNumeric(to.name)) return;
    if (this.names.size >= MAX_NAMES) this.names.clear();
    this.names.set(hostPort(to), to.name);
  }

  send(bytes: Uint8Array, where: SipAddress, done: SendDone): void {
    const to = this.named(where);
    const refuse = (text: string): void => done(new Error(text), this.clock.now());
    if (this.closing) return refuse("the transport is closed");
    if (to.connection !== undefined) {
      const connection = this.open.get(to.connection);
      if (connection) this.write(connection, bytes, done);
      else refuse("the connection is gone");
      return;
    }
    const connection = this.find(to);
    if (connection) return this.write(connection, bytes, done);
    const pending = this.dial(to);
    if (typeof pending === "string") return refuse(pending);
    if (pending.queue.length >= this.limits.waiting) return refuse("too many messages wait for the connection");
    pending.queue.push({ bytes, done });
  }

  reach(where: SipAddress, done: (error: Error | undefined) => void): void {
    this.connect(this.named(where), (error) => done(error));
  }

  keepOpen(to: SipAddress, options: FlowOptions, failed: (error: Error) => void): Flow {
    return keepStreamOpen(
      {
        timers: this.timers,
        connect: (address, told) => this.connect(address, told),
        hold: (id, on) => this.hold(id, on),
      },
      to,
      options,
      failed,
    );
  }

  /**
   * Requests for `host`:`port` may go over this connection of the other end, as far as its identities vouch for whom they are for
   * (RFC 5923 section 8).
   */
  alias(connection: number, host: string, port: number): void {
    const known = this.open.get(connection);
    if (known?.inbound && (known.remote.identities?.length ?? 0) > 0)
      this.aliases.set(`${canonicalHost(host)}:${port}`, known);
  }

  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      this.sweep?.cancel();
      const gone = new Error("the transport is closed");
      for (const [socket] of this.greeting) socket.destroy();
      for (const pending of [...this.pending.values()]) pending.dialling.cancel(gone);
      for (const connection of [...this.open.values()]) connection.close(gone);
      const { listener } = this.parts;
      if (listener) listener.server.close(() => resolve());
      else resolve();
    });
    return this.closing;
  }

  private find(to: SipAddress): Connection | undefined {
    const own = this.routes.get(keyOf(to)) ?? this.routes.get(domainKeyOf(to));
    if (own) return own;
    const alias = this.aliases.get(hostPort(to));
    return alias && this.parts.maker.mayReuse(alias.remote.identities ?? [], to) ? alias : undefined;
  }

  private connect(to: SipAddress, told: (error: Error | undefined, connection: Connection | undefined) => void): void {
    const given = to.connection === undefined ? undefined : this.open.get(to.connection);
    if (to.connection !== undefined && !given) return told(new Error("the connection is gone"), undefined);
    const connection = given ?? this.find(to);
    if (connection) return told(undefined, connection);
    const pending = this.dial(to);
    if (typeof pending === "string") told(new Error(pending), undefined);
    else pending.watchers.push(told);
  }

  /** Begins to open a connection, or joins who does; a text says why not. */
  private dial(to: SipAddress): Pending | string {
    const key = keyOf(to);
    const known = this.pending.get(key);
    if (known) return known;
    if (this.closing) return "the transport is closed";
    if (!this.makeRoom()) {
      this.receiver?.count?.("connections-refused");
      return "too many connections";
    }
    const pending: Pending = {
      dialling: this.parts.maker.dial(to, (...got) => dialled(...got)),
      queue: [],
      watchers: [],
    };
    this.pending.set(key, pending);
    const limitMs = to.bySize ? this.limits.connectBySizeMs : this.limits.connectMs;
    const timer = this.timers.after(limitMs, () =>
      pending.dialling.cancel(new Error("the connection was not opened in time")),
    );
    const dialled = (error: Error | undefined, socket: Socket | undefined, identities: readonly string[]): void => {
      timer.cancel();
      this.pending.delete(key);
      if (error || !socket) {
        const why = error ?? new Error("there is no connection");
        if (this.parts.maker.transport === "tls" && !isNetworkError(why)) this.receiver?.count?.("tls-refused");
        for (const { done } of pending.queue) done(why, this.clock.now());
        for (const told of pending.watchers) told(why, undefined);
        return;
      }
      const { host, port } = to;
      const connection = this.add(socket, { host, port, transport: this.local.transport, identities }, false);
      this.routes.set(key, connection);
      if (this.parts.maker.mayReuse(identities, { ...to, person: undefined })) {
        this.routes.set(domainKeyOf(to), connection);
        this.learnName(to);
      }
      for (const { bytes, done } of pending.queue) this.write(connection, bytes, done);
      for (const told of pending.watchers) told(undefined, connection);
    };
    return pending;
  }

  private write(connection: Connection, bytes: Uint8Array, done: SendDone): void {
    const atMs = this.clock.now();
    connection.write(bytes, (error) => done(error, atMs, connection.id));
  }

  /** The device's addresses have changed: a connection from one that is gone only looks open. */
  dropFrom(isHere: (address: string) => boolean): void {
    for (const connection of [...this.open.values()]) {
      const address = connection.localAddress;
      if (address !== undefined && !isHere(canonicalHost(address)))
        connection.close(new Error("the device has another address"));
    }
  }

  /** A socket was accepted by the kernel: is there room for it? */
  private greet(socket: Socket): void {
    const source = canonicalHost(socket.remoteAddress ?? "");
    let fromThere = 0;
    for (const one of this.open.values()) if (one.inbound && canonicalHost(one.remote.host) === source) fromThere++;
    for (const host of this.greeting.values()) if (host === source) fromThere++;
    if (source === "" || fromThere >= this.limits.perSource || !this.makeRoom()) {
      this.receiver?.count?.("connections-refused");
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    this.greeting.set(socket, source);
    const slow = this.timers.after(this.limits.messageMs, () => {
      if (!this.greeting.has(socket)) return;
      this.receiver?.count?.("connections-slow");
      socket.destroy();
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      slow.cancel();
      this.greeting.delete(socket);
    });
  }

  private accept(socket: Socket, identities: readonly string[]): void {
    const { remoteAddress, remotePort } = socket;
    // Of a TLS connection it is the socket below that was greeted.
    for (const raw of this.greeting.keys())
      if (raw.remotePort === remotePort && raw.remoteAddress === remoteAddress) this.greeting.delete(raw);
    if (remoteAddress === undefined || remotePort === undefined || this.closing) {
      socket.destroy();
      return;
    }
    const { transport } = this.local;
    this.add(socket, { host: remoteAddress, port: remotePort, transport, identities }, true);
  }

  private add(socket: Socket, remote: SipAddress, inbound: boolean): Connection {
    const id = nextId++;
    const connection: Connection = new Connection(
      socket,
      id,
      { ...remote, connection: id },
      inbound,
      this.limits,
      this.clock,
      this.timers,
      {
        message: (bytes, from, atMs) => this.receiver?.message(bytes, from.remote, atMs),
        count: (what) => this.receiver?.count?.(what),
        closed: (which, error) => this.forget(which, error),
      },
    );
    this.open.set(id, connection);
    this.armSweep();
    return connection;
  }

  private forget(connection: Connection, error: Error): void {
    this.open.delete(connection.id);
    this.kept.delete(connection.id);
    for (const table of [this.routes, this.aliases])
      for (const [key, each] of table) if (each === connection) table.delete(key);
    if (this.open.size === 0) {
      this.sweep?.cancel();
      this.sweep = undefined;
    }
    this.receiver?.closed?.(connection.id, error);
  }

  private hold(id: number, on: boolean): void {
    const flows = (this.kept.get(id) ?? 0) + (on ? 1 : -1);
    if (flows > 0) this.kept.set(id, flows);
    else this.kept.delete(id);
  }

  /** Room for one more; a connection long unused is closed for it. */
  private makeRoom(): boolean {
    const count = this.open.size + this.pending.size + this.greeting.size;
    if (count < this.limits.connections) return true;
    let oldest: Connection | undefined;
    for (const one of this.open.values()) {
      if (this.kept.has(one.id) || one.busy || this.clock.now() - one.usedMs < SPARE_MS) continue;
      if (!oldest || one.usedMs < oldest.usedMs) oldest = one;
    }
    oldest?.close(new Error("closed for a newer connection"));
    return oldest !== undefined;
  }

  private armSweep(): void {
    this.sweep ??= this.timers.after(Math.max(1000, this.limits.idleMs / 4), () => {
      this.sweep = undefined;
      const now = this.clock.now();
      for (const one of [...this.open.values()])
        if (!this.kept.has(one.id) && now - one.usedMs >= this.limits.idleMs)
          one.close(new Error("nothing was said for long"));
      if (this.open.size > 0) this.armSweep();
    });
  }
}

/** The network's doing, not that of a certificate. */
function isNetworkError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return /^E[A-Z]+$/.test(code) || /in time|closed/.test(error.message);
}
