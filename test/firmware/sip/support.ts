// For the SIP suites: an in-memory network in virtual time, and user agents on it.

import { createHash } from "node:crypto";
import type { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import {
  type SipAddress,
  type SipTransport,
  type TransportReceiver,
  UserAgent,
  type UserAgentOptions,
} from "../../../firmware/sip/index.js";

/** What happens to the nth datagram: how many copies arrive (0: lost) and how much later than usual. */
export type Fate = (n: number, bytes: Uint8Array) => { readonly copies: number; readonly extraMs?: number } | undefined;

/** One datagram as it was sent. */
export interface Sent {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly first: string;
}

/** Datagrams between ports of 192.0.2.x, each 5 ms on its way. */
export class Network {
  readonly sent: Sent[] = [];
  fate: Fate = () => undefined;
  delayMs = 5;
  private readonly ends = new Map<string, MemoryTransport>();

  constructor(readonly time: VirtualTime) {}

  bind(host: string, port = 5060, reliable = false): MemoryTransport {
    const end = new MemoryTransport(this, { host, port, transport: "udp" }, reliable);
    this.ends.set(`${host}:${port}`, end);
    return end;
  }
  unbind(address: SipAddress): void {
    this.ends.delete(`${address.host}:${address.port}`);
  }
  carry(bytes: Uint8Array, from: SipAddress, to: SipAddress): void {
    const text = Buffer.from(bytes).toString("utf8");
    const last = (address: SipAddress): number => Number(address.host.split(".").pop());
    this.sent.push({
      atMs: this.time.now(),
      from: last(from),
      to: last(to),
      text,
      first: text.slice(0, text.indexOf("\r\n")),
    });
    const { copies, extraMs = 0 } = this.fate(this.sent.length - 1, bytes) ?? { copies: 1 };
    for (let i = 0; i < copies; i++)
      this.time.after(this.delayMs + extraMs, () => {
        this.ends.get(`${to.host}:${to.port}`)?.receive(new Uint8Array(bytes), from);
      });
  }
  /** First lines of what was sent, methods and statuses only. */
  ladder(): string[] {
    return this.sent.map(
      ({ from, to, first }) =>
        `${from}>${to} ${first
          .split(" ")
          .slice(0, 2)
          .join(" ")
          .replace(/ sip:.*/, "")
          .replace("SIP/2.0 ", "")}`,
    );
  }
}

/** One end. `fail` makes sends fail. */
export class MemoryTransport implements SipTransport {
  readonly maxBytes = 65507;
  fail: Error | undefined;
  private receiver: TransportReceiver | undefined;
  constructor(
    private readonly network: Network,
    readonly local: SipAddress,
    readonly reliable: boolean,
  ) {}
  start(receiver: TransportReceiver): void {
    this.receiver = receiver;
  }
  send(bytes: Uint8Array, to: SipAddress, done: (error: Error | undefined, atMs: number) => void): void {
    if (!this.fail) this.network.carry(bytes, this.local, to);
    done(this.fail, this.network.time.now());
  }
  receive(bytes: Uint8Array, from: SipAddress): void {
    this.receiver?.message(bytes, from, this.network.time.now());
  }
  async close(): Promise<void> {
    this.network.unbind(this.local);
  }
}

/** Bytes that look random and are the same in every run. */
export function seededRandom(seed: string): (count: number) => Uint8Array {
  let counter = 0;
  return (count) => {
    const blocks: Buffer[] = [];
    for (let have = 0; have < count; have += 32)
      blocks.push(createHash("sha256").update(`${seed}${counter++}`).digest());
    return new Uint8Array(Buffer.concat(blocks).subarray(0, count));
  };
}

/** A user agent at 192.0.2.`number`. */
export function agent(network: Network, number: number, options: Partial<UserAgentOptions> = {}): UserAgent {
  return new UserAgent({
    transport: network.bind(`192.0.2.${number}`),
    clock: network.time,
    timers: network.time,
    random: seededRandom(`agent ${number}`),
    product: `Test/${number}`,
    contact: { user: `u${number}` },
    ...options,
  });
}

export const sdp = (text: string) => ({ type: "application/sdp", content: new Uint8Array(Buffer.from(text)) });
