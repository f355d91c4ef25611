// A time server on this machine (RFC 5905, server mode only): says what time it is to whoever asks.

import { createSocket, type Socket } from "node:dgram";
import { toNtp } from "../../firmware/runtime/clock.js";

/** Answers on port 123 of an address; needs root. */
export class TimeServer {
  /** Requests answered. */
  asked = 0;

  private constructor(private readonly socket: Socket) {}

  static async open(address: string): Promise<TimeServer> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(123, address, resolve);
    });
    const server = new TimeServer(socket);
    socket.on("message", (request, from) => {
      // Mode 3: a client.
      if (request.length < 48 || (request[0] & 7) !== 3) return;
      const answer = Buffer.alloc(48);
      // No leap second, version 4, mode 4; stratum 1, the poll interval asked for, a precision of 2^-20 s.
      answer.set([0x24, 1, request[2], 0xec]);
      answer.write("LOCL", 12, "latin1");
      const now = toNtp(Date.now());
      answer.writeBigUInt64BE(now, 16);
      // Its transmit timestamp goes back as the origin.
      request.copy(answer, 24, 40, 48);
      answer.writeBigUInt64BE(now, 32);
      answer.writeBigUInt64BE(now, 40);
      server.asked++;
      socket.send(answer, from.port, from.address);
    });
    return server;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(() => resolve()));
  }
}
