// How loud a board's sound is: decibels in a configuration file, factors for the voice path.

/** Factors: 1 leaves samples as they are. */
export interface AudioLevels {
  readonly capture: number;
  readonly playback: number;
  readonly sidetone: number;
}

const ranges = {
  captureGainDb: [-40, 12],
  playbackGainDb: [-40, 12],
  sidetoneDb: [-60, 0],
} as const;

/**
 * Takes `captureGainDb`, `playbackGainDb` and `sidetoneDb` out of a sound card's options.
 * @returns the factors, and the options that are left.
 * @throws Error that names the field, its value and what is allowed.
 */
export function readLevels(options: Readonly<Record<string, unknown>>): {
  readonly levels: AudioLevels;
  readonly own: Record<string, unknown>;
} {
  const { captureGainDb, playbackGainDb, sidetoneDb, ...own } = options;
  const factor = (name: keyof typeof ranges, value: unknown, otherwise: number): number => {
    if (value === undefined) return otherwise;
    const [least, most] = ranges[name];
    if (typeof value !== "number" || !(value >= least && value <= most))
      throw new Error(
        `devices.audio.${name} is ${JSON.stringify(value)}, allowed is a number of ${least} to ${most} dB`,
      );
    return Math.min(10 ** (value / 20), 4);
  };
  return {
    levels: {
      capture: factor("captureGainDb", captureGainDb, 1),
      playback: factor("playbackGainDb", playbackGainDb, 1),
      sidetone: factor("sidetoneDb", sidetoneDb, 0),
    },
    own,
  };
}
