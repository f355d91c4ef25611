// For the SIP suites: an in-memory network in virtual time, and user agents on it.

import { createHash } from "node:crypto";
import type { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import {
  type ExtraHeaders,
  type Failure,
  type InviteDialog,
  type InviteDialogEvents,
  makeResponse,
  type OutgoingInviteEvents,
  parseMessage,
  parseVia,
  printMessage,
  type SipAddress,
  type SipMessage,
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
    transport: options.transport ?? network.bind(`192.0.2.${number}`),
    clock: network.time,
    timers: network.time,
    random: seededRandom(`agent ${number}`),
    product: `Test/${number}`,
    contact: { user: `u${number}` },
    ...options,
  });
}

export const sdp = (text: string) => ({ type: "application/sdp", content: new Uint8Array(Buffer.from(text)) });

/** A peer that says exactly what a test tells it to. */
export class Peer {
  readonly received: { readonly text: string; readonly message: SipMessage; readonly atMs: number }[] = [];
  private readonly transport: MemoryTransport;
  constructor(
    network: Network,
    readonly number: number,
    port = 5060,
  ) {
    this.transport = network.bind(`192.0.2.${number}`, port);
    this.transport.start({
      message: (bytes, _from, atMs) => {
        const parsed = parseMessage(bytes);
        if (!parsed.ok) throw new Error(`the user agent sent nonsense: ${parsed.error.text}`);
        this.received.push({ text: Buffer.from(bytes).toString(), message: parsed.value, atMs });
      },
      failed: () => {},
    });
  }
  /** Sends raw lines to 192.0.2.`to`; `{body}` after an empty line. */
  raw(to: number, text: string, port = 5060): void {
    this.transport.send(Buffer.from(text), { host: `192.0.2.${to}`, port, transport: "udp" }, () => {});
  }
  /** Sends a request made of the usual fields; `more` may replace them by name. */
  request(to: number, method: string, more: Readonly<Record<string, string | undefined>> = {}, body = ""): void {
    const fields: Record<string, string | undefined> = {
      Via: `SIP/2.0/UDP 192.0.2.${this.number}:${this.transport.local.port};rport;branch=z9hG4bK${method}${this.branch++}`,
      "Max-Forwards": "70",
      From: `<sip:peer@192.0.2.${this.number}>;tag=peertag`,
      To: `<sip:u${to}@192.0.2.${to}>`,
      "Call-ID": "call-1",
      CSeq: `1 ${method}`,
      Contact: `<sip:peer@192.0.2.${this.number}>`,
      ...(body ? { "Content-Type": "application/sdp" } : {}),
      ...more,
    };
    const uri = fields.uri ?? `sip:u${to}@192.0.2.${to}`;
    delete fields.uri;
    const lines = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
    this.raw(to, [`${method} ${uri} SIP/2.0`, ...lines, `Content-Length: ${body.length}`, "", body].join("\r\n"));
  }
  private branch = 1;
  /** Answers a received request. */
  respond(
    request: SipMessage,
    status: number,
    toTag: string | undefined,
    more: ExtraHeaders = [],
    body?: string,
  ): void {
    if (request.kind !== "request") throw new Error("not a request");
    const response = makeResponse(request, status, {
      toTag,
      headers: more,
      ...(body === undefined ? {} : { body: { type: "application/sdp", content: Buffer.from(body) } }),
    });
    const via = parseVia(request.headers.get("Via")!);
    if (!via.ok) throw new Error("bad Via");
    this.transport.send(
      printMessage(response),
      { host: via.value.host, port: via.value.port ?? 5060, transport: "udp" },
      () => {},
    );
  }
  /** The last received message whose method or status is `what`. */
  last(what: string | number): SipMessage {
    for (let i = this.received.length - 1; i >= 0; i--) {
      const { message } = this.received[i];
      if ((message.kind === "request" ? message.method : message.status) === what) return message;
    }
    throw new Error(`nothing like ${what} was received: ${this.kinds()}`);
  }
  kinds(): string {
    return this.received.map(({ message }) => (message.kind === "request" ? message.method : message.status)).join(" ");
  }
  get contact(): ExtraHeaders {
    return [["Contact", `<sip:peer@192.0.2.${this.number}>`]];
  }
}

/** Everything a call says, in order. */
export function listen(dialog: InviteDialog, log: string[], name: string, on: Partial<InviteDialogEvents> = {}): void {
  dialog.events = {
    acked: (request, atMs) => {
      log.push(`${name} acked`);
      on.acked?.(request, atMs);
    },
    reinvite: (request) => {
      log.push(`${name} reinvite`);
      on.reinvite?.(request);
    },
    ...(on.refresh ? { refresh: on.refresh } : {}),
    ended: (why) => {
      log.push(`${name} ended by ${why.by}`);
      on.ended?.(why);
    },
  };
}

/** Outgoing events that write to a log. */
export function outgoing(
  log: string[],
  name: string,
  on: { readonly accepted?: (dialog: InviteDialog) => void; readonly failed?: (failure: Failure) => void } = {},
): OutgoingInviteEvents {
  return {
    sent: () => log.push(`${name} sent`),
    provisional: (response) => log.push(`${name} ${response.status}`),
    accepted: (response, dialog) => {
      log.push(`${name} accepted ${response.status}`);
      listen(dialog, log, name);
      on.accepted?.(dialog);
    },
    failed: (failure) => {
      log.push(`${name} failed ${failure.status} ${failure.cause}`);
      on.failed?.(failure);
    },
  };
}
