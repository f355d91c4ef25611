// One TCP or TLS connection: framing, deadlines, keep-alive answers (RFC 3261 section 18, RFC 5626 section 4.4.1).

import type { Socket } from "node:net";
import type { Clock } from "../../runtime/clock.js";
import type { Timer, Timers } from "../../runtime/timers.js";
import type { SipAddress } from "../contract.js";
import type { CounterName } from "../counters.js";
import { type FrameLimits, StreamFramer } from "./framing.js";

/** Bounds of a connection. */
export interface ConnectionLimits extends FrameLimits {
  /** From the first byte of a message to its last, from the start of a connection to its first message, and of a TLS handshake, ms. */
  readonly messageMs: number;
  /** What the other end may leave unread, bytes. */
  readonly unreadBytes: number;
  /** How long the answer to a ping may take (RFC 5626 section 4.4.1), ms. */
  readonly pongMs: number;
}

/** What a connection tells its transport. */
export interface ConnectionEvents {
  message(bytes: Uint8Array, connection: Connection, atMs: number): void;
  closed(connection: Connection, error: Error): void;
  count(what: CounterName): void;
}

const CRLF = Uint8Array.of(13, 10);
const PING = Uint8Array.of(13, 10, 13, 10);
const UNANSWERED = "a keep-alive was not answered";

export class Connection {
  /** Monotonic ms of the last message, ping or pong that came, or message that went. */
  usedMs: number;
  private readonly framer: StreamFramer;
  private deadline: Timer | undefined;
  private pong: Timer | undefined;
  private late = false;
  private readonly watchers: ((error: Error) => void)[] = [];
  private readonly pongWatchers: (() => void)[] = [];
  private gone = false;
  private heard = false;

  /**
   * Takes over a connected socket.
   * @param remote the other end, `connection` included.
   * @param inbound the other end opened it.
   */
  constructor(
    private readonly socket: Socket,
    readonly id: number,
    readonly remote: SipAddress,
    readonly inbound: boolean,
    private readonly limits: ConnectionLimits,
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly events: ConnectionEvents,
  ) {
    this.usedMs = clock.now();
    let atMs = 0;
    this.framer = new StreamFramer(
      {
        message: (bytes) => {
          this.heard = true;
          this.usedMs = atMs;
          this.deadline?.cancel();
          this.deadline = undefined;
          events.message(bytes, this, atMs);
        },
        ping: () => {
          this.usedMs = atMs;
          this.write(CRLF);
        },
        pong: () => {
          this.usedMs = atMs;
          this.pong?.cancel();
          this.pong = undefined;
          this.late = false;
          for (const told of this.pongWatchers) told();
        },
        broken: (code, head) => {
          events.count("framing-lost");
          // What can be read of it is answered (400) before the connection ends.
          if (code === "content-length" && head.length > 0) events.message(head, this, atMs);
          this.finish(new Error(`the stream cannot be read any more (${code})`));
        },
      },
      limits,
    );
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      atMs = clock.now();
      this.framer.push(bytes);
      if (this.late && !this.busy) this.close(new Error(UNANSWERED));
      this.watch();
    });
    socket.on("error", (error) => this.close(error));
    socket.on("close", () => this.close(new Error("the connection was closed")));
    this.watch();
  }

  /** `told` once, when it is gone. */
  onClosed(told: (error: Error) => void): void {
    this.watchers.push(told);
  }

  /** Told of every answer to a ping. */
  onPong(told: () => void): void {
    this.pongWatchers.push(told);
  }

  /** Where it begins on this device. */
  get localAddress(): string | undefined {
    return this.socket.localAddress;
  }

  get open(): boolean {
    return !this.gone;
  }

  /** A message may be going on: it is not the moment to close the connection for want of room. */
  get busy(): boolean {
    return this.framer.pending > 0;
  }

  /** @param done told when it was handed to the kernel, or that it cannot be. */
  write(bytes: Uint8Array, done: (error?: Error) => void = () => {}): void {
    if (this.gone) {
      done(new Error("the connection is closed"));
      return;
    }
    if (this.socket.writableLength + bytes.length > this.limits.unreadBytes) {
      this.events.count("connections-unread");
      const error = new Error("the other end does not read");
      this.close(error);
      done(error);
      return;
    }
    this.usedMs = this.clock.now();
    this.socket.write(bytes, (error) => done(error ?? undefined));
  }

  /**
   * Sends a double CRLF. Where an answer must come and does not in time the connection is closed; a message that is coming in just then is
   * waited for (RFC 5626 section 4.4.1).
   */
  ping(mustAnswer: boolean): void {
    this.write(PING);
    if (!mustAnswer || this.gone) return;
    this.pong ??= this.timers.after(this.limits.pongMs, () => {
      if (this.busy) this.late = true;
      else this.close(new Error(UNANSWERED));
    });
  }

  /** Ends it at once; `closed` is told. Idempotent. */
  close(error: Error): void {
    if (this.gone) return;
    this.gone = true;
    this.deadline?.cancel();
    this.pong?.cancel();
    this.socket.destroy();
    this.tell(error);
  }

  /** Ends it once what was written has left. */
  finish(error: Error): void {
    if (this.gone) return;
    this.gone = true;
    this.deadline?.cancel();
    this.pong?.cancel();
    const kill = this.timers.after(this.limits.messageMs, () => this.socket.destroy());
    this.socket.removeAllListeners("data");
    this.socket.resume();
    this.socket.once("close", () => kill.cancel());
    this.socket.end();
    this.tell(error);
  }

  private tell(error: Error): void {
    this.events.closed(this, error);
    for (const told of this.watchers.splice(0)) told(error);
  }

  /** A half message, or nothing at all from who connected, has a deadline: a slow sender must not hold a place for ever. */
  private watch(): void {
    if (this.gone) return;
    const waiting = this.framer.pending > 0 || (this.inbound && !this.heard);
    if (!waiting) {
      this.deadline?.cancel();
      this.deadline = undefined;
      return;
    }
    this.deadline ??= this.timers.after(this.limits.messageMs, () => {
      this.events.count("connections-slow");
      this.close(new Error("a message did not come in time"));
    });
  }
}
