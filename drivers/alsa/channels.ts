// Between a telephone's one channel and a card's two.

/** Takes one channel of interleaved stereo, or the mean of both, into `out`. */
export function toMonoInto(
  out: Int16Array,
  stereo: Int16Array,
  frames: number,
  which: "left" | "right" | "both",
): void {
  if (which === "both") for (let i = 0; i < frames; i++) out[i] = (stereo[2 * i] + stereo[2 * i + 1]) >> 1;
  else for (let i = 0, at = which === "left" ? 0 : 1; i < frames; i++, at += 2) out[i] = stereo[at];
}

/** Puts one channel on both of interleaved stereo. */
export function toStereoInto(out: Int16Array, mono: Int16Array, frames: number): void {
  for (let i = 0; i < frames; i++) out[2 * i] = out[2 * i + 1] = mono[i];
}
