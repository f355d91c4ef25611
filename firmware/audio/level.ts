// How loud samples are, in dB against full scale.

/** What silence measures, dB: the scale's end in RFC 6464. */
export const SILENCE_DB = -127;

/**
 * Level in dBov (RFC 6464 section 3, RFC 6465): root mean square against 32768, so a full-scale square wave is 0 and a full-scale
 * sine -3.01; silence, and no samples, {@link SILENCE_DB}.
 */
export function rmsDbov(pcm: Int16Array, samples: number): number {
  let sum = 0;
  for (let i = 0; i < samples; i++) sum += pcm[i] * pcm[i];
  return decibels(samples > 0 ? Math.sqrt(sum / samples) : 0);
}

/** Largest magnitude in dB against 32768; silence {@link SILENCE_DB}. */
export function peakDb(pcm: Int16Array, samples: number): number {
  let peak = 0;
  for (let i = 0; i < samples; i++) peak = Math.max(peak, Math.abs(pcm[i]));
  return decibels(peak);
}

function decibels(magnitude: number): number {
  return magnitude > 0 ? Math.max(SILENCE_DB, 20 * Math.log10(magnitude / 32768)) : SILENCE_DB;
}
