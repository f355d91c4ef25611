// Something like speech, made from a seed: voiced sounds with a moving pitch and formants, hisses, pauses.

/** A small deterministic generator (xorshift32), uniform in 0 to 1. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** `seconds` of syllables at `rate` Hz, different for every seed; silence between the words. */
export function speech(seed: number, seconds: number, rate = 8000): Int16Array {
  const random = randomFrom(seed * 7919 + 17);
  const out = new Float64Array(Math.round(seconds * rate));
  let at = Math.round(0.1 * rate);
  while (at < out.length) {
    const length = Math.round((0.09 + 0.2 * random()) * rate);
    const hiss = random() < 0.2;
    const loud = 0.3 + 0.7 * random();
    const formants = [300 + 500 * random(), 900 + 1200 * random(), 2200 + 800 * random()];
    const state = formants.map(() => [0, 0]);
    let pitch = 90 + 90 * random();
    const glide = (random() - 0.5) * 0.4;
    let phase = 0;
    for (let i = 0; i < length && at + i < out.length; i++) {
      pitch *= 1 + glide / rate;
      phase += pitch / rate;
      let drive = (random() - 0.5) * (hiss ? 0.6 : 0.02);
      if (phase >= 1) {
        phase -= 1;
        if (!hiss) drive += 1;
      }
      let sum = 0;
      formants.forEach((formant, n) => {
        const r = Math.exp((-Math.PI * 80 * (n + 1)) / rate);
        const value = drive + 2 * r * Math.cos((2 * Math.PI * formant) / rate) * state[n][0] - r * r * state[n][1];
        state[n][1] = state[n][0];
        state[n][0] = value;
        sum += value / (n + 1);
      });
      const envelope = Math.min(1, i / (0.02 * rate), (length - i) / (0.03 * rate));
      out[at + i] = sum * envelope * loud;
    }
    at += length + (random() < 0.25 ? Math.round((0.1 + 0.25 * random()) * rate) : 0);
  }
  let peak = 0;
  for (const value of out) peak = Math.max(peak, Math.abs(value));
  return Int16Array.from(out, (value) => Math.round((value / peak) * 16000));
}

/** Rounds a 16-bit sample as a µ-law codec does (ITU-T G.711: 8 segments of 16 steps over the biased magnitude). */
export function muLaw(sample: number): number {
  const magnitude = Math.min(32635, Math.abs(sample)) + 132;
  const exponent = Math.floor(Math.log2(magnitude)) - 7;
  const step = 2 ** (exponent + 3);
  const rounded = Math.floor(magnitude / step) * step + step / 2 - 132;
  return sample < 0 ? -rounded : rounded;
}
