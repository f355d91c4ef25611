// What the demo knows at its end: one plain object that both forms of the report are made of.

import type { VerifiedPeer } from "../../firmware/keying/keying.js";
import type { StreamStatistics } from "../../firmware/media/voice.js";
import type { TraceEntry } from "../../firmware/runtime/trace.js";
import type { Analysis } from "./analyse.js";
import type { CallDelays } from "./delays.js";
import type { LadderEntry, Side } from "./ladder.js";

/** A recording as a report shows it: its outline, not its samples. */
export interface Waveform {
  /** Name of the WAV file, without folders. */
  readonly file: string;
  /** Hz. */
  readonly rate: number;
  readonly durationMs: number;
  /** Monotonic ms of the first sample at the microphone or the earpiece. */
  readonly startedAtMs: number;
  /** Lowest sample of each of the equal stretches the recording is divided into, -1 to 1. */
  readonly low: readonly number[];
  /** Highest sample of each stretch. */
  readonly high: readonly number[];
}

/** What one phone's earpiece played, against what the other's microphone was told. */
export interface HeardRecord {
  readonly said: Waveform;
  readonly heard: Waveform;
  readonly analysis: Analysis;
}

/** One time a device of a phone ran. */
export interface RingRecord {
  readonly side: Side;
  /** E.g. `"ringer"`, `"vibrator"`. */
  readonly device: string;
  /** Monotonic ms. */
  readonly onMs: number;
  /** Null: it still ran at the end. */
  readonly offMs: number | null;
}

/** Everything the report tells. All times are monotonic ms of one machine's clock. */
export interface DemoRecord {
  /** ISO 8601. */
  readonly generatedAt: string;
  readonly machine: { readonly cpu: string; readonly node: string; readonly os: string };
  /** The options the demo ran with; no secrets, no folders. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly names: Readonly<Record<Side, { readonly uri: string; readonly displayName?: string }>>;
  readonly call: {
    /** `"dh"`, `"psk"` or `"none"`. */
    readonly keying: string;
    /** SRTP protection profile; null when the call was clear. */
    readonly suite: string | null;
    /** Codec of the call, e.g. `"PCMU"`. */
    readonly codec: string | null;
    /** Security policy of each phone's account: `"required"`, `"preferred"`, `"off"`. */
    readonly policy: Readonly<Record<Side, string>>;
    /** Whom each phone found at its other end; null: nobody was verified. */
    readonly peerIdentity: Readonly<Record<Side, VerifiedPeer | null>>;
    /** Why the call failed, or did not come about. */
    readonly error?: string;
  };
  readonly ladder: readonly LadderEntry[];
  readonly trace: Readonly<Record<Side, readonly TraceEntry[]>>;
  readonly delays: CallDelays;
  readonly rings: readonly RingRecord[];
  /** By the side that heard; null when nothing was recorded. */
  readonly audio: Readonly<Record<Side, HeardRecord | null>>;
  readonly streams: Readonly<Record<Side, StreamStatistics | null>>;
}

/** Length of the stretches a recording's outline is made of, ms; long recordings have longer ones. */
const STRETCH_MS = 5;
const MOST_STRETCHES = 12_000;

/** Outline of a recording. */
export function waveformOf(
  file: string,
  audio: { readonly samples: Int16Array; readonly rate: number; readonly startedAtMs: number },
): Waveform {
  const { samples, rate, startedAtMs } = audio;
  const low: number[] = [];
  const high: number[] = [];
  const stretches = Math.ceil((samples.length * 1000) / rate / STRETCH_MS);
  const count = Math.min(stretches, MOST_STRETCHES, samples.length);
  for (let n = 0; n < count; n++) {
    const end = Math.floor(((n + 1) * samples.length) / count);
    let least = 32767;
    let most = -32768;
    for (let i = Math.floor((n * samples.length) / count); i < end; i++) {
      if (samples[i] < least) least = samples[i];
      if (samples[i] > most) most = samples[i];
    }
    low.push(Number((least / 32768).toFixed(4)));
    high.push(Number((most / 32768).toFixed(4)));
  }
  return { file, rate, durationMs: (samples.length * 1000) / rate, startedAtMs, low, high };
}
