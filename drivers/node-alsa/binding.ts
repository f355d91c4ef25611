// The C side as it is: functions over handles. pcm.ts, mixer.ts and cards.ts make it comfortable.

/** An open PCM or mixer of the C side. */
export type Handle = { readonly __handle: unique symbol };

/** The listener's first argument; duplex-binding.c has the same numbers. */
export const NativeEvent = { period: 0, xrun: 1, suspended: 2, gone: 3 } as const;
/** A direction as the C side numbers it. */
export const directions = ["capture", "playback"] as const;
export type Direction = (typeof directions)[number];

export interface NativeStream {
  readonly channels: number;
  readonly rate: number;
  readonly periodFrames: number;
  readonly bufferFrames: number;
  readonly card: number;
}

export interface NativeOptions {
  readonly capture?: string;
  readonly playback?: string;
  readonly captureChannels: number;
  readonly playbackChannels: number;
  readonly rates: readonly number[];
  readonly periodFrames: number;
  readonly periods: number;
  readonly resample: boolean;
}

export interface NativeCounters {
  readonly periods: number;
  readonly wakeups: number;
  readonly idleWakeups: number;
  readonly captureXruns: number;
  readonly playbackXruns: number;
  readonly suspends: number;
  readonly shortReads: number;
  readonly shortWrites: number;
  readonly droppedFrames: number;
}

export interface Binding {
  readonly alsaVersion: string;
  open(options: NativeOptions): Handle;
  info(handle: Handle): {
    readonly capture?: NativeStream;
    readonly playback?: NativeStream;
    readonly linked: boolean;
    readonly aheadFrames: number;
  };
  start(
    handle: Handle,
    captured: Int16Array | undefined,
    play: Int16Array | undefined,
    listener: (event: number, value: number) => number | undefined,
  ): void;
  resume(handle: Handle): boolean;
  stop(handle: Handle): void;
  close(handle: Handle): void;
  delay(handle: Handle, out: Int32Array): void;
  timestamps(handle: Handle, out: Float64Array): void;
  counters(handle: Handle): NativeCounters;
  cards(): Card[];
  pcms(): PcmName[];
  probe(device: string, isCapture: boolean): Offer;
  openMixer(card: string): Handle;
  mixerElements(handle: Handle): MixerElement[];
  mixerSet(handle: Handle, name: string, index: number, what: string, isCapture: boolean, value: number): void;
  watchMixer(handle: Handle, listener: (gone: boolean) => void): void;
  closeMixer(handle: Handle): void;
  setRealtime(priority: number, inherited: boolean): void;
}

/** A card of the kernel. */
export interface Card {
  /** Its number, as in `hw:0`. */
  readonly card: number;
  /** Its short name, as in `hw:PCH`. */
  readonly id: string;
  readonly name: string;
  readonly longName: string;
  readonly driver: string;
  readonly pcms: readonly {
    /** What to open, e.g. `hw:0,0`. */
    readonly device: string;
    readonly id?: string;
    readonly name?: string;
    readonly capture: boolean;
    readonly playback: boolean;
  }[];
}

/** A name of ALSA's configuration: `default`, `pulse`, `plughw:…`. */
export interface PcmName {
  readonly device: string;
  readonly description: string;
  readonly capture: boolean;
  readonly playback: boolean;
}

/** What a PCM can do by itself, without ALSA converting rates. Ranges are [least, most]. */
export interface Offer {
  /** Those of the usual rates it can do, Hz. */
  readonly rates: readonly number[];
  /** ALSA's names of sample formats, e.g. `S16_LE`. */
  readonly formats: readonly string[];
  readonly channels: readonly [number, number];
  readonly periodFrames: readonly [number, number];
  readonly bufferFrames: readonly [number, number];
}

/** One side of a mixer element. Arrays hold one value a channel. */
export interface MixerSide {
  readonly volume?: readonly number[];
  readonly min?: number;
  readonly max?: number;
  /** The same volume in dB, where the card tells. */
  readonly db?: readonly number[];
  readonly minDb?: number;
  readonly maxDb?: number;
  /** The switch: true is heard (playback) or recorded (capture); false is muted. */
  readonly on?: readonly boolean[];
}

/** A volume, a switch, a choice: what alsamixer shows as a column. */
export interface MixerElement {
  readonly name: string;
  /** Tells elements of one name apart. */
  readonly index: number;
  readonly capture?: MixerSide;
  readonly playback?: MixerSide;
  /** Choices, e.g. of a route. */
  readonly items?: readonly string[];
  /** Which of `items` is chosen. */
  readonly item?: number;
}
