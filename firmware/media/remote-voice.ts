// Signalling's side of the voice thread: the Voice contract over messages.

import { systemTimers, type Timer, type Timers } from "../runtime/index.js";
import { checkKeys, type SrtpKeys } from "../srtp/index.js";
import { checkDigit } from "./digits.js";
import { checkParameters } from "./options.js";
import { emptyStatistics } from "./statistics.js";
import type {
  CardChoice,
  PortNumbers,
  StreamEvents,
  StreamOptions,
  StreamParameters,
  StreamStatistics,
  Tone,
  Voice,
  VoiceEvents,
  VoiceRouting,
  VoiceStream,
} from "./voice.js";
import { type Command, copyKeys, type Notice, type Reply, type WirePort, wipeKeys } from "./wire.js";

/** How long the voice thread may take over one request, ms. */
const ANSWER_LIMIT_MS = 5000;

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/** {@link Voice} served by `serveVoice` at the other end of a port. */
export class RemoteVoice implements Voice, VoiceRouting {
  private readonly streams = new Map<number, RemoteStream>();
  private readonly waiting = new Map<number, Waiting>();
  /** Ports that are bound and wait for a stream. */
  private readonly ports: PortNumbers[] = [];
  /** What the other end is told at the end of this turn of the event loop, and what moves there with it. */
  private commands: Command[] = [];
  private transfers: ArrayBuffer[] = [];
  private lastStream = 0;
  private lastRequest = 0;
  private gone: string | undefined;
  /** Asked to end: that the other end goes is no failure any more. */
  private leaving = false;

  /**
   * @param events told of the sound card and of the thread's end.
   * @param timers bound how long a request waits.
   */
  constructor(
    private readonly port: WirePort,
    private readonly events: VoiceEvents,
    private readonly timers: Timers = systemTimers,
  ) {
    port.on("message", (message) => this.receive(message as Reply | Notice));
  }

  async open(options: StreamOptions, events: StreamEvents): Promise<VoiceStream> {
    const stream = ++this.lastStream;
    const bound = this.gone === undefined ? this.ports.shift() : undefined;
    // Who asks goes on with the ports; a thread that then does not open the stream carries no voice at all.
    if (bound)
      this.request((request) => ({ type: "openAt", request, rtpPort: bound.rtpPort, stream, options })).catch(
        (error: Error) => this.failed(error.message),
      );
    const ports = bound ?? (await this.request<PortNumbers>((request) => ({ type: "open", request, stream, options })));
    const remote = new RemoteStream(this, stream, ports, events);
    this.streams.set(stream, remote);
    return remote;
  }

  tone(tone: Tone | undefined): void {
    this.post({ type: "tone", tone });
  }

  useCard(card: CardChoice | undefined): void {
    this.post({ type: "card", card });
  }

  volume(level: number): void {
    checkVolume(level);
    this.post({ type: "volume", level });
  }

  /** Ends every stream and the engine behind the port. Settles within the answer limit. */
  async close(): Promise<void> {
    if (this.gone !== undefined) return;
    this.leaving = true;
    const asked = this.request<undefined>((request) => ({ type: "shutdown", request }));
    await asked.catch(() => undefined);
    this.end("voice is closed");
  }

  /** The other end is gone: everything waiting is rejected, later calls are refused. Says `failed` unless it was to end anyway. */
  failed(text: string): void {
    if (this.gone !== undefined) return;
    this.end(text);
    if (!this.leaving) this.events.failed(text);
  }

  /** @internal Asks and waits for the answer. */
  request<T>(make: (request: number) => Command, transfer?: readonly ArrayBuffer[]): Promise<T> {
    if (this.gone !== undefined) return Promise.reject(new Error(this.gone));
    const number = ++this.lastRequest;
    return new Promise<T>((resolve, reject) => {
      const timer = this.timers.after(ANSWER_LIMIT_MS, () => {
        this.waiting.delete(number);
        reject(new Error(`the voice thread did not answer within ${ANSWER_LIMIT_MS} ms`));
      });
      this.waiting.set(number, { resolve, reject, timer });
      this.post(make(number), transfer);
    });
  }

  /** @internal Says something that needs no answer. */
  post(command: Command, transfer: readonly ArrayBuffer[] = []): void {
    if (this.gone !== undefined) return;
    if (this.commands.length === 0) setImmediate(() => this.flush());
    this.commands.push(command);
    this.transfers.push(...transfer);
  }

  /** @internal Says now what waits to be said. */
  flush(): void {
    const { commands, transfers } = this;
    if (commands.length === 0) return;
    this.commands = [];
    this.transfers = [];
    this.port.postMessage(commands, transfers);
  }

  /** @internal A stream has closed. */
  forget(stream: number): void {
    this.streams.delete(stream);
  }

