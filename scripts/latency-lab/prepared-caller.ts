// A caller that has made its dh offers ahead and only sends them: what it costs to answer is then the answerer's alone. SIP over one TCP connection, by hand.

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { TrustStore } from "../../firmware/crypto/certificates.js";
import { generateDhKeyPair } from "../../firmware/crypto/dh.js";
import type { IssuedIdentity } from "../../firmware/crypto/issue.js";
import { createDhMethod, MemoryReplayCache, MikeyAgent } from "../../firmware/mikey/index.js";

/** Who calls whom. */
export interface PreparedCallerOptions {
  /** Our SIP URI, which the identity vouches for. */
  readonly uri: string;
  readonly identity: IssuedIdentity;
  readonly authorityPem: string;
  /** The answerer's SIP URI, and where it listens on loopback. */
  readonly peerUri: string;
  readonly port: number;
}

/** What became of a run of calls. */
export interface CallsDone {
  readonly answered: number;
  readonly failed: number;
  /** Status codes of refusals, and how often each came. */
  readonly refusals: Readonly<Record<number, number>>;
  /** From the first INVITE to the last answer, ms. */
  readonly tookMs: number;
}

/** A call whose offer waits to be sent. */
interface Ready {
  readonly id: string;
  readonly body: string;
}

/** Voice is announced to a port nobody reads: it is the answers that count. */
const DISCARD = 9;

/** One such caller. */
export class PreparedCaller {
  private readonly ready: Ready[] = [];
  private readonly agent: MikeyAgent;
  private input: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  private finished: (status: number, id: string, toField: string, contact: string) => void = () => {};

  private constructor(
    private readonly options: PreparedCallerOptions,
    private readonly socket: Socket,
  ) {
    const { identity, authorityPem } = options;
    const method = createDhMethod({
      signatures: "auto",
      certificateChainPem: identity.chainPem,
      privateKeyPem: identity.privateKeyPem,
      trust: new TrustStore(authorityPem),
      takeDhKeyPair: () => generateDhKeyPair("oakley5"),
    });
    this.agent = new MikeyAgent({ methods: [method], replay: new MemoryReplayCache(16), random: randomBytes });
    socket.on("data", (data) => this.read(data));
    socket.on("error", () => {});
  }

  /** Connects. @throws Error when nobody listens. */
  static async open(options: PreparedCallerOptions): Promise<PreparedCaller> {
    const socket = connect({ host: "127.0.0.1", port: options.port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new PreparedCaller(options, socket);
  }

  /** Makes offers for `count` calls. */
  async prepare(count: number): Promise<void> {
    const { uri, peerUri } = this.options;
    for (let i = 0; i < count; i++) {
      const ssrc = randomBytes(4).readUInt32BE();
      const sent = await this.agent.offer("dh", { localUri: uri, peerUri, ssrc }, ["mikey"], Date.now());
      if (!sent.ok) throw new Error(sent.error.text);
      const body = [
        "v=0",
        `o=- ${ssrc} 1 IN IP4 127.0.0.1`,
        ...["s=-", "c=IN IP4 127.0.0.1", "t=0 0"],
        `a=key-mgmt:mikey ${Buffer.from(sent.value.message).toString("base64")}`,
        `m=audio ${DISCARD} RTP/SAVP 0`,
        ...["a=rtpmap:0 PCMU/8000", ""],
      ].join("\r\n");
      sent.value.end();
      this.ready.push({ id: randomBytes(8).toString("hex"), body });
    }
  }

  /**
   * Places `count` prepared calls, `atOnce` of them in progress at any time; each is hung up as soon as it is answered.
   * @throws RangeError when fewer are prepared.
   */
  async place(count: number, atOnce: number, limitMs = 60_000): Promise<CallsDone> {
    if (count > this.ready.length) throw new RangeError(`${this.ready.length} calls are prepared, not ${count}`);
    const refusals: Record<number, number> = {};
    let answered = 0;
    let failed = 0;
    let begun = 0;
    const before = performance.now();
    let lastAt = before;
    const over = new Set<string>();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      const next = () => {
        if (begun >= count) return;
        begun++;
        this.invite(this.ready.pop()!);
      };
      this.finished = (status, id, to, contact) => {
        lastAt = performance.now();
        this.request("ACK", id, 1, status < 300 ? contact : this.options.peerUri, to);
        // A phone that waited half a second for the ACK says it again, over TCP too (RFC 3261 section 13.3.1.4): no other call.
        if (over.has(id)) return;
        over.add(id);
        if (status < 300) {
          answered++;
          this.request("BYE", id, 2, contact, to);
        } else {
          failed++;
          refusals[status] = (refusals[status] ?? 0) + 1;
        }
        if (answered + failed === count) {
          clearTimeout(timer);
          resolve();
        } else next();
      };
      for (let i = 0; i < atOnce; i++) next();
    });
    this.finished = () => {};
    return { answered, failed: count - answered, refusals, tookMs: lastAt - before };
  }

  close(): void {
    this.socket.destroy();
  }

  private invite({ id, body }: Ready): void {
    this.request("INVITE", id, 1, this.options.peerUri, `<${this.options.peerUri}>`, body);
  }

  private request(method: string, id: string, sequence: number, target: string, to: string, body = ""): void {
    const { uri } = this.options;
    const local = `127.0.0.1:${this.socket.localPort}`;
    const user = uri.slice(4).split("@")[0];
    const branch = method === "ACK" ? `${id}-ack` : `${id}-${method}`;
    this.socket.write(
      [
        `${method} ${target} SIP/2.0`,
        `Via: SIP/2.0/TCP ${local};branch=z9hG4bK${branch}`,
        "Max-Forwards: 70",
        `From: <${uri}>;tag=${id}`,
        `To: ${to}`,
        `Call-ID: ${id}`,
        `CSeq: ${sequence} ${method}`,
        `Contact: <sip:${user}@${local};transport=tcp>`,
        ...(body ? ["Content-Type: application/sdp"] : []),
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
  }

  private read(data: Buffer): void {
    this.input = this.input.length === 0 ? data : Buffer.concat([this.input, data]);
    for (;;) {
      const end = this.input.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = this.input.toString("latin1", 0, end);
      const length = Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0);
      if (this.input.length < end + 4 + length) return;
      this.input = this.input.subarray(end + 4 + length);
      this.message(head);
    }
  }

  private message(head: string): void {
    const status = Number(/^SIP\/2\.0 (\d{3})/.exec(head)?.[1] ?? 0);
    if (status < 200) return;
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "im").exec(head)?.[1].trim() ?? "";
    if (!field("CSeq").endsWith("INVITE")) return;
    const contact = /<([^>]+)>/.exec(field("Contact"))?.[1] ?? this.options.peerUri;
    this.finished(status, field("Call-ID"), field("To"), contact);
  }
}
