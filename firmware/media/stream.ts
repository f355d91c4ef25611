// One call's voice: sockets, security and numbering of a stream, and the order in which a packet passes through them.

import { randomInt, timingSafeEqual } from "node:crypto";
import { type Codec, findCodec } from "../audio/index.js";
import { looksLikeRtcp, parseRtcp, RTP_HEADER_BYTES, RtpFault, RtpPacket } from "../rtp/index.js";
import type { Clock, Timers } from "../runtime/index.js";
import { type SrtpKeyEvent, type SrtpKeys, SrtpReceiver, SrtpSender, SrtpStatus } from "../srtp/index.js";
import { Control } from "./control.js";
import { DigitReceiver } from "./digit-receiver.js";
import { DigitSender } from "./digit-sender.js";
import { checkDigit } from "./digits.js";
import { EarlyPackets } from "./early-packets.js";
import { Incoming } from "./incoming.js";
import { checkParameters, type ResolvedVoiceOptions } from "./options.js";
import { Outgoing, type PacketOutlet } from "./outgoing.js";
import type { PortPair } from "./ports.js";
import { VOICE_RATE, type Voiced } from "./pump.js";
import { normaliseAddress, RemoteEndpoint } from "./remote-endpoint.js";
import { SourceLock } from "./source-lock.js";
import { DropCounters, drop } from "./statistics.js";
import type { StreamEvents, StreamOptions, StreamParameters, StreamStatistics, VoiceStream } from "./voice.js";
import { copyKeys, wipeKeys } from "./wire.js";

/** Longest datagram looked at, bytes: no voice packet is longer than an Ethernet frame. */
const MAX_DATAGRAM = 1500;
/** Changes of our SSRC because somebody else has it, per stream: more is no accident. */
const MAX_SSRC_CHANGES = 3;

/** Packets whose keystream is made before they are there. */
const AHEAD_PACKETS = 2;
/** Keystream for each, bytes: 20 ms of G.711. */
const AHEAD_BYTES = 160;

/** What a stream needs of the engine. */
export interface StreamSurroundings {
  readonly options: ResolvedVoiceOptions;
  readonly family: 4 | 6;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Over- and under-runs of the card since the phone started. */
  xruns(): number;
  /** How long sound waits in the card now, both directions together, ms. */
  cardDelayMs(): number;
  /** The stream speaks and hears from now on. */
  started(stream: Stream): void;
  /** The stream has let go of everything. */
  closed(stream: Stream): void;
}

/**
 * {@link VoiceStream} in the engine's own thread.
 *
 * Out: capture -> {@link Outgoing} -> SRTP in place -> socket. In: socket -> first byte (RFC 7983) -> SRTP in place -> payload type -> source
 * -> {@link Incoming} -> playInto. Nothing leaves and nothing is played that `security` does not allow.
 */
export class Stream implements VoiceStream, Voiced, PacketOutlet {
  readonly rtpPort: number;
  readonly rtcpPort: number;
  private parameters: StreamParameters | undefined;
  private secured = false;
  private sends = false;
  private receives = false;
  private closing: Promise<StreamStatistics> | undefined;

  private tx: SrtpSender | undefined;
  /** Keys to send with as soon as the peer is known to have them. */
  private nextTx: SrtpKeys | undefined;
  private rx: SrtpReceiver | undefined;
  /** Both directions use one master key: then SSRCs must differ (RFC 3711 section 9.1). */
  private oneKey = false;
  private readonly early = new EarlyPackets();
  private readonly earlyControl = new EarlyPackets();

  private readonly remote = new RemoteEndpoint();
  private readonly remoteControl = new RemoteEndpoint();
  private readonly source = new SourceLock();
  private readonly packet = new RtpPacket();
  /** By payload type: every codec this stream agreed on in its life, so that a change of codec loses nothing under way. */
  private readonly codecs: (Codec | undefined)[] = new Array(128).fill(undefined);
  private readonly outgoing: Outgoing;
  private readonly incoming = new Incoming(this.codecs, VOICE_RATE);
  private readonly digitSender = new DigitSender(VOICE_RATE);
  private readonly digitReceiver: DigitReceiver;
  private readonly control: Control;
  private ssrcChanges = 0;

