// The other end of a stream as bare sockets: packets made by hand, everything received kept.

import { createSocket, type Socket } from "node:dgram";
import { encodeUlaw } from "../../../firmware/audio/index.js";
import { RtpPacket, writeRtpHeaderInto } from "../../../firmware/rtp/index.js";

/** One received datagram. */
export interface Received {
  readonly data: Uint8Array;
  readonly port: number;
}

async function bound(port: number): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    // A failed test leaves it open: that must not keep the suite from ending.
    socket.unref().bind(port, "127.0.0.1", resolve);
  });
  return socket;
}

export class RawPeer {
  readonly rtp: Received[] = [];
  readonly rtcp: Received[] = [];
  sequence = 1000;
  timestamp = 50_000;
  ssrc = 0xabcdef01;

  private constructor(
    private readonly rtpSocket: Socket,
    private readonly rtcpSocket: Socket,
  ) {
    rtpSocket.on("message", (data, from) => void this.rtp.push({ data, port: from.port }));
    rtcpSocket.on("message", (data, from) => void this.rtcp.push({ data, port: from.port }));
  }

  static async open(): Promise<RawPeer> {
    return new RawPeer(await bound(0), await bound(0));
  }

  get rtpPort(): number {
    return this.rtpSocket.address().port;
  }
  get rtcpPort(): number {
    return this.rtcpSocket.address().port;
  }

  /** The next voice packet: 20 ms of a 500 Hz tone in PCMU, with room behind it. */
  voice(payloadType = 0): { buffer: Uint8Array; length: number } {
    const buffer = new Uint8Array(400);
    const header = writeRtpHeaderInto(buffer, false, payloadType, this.sequence, this.timestamp, this.ssrc);
    for (let i = 0; i < 160; i++)
      buffer[header + i] = encodeUlaw(Math.round(12_000 * Math.sin((2 * Math.PI * 500 * (this.timestamp + i)) / 8000)));
    this.sequence = (this.sequence + 1) & 0xffff;
    this.timestamp = (this.timestamp + 160) >>> 0;
    return { buffer, length: header + 160 };
  }

  send(data: Uint8Array, port: number): void {
    this.rtpSocket.send(data, port, "127.0.0.1");
  }
  sendControl(data: Uint8Array, port: number): void {
    this.rtcpSocket.send(data, port, "127.0.0.1");
  }
  close(): void {
    this.rtpSocket.close();
    this.rtcpSocket.close();
  }
}

/** Reads an RTP packet. @throws Error when it is none. */
export function readRtp(data: Uint8Array): RtpPacket {
  const packet = new RtpPacket();
  const fault = packet.read(data);
  if (fault !== 0) throw new Error(`no RTP packet: fault ${fault}`);
  return packet;
}
