// Pairs of UDP sockets: RTP on an even port, RTCP on the odd one above (RFC 3550 section 11), one pair always bound ahead.

import { createSocket, type Socket, type SocketType } from "node:dgram";
import { isIPv6 } from "node:net";

/** Two bound sockets on neighbouring ports. */
export interface PortPair {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  readonly rtpPort: number;
  readonly rtcpPort: number;
}

/** Addresses here are numeric; answering at once keeps dgram from a resolver round through the event loop for every packet. */
function numericLookup(
  hostname: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, hostname, isIPv6(hostname) ? 6 : 4);
}

function bind(type: SocketType, address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type, lookup: numericLookup });
    const failed = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once("error", failed);
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off("error", failed);
      // ICMP errors and the like: a voice stream outlives them; whoever uses the socket counts them.
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

/** Hands out port pairs of a range on one address. */
export class PortPairs {
  private readonly type: SocketType;
  private readonly first: number;
  /** Pairs of the range. */
  readonly pairs: number;
  private cursor: number;
  private spare: Promise<PortPair> | undefined;
  private closed = false;

  /**
   * @param range lowest and highest port, inclusive; must hold a pair.
   * @param start any number of 32 bits: where in the range to begin, so that a restarted phone does not meet its last run's packets.
   */
  constructor(
    private readonly address: string,
    private readonly range: { readonly min: number; readonly max: number },
    start: number,
  ) {
    this.type = isIPv6(address) ? "udp6" : "udp4";
    this.first = range.min + (range.min & 1);
    this.pairs = Math.floor((range.max - this.first + 1) / 2);
    this.cursor = (start >>> 0) % this.pairs;
  }

  /** Binds the spare pair now. A failure shows when a pair is asked for. */
  prepare(): void {
    if (this.spare || this.closed) return;
    const spare = this.bindPair();
    this.spare = spare;
    spare.catch(() => {
      if (this.spare === spare) this.spare = undefined;
    });
  }

  /** The spare pair, or one bound now; then a new spare is bound. @throws Error when no pair of the range is free. */
  async take(): Promise<PortPair> {
    const spare = this.spare;
    this.spare = undefined;
    try {
      return await (spare?.catch(() => this.bindPair()) ?? this.bindPair());
    } finally {
      this.prepare();
    }
  }

  /** Closes the spare pair. Pairs already handed out belong to their takers. */
  async close(): Promise<void> {
    this.closed = true;
    const spare = this.spare;
    this.spare = undefined;
    const pair = await spare?.catch(() => undefined);
    pair?.rtp.close();
    pair?.rtcp.close();
  }

  /** Tries each pair of the range once, going on where the last search ended: a port rests as long as possible before its next use. */
  private async bindPair(): Promise<PortPair> {
    for (let tries = 0; tries < this.pairs; tries++) {
      if (this.closed) throw new Error("voice is closed");
      const port = this.first + 2 * this.cursor;
      this.cursor = (this.cursor + 1) % this.pairs;
      let rtp: Socket | undefined;
      try {
        rtp = await bind(this.type, this.address, port);
        const rtcp = await bind(this.type, this.address, port + 1);
        return { rtp, rtcp, rtpPort: port, rtcpPort: port + 1 };
      } catch (error) {
        rtp?.close();
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      }
    }
    const { min, max } = this.range;
    throw new Error(`no free RTP port pair on ${this.address} between ${min} and ${max}: all ${this.pairs} are in use`);
  }
}
