// The voice engine: streams, tones and the sound card they share, in the thread that creates it.

import { randomInt } from "node:crypto";
import type { OpenAudio } from "../../drivers/contract.js";
import { toneTables } from "../audio/index.js";
import { type Clock, systemClock, systemTimers, type Timers } from "../runtime/index.js";
import { Card } from "./card.js";
import { type ResolvedVoiceOptions, resolveOptions, type VoiceOptions } from "./options.js";
import { PortPairs } from "./ports.js";
import { Pump, VOICE_RATE, type Voiced } from "./pump.js";
import { familyOf } from "./remote-endpoint.js";
import { checkVolume } from "./remote-voice.js";
import { Stream, type StreamSurroundings } from "./stream.js";
import { ToneVoice } from "./tone-voice.js";
import type {
  CardChoice,
  StreamEvents,
  StreamOptions,
  Tone,
  Voice,
  VoiceEvents,
  VoiceRouting,
  VoiceStream,
} from "./voice.js";

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
export class LocalVoice implements Voice, VoiceRouting {
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
    const ports = await this.ports.take();
    let stream: Stream;
    try {
      stream = new Stream(ports, options, events, this.around);
    } catch (error) {
      ports.rtp.close();
      ports.rtcp.close();
      throw error;
    }
    if (this.closing) {
      await stream.close();
      throw new Error("voice is closed");
    }
    this.streams.add(stream);
    // Whoever asked has a message to send, and needs the ports for it: opening a card takes its time.
    this.timers.after(0, () => {
      if (!this.closing) this.card.prepare();
    });
    return stream;
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