  private end(text: string): void {
    this.gone = text;
    for (const command of this.commands)
      if (command.type === "keys" || command.type === "rekey")
        for (const keys of [command.tx, command.rx]) wipeKeys(keys);
    this.commands = [];
    this.transfers = [];
    this.ports.length = 0;
    this.streams.clear();
    for (const waiting of this.waiting.values()) {
      waiting.timer.cancel();
      waiting.reject(new Error(text));
    }
    this.waiting.clear();
  }

  private receive(message: Reply | Notice): void {
    if (this.gone !== undefined) return;
    switch (message.type) {
      case "done":
      case "error": {
        const waiting = this.waiting.get(message.request);
        if (!waiting) return;
        this.waiting.delete(message.request);
        waiting.timer.cancel();
        if (message.type === "done") waiting.resolve(message.value as never);
        else waiting.reject(new Error(message.text));
        return;
      }
      case "ports":
        this.ports.push({ rtpPort: message.rtpPort, rtcpPort: message.rtcpPort });
        return;
      case "firstPacket":
        return this.streams.get(message.stream)?.events.firstPacket(message.direction, message.atMs);
      case "digit":
        return this.streams.get(message.stream)?.events.digit(message.digit, message.durationMs);
      case "silent":
        return this.streams.get(message.stream)?.events.silent(message.silentMs);
      case "keyAge":
        return this.streams.get(message.stream)?.events.keyAge?.(message.kind);
      case "device":
        return this.events.device({ type: message.event, text: message.text });
      case "failed":
        return this.failed(message.text);
    }
  }
}

/** @throws RangeError for a level outside 0 to 1. */
export function checkVolume(level: number): void {
  if (!(level >= 0 && level <= 1)) throw new RangeError(`volume must be from 0 to 1, got ${level}`);
}

class RemoteStream implements VoiceStream {
  readonly rtpPort: number;
  readonly rtcpPort: number;
  private parameters: StreamParameters | undefined;
  private last: StreamStatistics = emptyStatistics;
  private closing: Promise<StreamStatistics> | undefined;
  /** Keys wait for {@link confirmKeys}. */
  private isUnconfirmed = false;

  constructor(
    private readonly voice: RemoteVoice,
    private readonly stream: number,
    ports: PortNumbers,
    readonly events: StreamEvents,
  ) {
    this.rtpPort = ports.rtpPort;
    this.rtcpPort = ports.rtcpPort;
  }

  keys(tx: SrtpKeys, rx: SrtpKeys): void {
    const moved = movable(tx, rx);
    if (!this.closing) this.voice.post({ type: "keys", stream: this.stream, ...moved.keys }, moved.secrets);
  }

  async rekey(tx: SrtpKeys, rx: SrtpKeys, sending: "now" | "confirmed"): Promise<void> {
    const { stream } = this;
    const moved = movable(tx, rx);
    if (this.closing) return;
    this.isUnconfirmed = sending === "confirmed";
    await this.voice.request((request) => ({ type: "rekey", request, stream, ...moved.keys, sending }), moved.secrets);
  }

  confirmKeys(): void {
    if (this.closing || !this.isUnconfirmed) return;
    this.isUnconfirmed = false;
    this.voice.post({ type: "confirmKeys", stream: this.stream });
  }

  start(parameters: StreamParameters): void {
    checkParameters(parameters, this.parameters);
    if (this.closing) return;
    this.parameters = parameters;
    this.voice.post({ type: "start", stream: this.stream, parameters });
    // The first packet does not wait for the rest of this turn.
    this.voice.flush();
  }

  digit(digit: string, durationMs: number): void {
    checkDigit(digit, durationMs);
    if (!this.closing) this.voice.post({ type: "digit", stream: this.stream, digit, durationMs });
  }

  mute(on: boolean): void {
    if (!this.closing) this.voice.post({ type: "mute", stream: this.stream, on });
  }

  async statistics(): Promise<StreamStatistics> {
    if (this.closing) return this.closing;
    const { stream } = this;
    this.last = await this.voice.request((request) => ({ type: "statistics", request, stream }));
    return this.last;
  }

  /** Never rejects: when the voice thread is gone, the last statistics known are the answer. */
  close(): Promise<StreamStatistics> {
    const { stream } = this;
    this.closing ??= this.voice
      .request<StreamStatistics>((request) => ({ type: "close", request, stream }))
      .catch(() => this.last)
      .finally(() => this.voice.forget(stream));
    return this.closing;
  }
}

/** Copies of keys that are moved, not cloned: no second copy of a key stays behind in this thread. */
function movable(tx: SrtpKeys, rx: SrtpKeys) {
  checkKeys(tx);
  checkKeys(rx);
  const keys = { tx: copyKeys(tx), rx: copyKeys(rx) };
  const secrets = [keys.tx.masterKey, keys.tx.masterSalt, keys.rx.masterKey, keys.rx.masterSalt];
  return { keys, secrets: secrets.map((secret) => secret.buffer as ArrayBuffer) };
}
