// Asks a running handset something over its control socket.

import { createConnection, type Socket } from "node:net";
import {
  type ControlMethod,
  type ControlMethods,
  type ControlReply,
  type HandsetEvent,
  lineReader,
} from "./protocol.js";

/** A connection to a running handset. */
export class ControlClient {
  private next = 1;
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  /** Gets events once {@link events} was called. */
  onEvent: (event: HandsetEvent) => void = () => {};
  /** Called when the handset has gone. */
  onClose: () => void = () => {};

  private constructor(private readonly socket: Socket) {
    socket.setEncoding("utf8");
    socket.on(
      "data",
      lineReader(
        (line) => this.line(line),
        () => socket.destroy(new Error("the handset sent a line that is too long")),
      ),
    );
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the handset closed the connection"));
      this.waiting.clear();
      this.onClose();
    });
  }

  /** Connects. @throws Error that says where it looked and what to do when no handset runs there. */
  static open(path: string): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once("connect", () => {
        socket.removeAllListeners("error");
        resolve(new ControlClient(socket));
      });
      socket.once("error", (error: NodeJS.ErrnoException) => {
        const why =
          error.code === "ENOENT" || error.code === "ECONNREFUSED"
            ? `no handset runs at ${path}: start one with "sotto run", or name its socket with --control`
            : error.code === "EACCES"
              ? `not allowed to use ${path}: it belongs to another user`
              : `cannot reach the handset at ${path}: ${error.message}`;
        reject(new Error(why));
      });
    });
  }

  /** Asks and waits for the answer. @throws Error with the handset's own words when it refuses. */
  ask<M extends ControlMethod>(method: M, params: ControlMethods[M]["params"]): Promise<ControlMethods[M]["result"]> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.socket.write(JSON.stringify({ id, method, params }) + "\n");
    });
  }

  /** Closes the connection. */
  close(): void {
    this.socket.end();
  }

  private line(line: string): void {
    const message = JSON.parse(line) as ControlReply | { event: HandsetEvent };
    if ("event" in message) return this.onEvent(message.event);
    const waiter = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (!waiter) return;
    if ("error" in message) waiter.reject(new Error(message.error.text));
    else waiter.resolve(message.result);
  }
}
