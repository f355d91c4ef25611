// What each device promises to the firmware. Types and prose only; real drivers live in the folders beside this file, doubles of
// them in simulated/. The firmware imports nothing of drivers/ but these types; only platform/ names drivers.

/** Anything that holds an operating-system resource. Closing twice is allowed and does nothing the second time. */
export interface Closable {
  /** Releases the device. Afterwards no event is delivered and every other method is a no-op that throws nothing. */
  close(): void | Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------- sound

/** What the caller wants of a sound card; the device reports what it got. */
export interface AudioOptions {
  /** Wanted sample rate in Hz. */
  readonly rate: number;
  /** Wanted period in frames (samples per channel). */
  readonly periodFrames: number;
  /** Wanted playback buffer, in periods (at least 2). */
  readonly periods: number;
}

/** What goes wrong or changes while a sound card runs. Called from the thread that opened the device. */
export interface AudioEvents {
  /** The card over- or under-ran; `frames` were lost (estimated) in the given direction. The stream goes on by itself. */
  xrun(direction: "capture" | "playback", frames: number): void;
  /** The card is gone (unplugged). Periods stop until `back`. Said once per loss. */
  lost(reason: string): void;
  /** The card is back and periods run again. */
  back(): void;
}

/**
 * A full-duplex sound card. Samples are mono S16 in native byte order at `rate` Hz, `periodFrames` per call.
 * The card is the clock of the voice path: one call a period, both directions at once.
 */
export interface AudioDevice extends Closable {
  /** The rate the card gave, Hz. */
  readonly rate: number;
  /** The period the card gave, frames. */
  readonly periodFrames: number;
  /** Whether the system starts both directions at the same sample; without it they are started one right after the other. */
  readonly linked?: boolean;
  /**
   * Starts both directions in step. `onPeriod` gets one captured period and must fill `play` before it returns; neither array
   * may be kept. It must not throw. Starting a started device throws Error.
   */
  start(onPeriod: (captured: Int16Array, play: Int16Array) => void, events: AudioEvents): void;
  /** Stops periods; start() may follow. */
  stop(): void;
  /** Frames waiting in the card now: captured but not delivered, handed over but not heard. */
  delayFrames(): { readonly capture: number; readonly playback: number };
  close(): Promise<void>;
}

/** Opens a sound card. @throws Error with a sentence that says which device and what is wrong. */
export type OpenAudio = (options: AudioOptions) => Promise<AudioDevice>;

// ----------------------------------------------------------------------------------------------------------------- keys

/** Keys a telephone has, wherever they are wired. */
export const phoneKeys = [
  "call",
  "hangup",
  "up",
  "down",
  "left",
  "right",
  "select",
  "back",
  "volumeUp",
  "volumeDown",
  "mute",
  "0",
  "1",
  "2",
  "3",
  "4",
  "5",
  "6",
  "7",
  "8",
  "9",
  "*",
  "#",
] as const;
export type PhoneKey = (typeof phoneKeys)[number];

/**
 * What happens to a key. A long press reports press, long (while held), release; keys that repeat (volume, arrows) say repeat after
 * long, over and over while held.
 */
export type KeyAction = "press" | "release" | "long" | "repeat";

/** A set of keys: GPIO buttons, an evdev keyboard, a terminal, a headset's button. */
export interface Keys extends Closable {
  /** @param listener gets the key and the monotonic time (ms) at which it was seen. One listener per device. */
  listen(listener: (action: KeyAction, key: PhoneKey, atMs: number) => void): void;
}

// ---------------------------------------------------------------------------------------------------- vibrator, ringer, light

/** A vibration motor. */
export interface Vibrator extends Closable {
  /**
   * Plays a pattern: milliseconds on, off, on, off, … Replaces what runs. `repeat` runs it until stop() or close().
   * @throws RangeError for an empty pattern, a negative or non-finite time.
   */
  start(pattern: readonly number[], repeat: boolean): void;
  /** Motor off, at once, from every state. */
  stop(): void;
}

/** What the ringer plays. */
export type RingerSound = "ring" | "message" | "silent";

/** The loudspeaker that calls a person from across the room (may be the sound card's other output). */
export interface Ringer extends Closable {
  /**
   * Rings until stop(); a message sounds once. `volume` is 0 to 1. Replaces what rings.
   * @param caller whose own tone is wanted, where there is one: an address that was proved, or the best there is.
   * @throws RangeError for a volume outside 0 to 1.
   */
  start(sound: RingerSound, volume: number, caller?: string): void;
  stop(): void;
}

/** What the indicator light tells. */
export type IndicatorState = "off" | "ready" | "ringing" | "secure" | "open" | "error";

/** An LED, or several. */
export interface Indicator extends Closable {
  set(state: IndicatorState): void;
}

/** The light behind a screen or its keys. */
export interface Backlight extends Closable {
  /**
   * @param level 0 (dark) to 1.
   * @throws RangeError outside 0 to 1.
   */
  set(level: number): void;
}

// --------------------------------------------------------------------------------------------------------------- headset

/**
 * What the person does on a headset. `call` is the number of a call as {@link Headset.callState} told it; without it the call that the
 * phone's own keys would mean.
 */
export type HeadsetEvent =
  /** The link to the headset is up: an open line alone is not. */
  | { readonly type: "connected"; readonly name: string }
  | { readonly type: "disconnected"; readonly reason: string }
  | { readonly type: "answer"; readonly call?: number }
  /** Ends, cancels or declines. */
  | { readonly type: "hangup"; readonly call?: number }
  | { readonly type: "hold"; readonly call?: number }
  | { readonly type: "resume"; readonly call?: number }
  | { readonly type: "dial"; readonly number: string }
  /** Dials a number the phone remembers: a contact's key, or its place in the list from 1. */
  | { readonly type: "memory"; readonly location: number }
  | { readonly type: "redial" }
  | { readonly type: "digit"; readonly digit: string }
  /** Both 0 to 1. */
  | { readonly type: "volume"; readonly speaker: number }
  | { readonly type: "gain"; readonly microphone: number }
  | { readonly type: "mute"; readonly on: boolean }
  /** Percent of its battery. */
  | { readonly type: "battery"; readonly percent: number };

/** Told what the wearer does, and when (monotonic ms). Exactly `false` as answer: that cannot be done now, and the headset is told so. */
export type HeadsetListener = (event: HeadsetEvent, atMs: number) => unknown;

/** The phone's call state as a headset is told it. */
export type HeadsetCallState = "idle" | "incoming" | "outgoing" | "active" | "held";

/** One of the phone's calls as a headset is told it. */
export interface HeadsetCall {
  readonly id: number;
  readonly state: "dialling" | "alerting" | "incoming" | "active" | "held";
  readonly direction: "incoming" | "outgoing";
  /** A SIP URI or a number. */
  readonly from: string;
}

/** A Bluetooth or wired headset: its button, its indicators. Its sound is an audio device of its own. */
export interface Headset extends Closable {
  /** One listener: the latest. */
  listen(listener: HeadsetListener): void;
  /**
   * Tells the headset of the call the phone's keys mean; `from` is shown by headsets with a display. `calls` are all of them, where
   * there may be several; without it there is the one.
   */
  callState(state: HeadsetCallState, from?: string, calls?: readonly HeadsetCall[]): void;
  /** The phone's own keys changed the volume, 0 to 1. */
  volume?(speaker: number): void;
}

// --------------------------------------------------------------------------------------------------------------- display

/** Everything the screen shows, as words; a display lays it out as it can. */
export interface DisplayView {
  /** E.g. "Ready", "Ringing", "In call". */
  readonly title: string;
  /** Further lines, most important first: who, security in words, duration, error. */
  readonly lines: readonly string[];
  /** What the soft keys do now. */
  readonly softKeys?: { readonly left?: string; readonly right?: string };
}

/** A screen of any kind: panel, terminal, none. */
export interface Display extends Closable {
  show(view: DisplayView): void;
}