  private readonly dropped = new DropCounters();
  private packetsSent = 0;
  private bytesSent = 0;
  private packetsReceived = 0;
  private bytesReceived = 0;
  private lastReceivedMs = 0;
  private nextSilentMs = 0;
  private readonly xrunsBefore: number;

  constructor(
    private readonly ports: PortPair,
    options: StreamOptions,
    private readonly events: StreamEvents,
    private readonly around: StreamSurroundings,
  ) {
    this.rtpPort = ports.rtpPort;
    this.rtcpPort = ports.rtcpPort;
    this.xrunsBefore = around.xruns();
    // A first sequence number in the lower half: see Outgoing.
    this.outgoing = new Outgoing(options.ssrc >>> 0, randomInt(2 ** 15), randomInt(2 ** 32), this.digitSender, this);
    this.digitReceiver = new DigitReceiver(VOICE_RATE, (digit, durationMs) =>
      queueMicrotask(() => events.digit(digit, durationMs)),
    );
    this.control = new Control({
      ssrc: options.ssrc >>> 0,
      cname: options.cname,
      clockRate: VOICE_RATE,
      intervalMs: around.options.rtcpIntervalMs,
      clock: around.clock,
      timers: around.timers,
      send: (buffer, length) => this.sendControl(buffer, length),
    });
    ports.rtp.on("message", (message, from) => this.receive(message, from.address, from.port, around.clock.now()));
    ports.rtcp.on("message", (message, from) =>
      this.receiveControl(message, from.address, from.port, around.clock.now(), this.remoteControl),
    );
  }

  // ------------------------------------------------------------------------------------------------------- signalling

  keys(tx: SrtpKeys, rx: SrtpKeys): void {
    if (this.closing) return;
    this.forgetNextKeys();
    if (this.tx && this.rx) {
      // Roll-over counters and replay windows outlive a re-key (RFC 3711 section 3.3.1).
      this.tx.replaceKeys(tx);
      this.rx.replaceKeys(rx);
    } else {
      this.tx = new SrtpSender(tx, { onKeyAge: this.keyAge });
      this.rx = new SrtpReceiver(rx);
    }
    this.oneKey = sameBytes(tx.masterKey, rx.masterKey) && sameBytes(tx.masterSalt, rx.masterSalt);
    this.releaseEarly();
  }

  async rekey(tx: SrtpKeys, rx: SrtpKeys, sending: "now" | "confirmed"): Promise<void> {
    if (sending === "now" || !this.tx || !this.rx) return this.keys(tx, rx);
    if (this.closing) return;
    this.rx.replaceKeys(rx);
    this.forgetNextKeys();
    this.nextTx = copyKeys(tx);
    this.oneKey = sameBytes(tx.masterKey, rx.masterKey) && sameBytes(tx.masterSalt, rx.masterSalt);
  }

  confirmKeys(): void {
    if (this.nextTx && !this.closing) this.tx?.replaceKeys(this.nextTx);
    this.forgetNextKeys();
  }

  private forgetNextKeys(): void {
    if (this.nextTx) wipeKeys(this.nextTx);
    this.nextTx = undefined;
  }

  /** In the middle of a packet: told later. RTCP is so far behind RTP that its count never decides. */
  private readonly keyAge = ({ kind }: SrtpKeyEvent): void => {
    queueMicrotask(() => this.closing || this.events.keyAge?.(kind));
  };

