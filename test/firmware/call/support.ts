// For the call suites: phones made of the real call, SIP, SDP and MIKEY rooms, with voices that only note what they are told.

import * as assert from "uvu/assert";
import type { KeyRules } from "../../../firmware/call/environment.js";
import {
  type CallAccount,
  type CallEvent,
  type CallerRules,
  type CallSnapshot,
  Calls,
} from "../../../firmware/call/index.js";
import { createMikeyKeying, type Keying, type MikeyKeyingOptions } from "../../../firmware/keying/index.js";
import type {
  StreamEvents,
  StreamOptions,
  StreamParameters,
  StreamStatistics,
  Voice,
  VoiceStream,
} from "../../../firmware/media/voice.js";
import { silentLog } from "../../../firmware/runtime/log.js";
import { Trace } from "../../../firmware/runtime/trace.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { type SipAddress, type SipTransport, UserAgent } from "../../../firmware/sip/index.js";
import { poolIdle } from "../../support/pool.js";
import { type MemoryTransport, Network, seededRandom } from "../sip/support.js";

const none: StreamStatistics = {
  packetsSent: 0,
  bytesSent: 0,
  packetsReceived: 0,
  bytesReceived: 0,
  packetsLost: 0,
  packetsLate: 0,
  concealed: 0,
  jitterMs: 0,
  bufferMs: 0,
  dropped: {},
  xruns: 0,
};

/** A voice stream on paper. */
export class NotedStream implements VoiceStream {
  readonly started: StreamParameters[] = [];
  readonly keyed: { tx: string; rx: string }[] = [];
  closed = false;
  constructor(
    readonly options: StreamOptions,
    readonly events: StreamEvents,
    readonly rtpPort: number,
  ) {}
  get rtcpPort(): number {
    return this.rtpPort + 1;
  }
  keys(tx: { masterKey: Uint8Array }, rx: { masterKey: Uint8Array }): void {
    this.keyed.push({ tx: Buffer.from(tx.masterKey).toString("hex"), rx: Buffer.from(rx.masterKey).toString("hex") });
  }
  /** Of each re-key, when our half is used. */
  readonly rekeyed: string[] = [];
  confirmed = 0;
  async rekey(
    tx: { masterKey: Uint8Array },
    rx: { masterKey: Uint8Array },
    sending: "now" | "confirmed",
  ): Promise<void> {
    this.keys(tx, rx);
    this.rekeyed.push(sending);
  }
  confirmKeys(): void {
    this.confirmed++;
  }
  start(parameters: StreamParameters): void {
    if (this.started.at(-1)?.security === "srtp" && parameters.security === "clear") throw new Error("srtp to clear");
    this.started.push(parameters);
  }
  digit(): void {}
  mute(): void {}
  async statistics(): Promise<StreamStatistics> {
    return none;
  }
  async close(): Promise<StreamStatistics> {
    this.closed = true;
    return none;
  }
}

export class NotedVoice implements Voice {
  readonly streams: NotedStream[] = [];
  broken = "";
  async open(options: StreamOptions, events: StreamEvents): Promise<VoiceStream> {
    if (this.broken) throw new Error(this.broken);
    const stream = new NotedStream(options, events, 40_000 + this.streams.length * 2);
    this.streams.push(stream);
    return stream;
  }
  tone(): void {}
  volume(): void {}
  async close(): Promise<void> {}
}

/** One phone. */
export interface TestPhone {
  readonly uri: string;
  readonly userAgent: UserAgent;
  readonly calls: Calls;
  readonly voice: NotedVoice;
  readonly trace: Trace;
  readonly events: CallEvent[];
  readonly local: SipAddress;
  /** The newest snapshot that was told, or the newest call that nobody was told of yet. */
  call(): CallSnapshot | undefined;
}

/** A key both ends of a call share unless the test says otherwise. */
export const sharedKey = Uint8Array.from({ length: 32 }, (_, i) => i + 1);

export interface PhoneOptions {
  /** Its address of record, where it is not that of its place in the network. */
  readonly uri?: string;
  /** Method of its offers; default psk. */
  readonly offer?: "psk" | "dhhmac";
  readonly security?: CallAccount["security"];
  readonly psk?: Uint8Array | null;
  readonly maxCalls?: number;
  readonly autoAnswerMs?: number;
  readonly codecs?: readonly string[];
  readonly callers?: CallerRules;
  readonly messages?: boolean;
  readonly anonymous?: boolean;
  /** Of its key agreement, instead of a shared key alone. */
  readonly keying?: Partial<MikeyKeyingOptions>;
  readonly keys?: Partial<KeyRules>;
  /** Sees, and may change, every message this phone sends. */
  readonly tamper?: (text: string) => string;
  readonly precompute?: boolean;
  /** Where its requests go, as of now. */
  readonly nextHop?: () => SipAddress;
  readonly verifiesAlone?: boolean;
  readonly refusesFor?: CallAccount["refusesFor"];
}

