// A registrar that takes everybody at once: what a telephone that starts is measured against.

import { createSocket, type Socket } from "node:dgram";
import { systemClock } from "../../../firmware/runtime/index.js";

/** Answers REGISTER on a UDP port of loopback. */
export class Registrar {
  private constructor(
    private readonly socket: Socket,
    readonly port: number,
  ) {}

  /** Told the moment each REGISTER was answered, monotonic ms. */
  onRegistered: (atMs: number) => void = () => {};

  static async open(): Promise<Registrar> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(0, "127.0.0.1", resolve);
    });
    const registrar = new Registrar(socket, socket.address().port);
    socket.on("message", (message, from) => {
      const lines = message.toString("latin1").split("\r\n");
      if (!lines[0].startsWith("REGISTER ")) return;
      const line = (name: string) => lines.find((one) => one.toLowerCase().startsWith(`${name}:`)) ?? "";
      const contact = line("contact");
      const answer = [
        "SIP/2.0 200 OK",
        line("via"),
        line("from"),
        `${line("to")};tag=bench`,
        line("call-id"),
        line("cseq"),
      ];
      if (contact) answer.push(/;expires=/i.test(contact) ? contact : `${contact};expires=3600`);
      answer.push("Content-Length: 0", "", "");
      socket.send(answer.join("\r\n"), from.port, from.address);
      registrar.onRegistered(systemClock.now());
    });
    return registrar;
  }

  close(): void {
    this.socket.close();
  }
}