  start(parameters: StreamParameters): void {
    checkParameters(parameters, this.parameters);
    if (this.closing) return;
    const { options, clock, family } = this.around;
    const { codec: choice, direction } = parameters;
    const codec = this.codecFor(choice.payloadType, choice);
    const first = this.parameters === undefined;
    if (parameters.security === "srtp" && !this.secured) this.incoming.reset();
    this.parameters = parameters;
    this.secured = parameters.security === "srtp";
    this.sends = direction === "sendrecv" || direction === "sendonly";
    this.receives = direction === "sendrecv" || direction === "recvonly";
    this.outgoing.configure(codec, choice.payloadType, parameters.ptimeMs);
    this.digitSender.payloadType = parameters.telephoneEventSend;
    this.digitReceiver.payloadType = parameters.telephoneEventReceive;
    if (!this.receives) {
      this.incoming.reset();
      this.digitReceiver.reset();
    }
    const address = normaliseAddress(parameters.remoteAddress, family) ?? "";
    if (this.remote.signal(address, parameters.remotePort)) this.source.release();
    this.remoteControl.signal(address, parameters.remoteRtcpPort);
    this.lastReceivedMs = clock.now();
    this.nextSilentMs = this.lastReceivedMs + options.silentAfterMs;
    this.releaseEarly();
    if (!first) return;
    this.control.start();
    this.around.started(this);
  }

  digit(digit: string, durationMs: number): void {
    checkDigit(digit, durationMs);
    if (!this.closing && this.sends) this.digitSender.enqueue(digit, durationMs);
  }

  mute(on: boolean): void {
    this.outgoing.muted = on;
  }

  async statistics(): Promise<StreamStatistics> {
    return this.closing ?? this.read();
  }

  close(): Promise<StreamStatistics> {
    if (!this.closing) {
      const last = this.read();
      this.control.bye();
      this.closing = Promise.resolve(last);
      this.sends = this.receives = false;
      this.control.stop();
      this.ports.rtp.close();
      this.ports.rtcp.close();
      this.tx?.close();
      this.rx?.close();
      this.forgetNextKeys();
      this.early.release();
      this.earlyControl.release();
      this.around.closed(this);
    }
    return this.closing;
  }

  // -------------------------------------------------------------------------------------------------------- the pump

  capture(pcm: Int16Array, samples: number): void {
    this.outgoing.capture(pcm, samples);
  }

  /** The person is heard at the other end. */
  get speaking(): boolean {
    return this.open && !this.outgoing.muted;
  }

  gap(samples: number): void {
    this.outgoing.skip(samples);
  }

  playInto(out: Int16Array, samples: number): boolean {
    const now = this.around.clock.now();
    if (!this.receives) return false;
    this.digitReceiver.poll(now);
    if (now >= this.nextSilentMs) this.tellSilent(now);
    return this.incoming.playInto(out, samples, now);
  }

  private tellSilent(now: number): void {
    const silentMs = now - this.lastReceivedMs;
    const { silentAfterMs } = this.around.options;
    if (silentMs < silentAfterMs) this.nextSilentMs = this.lastReceivedMs + silentAfterMs;
    else {
      this.nextSilentMs = now + silentAfterMs;
      queueMicrotask(() => this.closing || this.events.silent(silentMs));
    }
  }

  // ------------------------------------------------------------------------------------------------------------- out

  /** False before start and keys, on hold, after close, and while nobody knows where to send. */
  get open(): boolean {
    return this.sends && this.remote.reachable && (!this.secured || this.tx !== undefined);
  }

  sendRtp(buffer: Uint8Array, length: number): void {
    if (!this.open) return;
    const payload = length - RTP_HEADER_BYTES;
    let bytes = length;
    if (this.secured) {
      bytes = this.tx!.protectRtp(buffer, length);
      if (bytes < 0) return this.dropped.count(drop["send-failed"]);
    }
    this.ports.rtp.send(buffer, 0, bytes, this.remote.port, this.remote.address, this.sent);
    this.bytesSent += bytes;
    // The packet is out: what is left of the period makes the next one's keystream.
    if (this.secured) this.tx!.precompute(AHEAD_PACKETS, AHEAD_BYTES);
    const now = this.around.clock.now();
    this.control.sent(this.outgoing.timestamp, payload, now);
    if (this.packetsSent++ === 0) {
      queueMicrotask(() => this.events.firstPacket("sent", now));
    }
  }

