// The voice engine: streams, tones and the sound card they share, in the thread that creates it.

import { randomInt } from "node:crypto";
import type { OpenAudio } from "../../drivers/contract.js";
import { toneTables } from "../audio/index.js";
import { type Clock, systemClock, systemTimers, type Timers } from "../runtime/index.js";
import { Card } from "./card.js";
import { type ResolvedVoiceOptions, resolveOptions, type VoiceOptions } from "./options.js";
import { type PortPair, PortPairs } from "./ports.js";
import { Pump, VOICE_RATE, type Voiced } from "./pump.js";
import { familyOf } from "./remote-endpoint.js";
import { checkVolume } from "./remote-voice.js";
import { Stream, type StreamSurroundings } from "./stream.js";
import { ToneVoice } from "./tone-voice.js";
import type {
  CardChoice,
  PortNumbers,
  StreamEvents,
  StreamOptions,
  Tone,
  Voice,
  VoiceAhead,
  VoiceEvents,
  VoiceRouting,
  VoiceStream,
} from "./voice.js";

/** Port pairs told ahead, where the range has many more than these. */
const TOLD_AHEAD = 2;
/** Pairs are bound anew this long after a stream took one: whoever opened it has more urgent things to do at first, ms. */
const BIND_AGAIN_MS = 5;

/** What an engine needs from outside. */
export interface VoiceDependencies {
  readonly openAudio: OpenAudio;
  /** Opens another card for {@link LocalVoice.useCard}. @throws Error for a driver that does not exist. */
  readonly openCard?: (card: CardChoice) => OpenAudio;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly timers?: Timers;
}

/**
 * {@link Voice} without a thread of its own: what the voice thread runs, and what tests and benches with many calls use directly.
 * Events come in microtasks, never from within a call of the user.
 */
export class LocalVoice implements Voice, VoiceRouting, VoiceAhead {
  private readonly options: ResolvedVoiceOptions;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly ports: PortPairs;
  private readonly card: Card;
  private readonly pump: Pump;
  private readonly tones: ToneVoice;
  /** Who speaks and hears; the tones are always there. */
  private readonly voices: Voiced[];
  private readonly streams = new Set<Stream>();
  private readonly around: StreamSurroundings;
  private closing: Promise<void> | undefined;
  /** Pairs that were told, by RTP port. */
  private readonly told = new Map<number, PortPair>();
  private tell: ((ports: PortNumbers) => void) | undefined;
  private binding = false;

  /**
   * Binds the first spare port pair in the background.
   * @throws RangeError when an option is out of range.
   */
  constructor(
    options: VoiceOptions,
    private readonly dependencies: VoiceDependencies,
    events: VoiceEvents,
  ) {
    this.options = resolveOptions(options);
    const ended = () => queueMicrotask(() => this.wantCard());
    this.tones = new ToneVoice(VOICE_RATE, ended, toneTables[this.options.tones]);
    this.voices = [this.tones];
    this.clock = dependencies.clock ?? systemClock;
    this.timers = dependencies.timers ?? systemTimers;
    this.ports = new PortPairs(this.options.localAddress, this.options.ports, randomInt(2 ** 32));
    this.ports.prepare();
    this.pump = new Pump(this.voices, this.options.levels);
    this.card = new Card(dependencies.openAudio, this.options, this.clock, this.timers, {
      opened: (rate, periodFrames) => this.pump.configure(rate, periodFrames),
      period: (captured, play, audible) => this.pump.period(captured, play, audible),
      gap: (frames) => this.pump.gap(frames),
      device: (type, text) => queueMicrotask(() => events.device({ type, text })),
    });
    this.around = {
      options: this.options,
      family: familyOf(this.options.localAddress),
      clock: this.clock,
      timers: this.timers,
      xruns: () => this.card.xruns,
      cardDelayMs: () => this.card.delayMs(),
      started: (stream) => this.join(stream),
      closed: (stream) => this.leave(stream),
    };
  }

  async open(options: StreamOptions, events: StreamEvents): Promise<VoiceStream> {
    if (this.closing) throw new Error("voice is closed");
    return this.begin(await this.ports.take(), options, events);
  }

  offerPorts(tell: (ports: PortNumbers) => void): void {
    this.tell = tell;
    void this.bindAhead();
  }

  openAt(rtpPort: number, options: StreamOptions, events: StreamEvents): VoiceStream {
    const ports = this.told.get(rtpPort);
    if (!ports) throw new Error(`port ${rtpPort} was not told, or is in use`);
    this.told.delete(rtpPort);
    return this.begin(ports, options, events);
  }

  private begin(ports: PortPair, options: StreamOptions, events: StreamEvents): VoiceStream {
    let stream: Stream;
    try {
      if (this.closing) throw new Error("voice is closed");
      stream = new Stream(ports, options, events, this.around);
    } catch (error) {
      ports.rtp.close();
      ports.rtcp.close();
      throw error;
    }
    this.streams.add(stream);
    // Whoever asked has a message to send, and needs the ports for it: opening a card takes its time.
    this.timers.after(0, () => {
      if (!this.closing) this.card.prepare();
    });
    if (this.tell) this.timers.after(BIND_AGAIN_MS, () => void this.bindAhead());
    return stream;
  }

  /** Tells ports until enough wait. A range that has run out is asked again after the next stream. */
  private async bindAhead(): Promise<void> {
    if (this.binding) return;
    this.binding = true;
    const enough = Math.min(TOLD_AHEAD, Math.floor(this.ports.pairs / 8));
    try {
      while (!this.closing && this.told.size < enough) {
        const pair = await this.ports.take();
        this.told.set(pair.rtpPort, pair);
        if (this.closing) this.forgetTold();
        else this.tell?.({ rtpPort: pair.rtpPort, rtcpPort: pair.rtcpPort });
      }
    } catch {
      // No pair is free: a stream asks for itself, and is told why it gets none.
    } finally {
      this.binding = false;
    }
  }

  private forgetTold(): void {
    for (const { rtp, rtcp } of this.told.values()) {
      rtp.close();
      rtcp.close();
    }
    this.told.clear();
  }

  tone(tone: Tone | undefined): void {
    if (this.closing) return;
    this.tones.play(tone);
    this.wantCard();
  }

  volume(level: number): void {
    checkVolume(level);
    this.pump.volume = level;
  }

  /** @throws Error for a driver that does not exist, or when no other card was provided for. */
  useCard(card: CardChoice | undefined): void {
    if (this.closing) return;
    const { openAudio, openCard } = this.dependencies;
    if (card && !openCard) throw new Error("this voice has one sound card");
    this.card.use(card ? openCard!(card) : openAudio);
  }

  /** Closes every stream (RTCP BYE and all), the spare ports and the card. */
  close(): Promise<void> {
    this.closing ??= (async () => {
      this.tones.play(undefined);
      this.forgetTold();
      await Promise.all([...this.streams].map((stream) => stream.close()));
      await Promise.all([this.ports.close(), this.card.close()]);
    })();
    return this.closing;
  }

  private join(stream: Stream): void {
    if (!this.voices.includes(stream)) this.voices.push(stream);
    this.wantCard();
  }

  private leave(stream: Stream): void {
    this.streams.delete(stream);
    const at = this.voices.indexOf(stream);
    if (at >= 0) this.voices.splice(at, 1);
    this.wantCard();
  }

  private wantCard(): void {
    if (this.closing) return;
    this.card.want(this.voices.length > 1 || this.tones.playing);
  }
}
