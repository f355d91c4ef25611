// Serves the control protocol to local programs of the same user; holds no logic of its own.

import { chmodSync, unlinkSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import type { Log } from "../runtime/index.js";
import { type ControlReply, type HandsetEvent, lineReader } from "./protocol.js";

/** Answers one request. Throwing an Error answers with its message. */
export type ControlHandler = (method: string, params: Record<string, unknown>) => unknown | Promise<unknown>;

const MAX_CLIENTS = 16;
/** A client that does not read its events is cut off at this many buffered bytes. */
const MAX_BACKLOG = 1 << 20;

/** The listening side. */
export class ControlServer {
  private readonly clients = new Set<Socket>();
  private readonly listeners = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly path: string,
    private readonly handler: ControlHandler,
    private readonly log: Log,
  ) {
    server.on("connection", (socket) => this.accept(socket));
  }

  /**
   * Listens at `path` with mode 0600. A socket file left behind by a handset that died is replaced.
   * @throws Error when another handset answers there, or the path cannot be used.
   */
  static async open(path: string, handler: ControlHandler, log: Log): Promise<ControlServer> {
    if (Buffer.byteLength(path) > 100)
      throw new Error(`control socket path is too long for a Unix socket (over 100 bytes): ${path}`);
    if (await answers(path)) throw new Error(`another handset already listens at ${path}`);
    const server = createServer();
    const control = new ControlServer(server, path, handler, log);
    // The umask keeps the socket private from its first moment; chmod alone would leave a gap.
    const mask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", (error) => reject(new Error(`cannot listen at ${path}: ${error.message}`)));
        server.listen(path, resolve);
      });
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
    server.on("error", (error) => log.error("control-failed", { error: error.message }));
    return control;
  }

  /** Sends an event to everybody who asked for events. */
  publish(event: HandsetEvent): void {
    if (this.listeners.size === 0) return;
    const line = JSON.stringify({ event }) + "\n";
    for (const socket of this.listeners) {
      if (socket.writableLength > MAX_BACKLOG) socket.destroy();
      else socket.write(line);
    }
  }

  /** Stops listening and drops every client. */
  async close(): Promise<void> {
    for (const socket of this.clients) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    try {
      unlinkSync(this.path);
    } catch {
      // Node removes the file itself when it can.
    }
  }

  private accept(socket: Socket): void {
    if (this.clients.size >= MAX_CLIENTS) {
      socket.destroy();
      return;
    }
    this.clients.add(socket);
    socket.setEncoding("utf8");
    const end = () => {
      this.clients.delete(socket);
      this.listeners.delete(socket);
    };
    socket.on("close", end);
    socket.on("error", end);
    const read = lineReader(
      (line) => void this.serve(socket, line),
      () => {
        this.log.warn("control-line-too-long");
        socket.end(reply({ id: 0, error: { code: "too-long", text: "request line is too long" } }));
      },
    );
    socket.on("data", read);
  }

  private async serve(socket: Socket, line: string): Promise<void> {
    let id = 0;
    try {
      const request: unknown = JSON.parse(line);
      if (
        typeof request !== "object" ||
        request === null ||
        !("method" in request) ||
        typeof request.method !== "string"
      )
        throw new Error('a request is an object with "id", "method" and "params"');
      if ("id" in request && typeof request.id === "number") id = request.id;
      const params =
        "params" in request && typeof request.params === "object" && request.params !== null ? request.params : {};
      if (request.method === "events") {
        this.listeners.add(socket);
        socket.write(reply({ id, result: null }));
        return;
      }
      const result = (await this.handler(request.method, params as Record<string, unknown>)) ?? null;
      if (socket.writable) socket.write(reply({ id, result }));
    } catch (error) {
      const text =
        error instanceof SyntaxError ? "request is not JSON" : error instanceof Error ? error.message : String(error);
      if (socket.writable) socket.write(reply({ id, error: { code: "refused", text } }));
    }
  }
}

function reply(message: ControlReply): string {
  return JSON.stringify(message) + "\n";
}

/** Whether a process listens at `path`; removes a socket file nobody listens at. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") {
        try {
          unlinkSync(path);
        } catch {
          // listen() will say what is wrong with the path
        }
      }
      resolve(false);
    });
  });
}
