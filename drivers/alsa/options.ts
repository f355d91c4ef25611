// What an ALSA sound card is opened with, and which rates suit a telephone.

import type { AudioOptions } from "../contract.js";

/** Plain data, so that it can be sent to the thread that opens the card. */
export interface AlsaSoundOptions extends AudioOptions {
  /** ALSA's name of a device for both directions. Default `default`. */
  readonly device?: string;
  /** Another device to record from. */
  readonly capture?: string;
  /** Another device to play on. */
  readonly playback?: string;
  /** Which channel of a stereo microphone is taken. Default `left`. */
  readonly captureChannel?: "left" | "right" | "both";
  /**
   * Whether both directions run on one crystal. Default: they do where one device or one card serves both. Where they do not, playback
   * is resampled so that it neither runs dry nor piles up.
   */
  readonly oneClock?: boolean;
  /**
   * Real-time priority of the thread that opens the card, 1 to 99, where the system allows; 0: leave the thread as it is. Default 10:
   * below what the kernel's own threads and a sound server have, above everything ordinary.
   */
  readonly realtime?: number;
  /** How often a card that is gone is looked for, ms. Default 250. */
  readonly reopenMs?: number;
}

/** Rates to ask for, the wanted one first; then those that convert to it most easily, then those that cards have. */
export function ratesFor(wanted: number): number[] {
  const usual = [8000, 16_000, 48_000, 32_000, 24_000, 96_000, 44_100, 22_050, 11_025, 88_200, 192_000];
  const ease = (rate: number) => (rate % wanted === 0 ? 0 : wanted % rate === 0 ? 2 : 1);
  return [wanted, ...usual.filter((rate) => rate !== wanted).sort((a, b) => ease(a) - ease(b))];
}