  private readonly sent = (error: Error | null): void => {
    if (error) this.dropped.count(drop["send-failed"]);
  };

  private sendControl(buffer: Uint8Array, length: number): void {
    if (!this.parameters || !this.remoteControl.reachable) return;
    let bytes = length;
    if (this.secured) {
      if (!this.tx) return;
      bytes = this.tx.protectRtcp(buffer, length);
      if (bytes < 0) return this.dropped.count(drop["send-failed"]);
    }
    this.ports.rtcp.send(buffer, 0, bytes, this.remoteControl.port, this.remoteControl.address, this.sent);
  }

  // -------------------------------------------------------------------------------------------------------------- in

  /** A datagram on the RTP port; RFC 7983 tells by the first byte what it is. */
  private receive(datagram: Uint8Array, address: string, port: number, nowMs: number): void {
    if (this.closing) return;
    const { dropped } = this;
    const first = datagram.length > 0 ? datagram[0] : 255;
    if (first < 128 || first > 191 || datagram.length > MAX_DATAGRAM) {
      if (first < 4) return dropped.count(drop.stun);
      if (first > 15 && first < 20) return dropped.count(drop.zrtp);
      if (first > 19 && first < 64) return dropped.count(drop.dtls);
      return dropped.count(drop.malformed);
    }
    if (looksLikeRtcp(datagram)) return this.receiveControl(datagram, address, port, nowMs, this.remote);
    if (!this.parameters || (this.secured && !this.rx)) {
      if (!this.early.keep(datagram, address, port, nowMs)) dropped.count(drop["no-keys"]);
      return;
    }
    const length = this.secured ? this.unprotect(datagram) : datagram.length;
    if (length >= 0) this.take(datagram, length, address, port, nowMs);
  }

  /** Verifies and decrypts in place. @returns the length, or -1 after counting why not. */
  private unprotect(datagram: Uint8Array): number {
    const length = this.rx!.unprotectRtp(datagram, datagram.length);
    if (length >= 0) {
      if (this.nextTx !== undefined && this.rx!.underNewest > 0) this.confirmKeys();
      return length;
    }
    this.dropped.count(this.refusal(length, datagram));
    return -1;
  }

  private refusal(status: number, datagram: Uint8Array): number {
    switch (status) {
      case SrtpStatus.malformed:
        return drop.malformed;
      case SrtpStatus.replayed:
        return drop.replayed;
      default:
        return this.looksClear(datagram) ? drop["clear-refused"] : drop["bad-tag"];
    }
  }

  /** A payload of whole 10 ms has no room for a tag: somebody sends plain RTP into a secured stream. Only for the counter's name. */
  private looksClear(datagram: Uint8Array): boolean {
    const { packet } = this;
    const codec = packet.read(datagram) === RtpFault.none ? this.codecs[packet.payloadType] : undefined;
    return codec !== undefined && packet.payloadLength % codec.format.maxBytes(codec.format.samplesPerFrame(10)) === 0;
  }

  /** A packet in the clear, or with a good tag. */
  private take(datagram: Uint8Array, length: number, address: string, port: number, nowMs: number): void {
    const { packet, dropped, secured } = this;
    if (packet.read(datagram, length) !== RtpFault.none) return dropped.count(drop.malformed);
    const isEvent = packet.payloadType === this.digitReceiver.payloadType;
    if (!isEvent && !this.codecs[packet.payloadType]) return dropped.count(drop["wrong-payload"]);
    if (packet.ssrc === this.outgoing.ssrc && !this.resolveCollision()) return dropped.count(drop["wrong-source"]);
    if (!this.remote.take(address, port, secured, nowMs)) return dropped.count(drop["wrong-source"]);
    if (!this.source.take(packet.ssrc, packet.sequence, secured)) return dropped.count(drop["wrong-source"]);
    if (this.source.changed) this.digitReceiver.reset();
    this.control.received(packet, nowMs);
    this.bytesReceived += datagram.length;
    this.lastReceivedMs = nowMs;
    if (this.packetsReceived++ === 0) queueMicrotask(() => this.events.firstPacket("received", nowMs));
    if (!this.receives) return dropped.count(drop["not-expected"]);
    if (isEvent) {
      this.digitReceiver.take(packet, nowMs);
      this.incoming.pass(packet);
    } else if (!this.incoming.put(packet, nowMs)) dropped.count(drop.malformed);
  }