/** Phones on one network. */
export class Exchange {
  readonly time = new VirtualTime();
  readonly network = new Network(this.time);

  phone(number: number, options: PhoneOptions = {}): TestPhone {
    const uri = options.uri ?? `sip:u${number}@192.0.2.${number}`;
    const keying: Keying[] =
      options.psk === null
        ? []
        : [
            createMikeyKeying({
              offer: options.offer ?? "psk",
              psk: { key: options.psk ?? sharedKey, name: "test key" },
              keepsBundles: true,
              clock: this.time,
              random: seededRandom(`keying ${number}`),
              ...options.keying,
            }),
          ];
    const voice = new NotedVoice();
    const trace = new Trace(this.time);
    const events: CallEvent[] = [];
    let calls: Calls | undefined;
    const transport = this.network.bind(`192.0.2.${number}`);
    const userAgent = new UserAgent({
      transport: options.tamper ? tampering(transport, options.tamper) : transport,
      clock: this.time,
      timers: this.time,
      random: seededRandom(`agent ${number}`),
      accepts: (wanted) => calls!.accepts(wanted),
    });
    calls = new Calls({
      accounts: [
        {
          uri,
          displayName: `Phone ${number}`,
          security: options.security ?? "required",
          keying,
          keys: { rekeyBy: "invite", changes: "any", failedLine: "refuse-all", ...options.keys },
          codecs: options.codecs ?? ["PCMU", "PCMA"],
          autoAnswerMs: options.autoAnswerMs,
          messages: options.messages,
          anonymous: options.anonymous,
          verifiesAlone: options.verifiesAlone,
          refusesFor: options.refusesFor,
        },
      ],
      userAgent,
      voice,
      clock: this.time,
      timers: this.time,
      trace,
      log: silentLog,
      random: seededRandom(`phone ${number}`),
      localAddress: `192.0.2.${number}`,
      callers: options.callers,
      precompute: options.precompute,
      ...(options.nextHop ? { route: () => ({ nextHop: options.nextHop!(), routes: [] }) } : {}),
      maxCalls: options.maxCalls ?? 1,
      ringLimitMs: 60_000,
      onEvent: (event) => events.push(event),
    });
    return {
      uri,
      userAgent,
      calls,
      voice,
      trace,
      events,
      local: transport.local,
      call: () => {
        const told = events.flatMap((event) => (event.type === "call" ? [event.call] : []));
        const newest = calls.list().at(-1);
        return newest && !told.some(({ id }) => id === newest.id) ? newest : told.at(-1);
      },
    };
  }

  /** Lets what is under way finish: asynchronous cryptography in real time, the network in virtual time. */
  async run(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 5) {
      await poolIdle();
      this.time.advance(Math.min(5, left));
    }
    await poolIdle();
  }

  /** Runs until `done`, at most `limitMs` of virtual time. @throws Error with `what` when it does not come about. */
  async until(what: string, done: () => boolean, limitMs = 5000): Promise<void> {
    for (let passed = 0; passed <= limitMs; passed += 5) {
      await poolIdle();
      if (done()) return;
      this.time.advance(5);
    }
    throw new Error(`did not happen within ${limitMs} ms: ${what}`);
  }
}

/** Nothing is left running: no timer, no call, no open voice. */
export async function clean(exchange: Exchange, ...phones: TestPhone[]): Promise<void> {
  await exchange.run(100);
  exchange.time.advance(200_000);
  await exchange.run(10);
  for (const phone of phones) {
    assert.is(phone.calls.list().length, 0);
    for (const stream of phone.voice.streams) assert.ok(stream.closed, "voice stream closed");
  }
  assert.is(exchange.time.active, 0, "timers left");
}

/** A transport whose messages pass through `tamper`; Content-Length is put right. */
function tampering(transport: MemoryTransport, tamper: (text: string) => string): SipTransport {
  return {
    local: transport.local,
    reliable: transport.reliable,
    maxBytes: transport.maxBytes,
    start: (receiver) => transport.start(receiver),
    close: () => transport.close(),
    send: (bytes, to, done) => {
      const changed = tamper(Buffer.from(bytes).toString("latin1"));
      const split = changed.indexOf("\r\n\r\n") + 4;
      const body = changed.slice(split);
      const head = changed.slice(0, split).replace(/Content-Length:\s*\d+/i, `Content-Length: ${body.length}`);
      transport.send(new Uint8Array(Buffer.from(head + body, "latin1")), to, done);
    },
  };
}