  /**
   * The peer uses our SSRC (RFC 3550 section 8.2). In the clear, or under a key both directions share, ours changes, after a BYE; with a
   * key of its own each direction is told apart anyhow, and ours stays what signalling bound the key to.
   * @returns false: too often to be an accident; the packet is dropped.
   */
  private resolveCollision(): boolean {
    if (this.secured && !this.oneKey) return true;
    if (this.ssrcChanges++ >= MAX_SSRC_CHANGES) return false;
    this.control.bye("SSRC collision");
    const ssrc = randomInt(2 ** 32);
    this.outgoing.restart(ssrc, randomInt(2 ** 15));
    this.control.changeSsrc(ssrc);
    return true;
  }

  /** RTCP on its own port, or on the RTP port (RFC 5761 section 4), where it must come from where RTP comes from. */
  private receiveControl(
    datagram: Uint8Array,
    address: string,
    port: number,
    nowMs: number,
    from: RemoteEndpoint,
  ): void {
    if (this.closing) return;
    const { dropped } = this;
    if (datagram.length > MAX_DATAGRAM || !looksLikeRtcp(datagram)) return dropped.count(drop.malformed);
    if (!this.parameters || (this.secured && !this.rx)) {
      if (from === this.remoteControl) this.earlyControl.keep(datagram, address, port, nowMs);
      else dropped.count(drop["no-keys"]);
      return;
    }
    let length = datagram.length;
    if (this.secured) {
      length = this.rx!.unprotectRtcp(datagram, length);
      if (length < 0) return dropped.count(this.refusal(length, datagram));
    }
    const compound = parseRtcp(datagram.subarray(0, length));
    if (!compound.ok) return dropped.count(drop.malformed);
    if (!from.take(address, port, this.secured, nowMs)) return dropped.count(drop["wrong-source"]);
    this.control.receivedControl(compound.value, length, nowMs);
  }

  private releaseEarly(): void {
    if (!this.parameters || (this.secured && !this.rx)) return;
    for (const { packet, address, port, atMs } of this.early.release()) this.receive(packet, address, port, atMs);
    for (const { packet, address, port, atMs } of this.earlyControl.release())
      this.receiveControl(packet, address, port, atMs, this.remoteControl);
  }

  // ------------------------------------------------------------------------------------------------------------ rest

  private codecFor(payloadType: number, choice: StreamParameters["codec"]): Codec {
    const format = findCodec(choice);
    if (!format || format.sampleRate !== VOICE_RATE)
      throw new RangeError(`codec ${choice.name}/${choice.clockRate} is not one this phone speaks`);
    const known = this.codecs[payloadType];
    if (known?.format === format) return known;
    return (this.codecs[payloadType] = format.open());
  }

  private read(): StreamStatistics {
    const { control, incoming } = this;
    const { roundTripMs } = control;
    const mouthToEarMs =
      roundTripMs === undefined || !this.parameters || this.packetsReceived === 0
        ? undefined
        : this.around.cardDelayMs() + this.parameters.ptimeMs + roundTripMs / 2 + incoming.bufferMs;
    return {
      packetsSent: this.packetsSent,
      bytesSent: this.bytesSent,
      packetsReceived: this.packetsReceived,
      bytesReceived: this.bytesReceived,
      packetsLost: control.packetsLost,
      packetsLate: incoming.late,
      concealed: incoming.concealed,
      jitterMs: control.jitterMs,
      bufferMs: incoming.bufferMs,
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
      ...(mouthToEarMs === undefined ? {} : { mouthToEarMs }),
      dropped: this.dropped.read(),
      xruns: this.around.xruns() - this.xrunsBefore,
    };
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
