// The analysis against degradations whose size is known: it must see each, and only that.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { analyse, type TimedAudio } from "../../../scripts/demo-report/analyse.js";
import { resample } from "../../../scripts/demo-report/resample.js";
import { muLaw, randomFrom, speech } from "./speech.js";

const RATE = 8000;
const saidSamples = speech(1, 6);
const said: TimedAudio = { samples: saidSamples, rate: RATE, startedAtMs: 1000 };

/** Heard: `samples` after `delayMs` of silence, on a card that began to play `startedAtMs`. */
function heardAfter(delayMs: number, samples: ArrayLike<number>, rate = RATE, startedAtMs = 1000): TimedAudio {
  const lead = Math.round((delayMs * rate) / 1000);
  const out = new Int16Array(lead + samples.length + rate);
  for (let i = 0; i < samples.length; i++) out[lead + i] = Math.max(-32768, Math.min(32767, Math.round(samples[i])));
  return { samples: out, rate, startedAtMs };
}

function near(actual: number | null, expected: number, tolerance: number, what: string): void {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= tolerance,
    `${what}: ${actual}, expected ${expected} ± ${tolerance}`,
  );
}

test("a delay alone: exact delay, nothing lost", () => {
  const result = analyse(said, heardAfter(87.5, saidSamples));
  assert.is(result.understood, true);
  assert.equal(result.reasons, []);
  assert.is(result.lossPct, 0);
  assert.is(result.heardShare, 1);
  near(result.mouthToEarMs, 87.5, 0.01, "mouth to ear");
  near(result.gainDb, 0, 0.01, "gain");
  assert.ok(result.snrDb! > 50, `snr ${result.snrDb}`);
  assert.ok(result.offsets.length > 10);
});

test("the clocks of both cards count, not the positions in the files", () => {
  // The earpiece began 400 ms before the microphone: the same 60 ms of delay lies 460 ms into the file; and the other way round.
  near(analyse(said, heardAfter(460, saidSamples, RATE, 600)).mouthToEarMs, 60, 0.01, "earlier");
  const late = heardAfter(60, saidSamples);
  const cut: TimedAudio = { samples: late.samples.subarray(400), rate: RATE, startedAtMs: 1050 };
  near(analyse(said, cut).mouthToEarMs, 60, 0.01, "later");
});

test("mu-law: the codec's own noise, about 37 dB, and no loss", () => {
  const result = analyse(said, heardAfter(120, Array.from(saidSamples, muLaw)));
  assert.is(result.understood, true);
  assert.is(result.lossPct, 0);
  near(result.snrDb, 37, 3, "snr");
});

test("white noise of a known level shows as that ratio", () => {
  const random = randomFrom(5);
  // Noise that follows each frame's level 20 dB below it.
  const noisy = Float64Array.from(saidSamples);
  for (let at = 0; at + 160 <= noisy.length; at += 160) {
    let energy = 0;
    for (let i = 0; i < 160; i++) energy += saidSamples[at + i] ** 2;
    const amplitude = Math.sqrt(energy / 160) * 0.1 * Math.sqrt(12);
    for (let i = 0; i < 160; i++) noisy[at + i] += (random() - 0.5) * amplitude;
  }
  const result = analyse(said, heardAfter(33, noisy));
  near(result.snrDb, 20, 1, "snr");
  assert.is(result.understood, true);
  near(result.mouthToEarMs, 33, 0.05, "mouth to ear");
});

test("gain is matched, and told", () => {
  const result = analyse(
    said,
    heardAfter(
      50,
      Float64Array.from(saidSamples, (v) => v * 0.25),
    ),
  );
  assert.is(result.understood, true);
  near(result.gainDb, -12.04, 0.1, "gain");
  assert.ok(result.snrDb! > 45, `snr ${result.snrDb}`);
});

test("one packet in twenty gone: about 5 % lost, not understood", () => {
  const random = randomFrom(9);
  const holes = Int16Array.from(saidSamples);
  let gone = 0;
  let all = 0;
  for (let at = 70; at + 160 <= holes.length; at += 160) {
    const energy = saidSamples.subarray(at, at + 160).reduce((sum, v) => sum + v * v, 0);
    if (energy / 160 < 250 * 250) continue;
    all++;
    if (random() < 0.05) {
      holes.fill(0, at, at + 160);
      gone++;
    }
  }
  const result = analyse(said, heardAfter(80, holes));
  assert.is(result.understood, false);
  assert.match(result.reasons.join(), /% lost/);
  near(result.lossPct, (100 * gone) / all, 2.5, "loss");
  near(result.mouthToEarMs, 80, 0.05, "mouth to ear");
  assert.ok(result.snrDb! > 25, "what did arrive is clean");
});

test("20 ms inserted half way: both delays seen, no loss beyond the seam", () => {
  const half = 3 * RATE;
  const heard = [...saidSamples.subarray(0, half), ...new Int16Array(160), ...saidSamples.subarray(half)];
  const result = analyse(said, heardAfter(100, heard));
  assert.is(result.understood, true);
  assert.ok(result.snrDb! > 45, `snr ${result.snrDb}`);
  near(result.offsets[0].mouthToEarMs, 100, 0.05, "first delay");
  near(result.offsets.at(-1)!.mouthToEarMs, 120, 0.05, "last delay");
});

test("a fraction of a sample and another rate: 48 kHz card, resampled twice", () => {
  const wide = resample(saidSamples, RATE, 48_000);
  const result = analyse(said, heardAfter(71.3, wide, 48_000));
  assert.is(result.understood, true);
  near(result.mouthToEarMs, 71.3, 0.02, "mouth to ear");
  assert.ok(result.snrDb! > 30, `snr ${result.snrDb}`);
});

test("start and end cut off show as share heard", () => {
  const clipped = Int16Array.from(saidSamples);
  clipped.fill(0, 0, 1.5 * RATE);
  const result = analyse(said, heardAfter(40, clipped));
  assert.is(result.understood, false);
  near(result.heardShare, 0.75, 0.05, "share");
});

test("silence is not understood", () => {
  const result = analyse(said, heardAfter(0, new Int16Array(6 * RATE)));
  assert.is(result.understood, false);
  assert.is(result.lossPct, 100);
  assert.is(result.snrDb, null);
  assert.is(result.mouthToEarMs, null);
  assert.is(result.heardShare, 0);
  assert.is(analyse(said, { samples: new Int16Array(0), rate: RATE, startedAtMs: 0 }).understood, false);
});

test("nothing said is not understood", () => {
  const result = analyse({ ...said, samples: new Int16Array(6 * RATE) }, heardAfter(0, saidSamples));
  assert.is(result.understood, false);
  assert.match(result.reasons.join(), /nothing was said/);
});

test("another recording is not understood", () => {
  for (const seed of [2, 3, 4]) {
    const result = analyse(said, heardAfter(80, speech(seed, 6)));
    assert.is(result.understood, false, `seed ${seed}`);
    assert.ok(result.lossPct > 50, `seed ${seed}: loss ${result.lossPct}`);
    assert.ok(result.correlation < 0.7, `seed ${seed}: correlation ${result.correlation}`);
  }
});

test("the right words later than the limit are not found", () => {
  assert.is(analyse(said, heardAfter(900, saidSamples), { maxDelayMs: 500 }).understood, false);
  assert.is(analyse(said, heardAfter(900, saidSamples), { maxDelayMs: 1000 }).understood, true);
});

test("a loud ringing tone before the words does not mislead", () => {
  const heard = heardAfter(2000, saidSamples, RATE, -800);
  for (let i = 0; i < 1.5 * RATE; i++) heard.samples[i] = Math.round(20_000 * Math.sin((2 * Math.PI * 425 * i) / RATE));
  const result = analyse(said, heard);
  assert.is(result.understood, true);
  near(result.mouthToEarMs, 200, 0.05, "mouth to ear");
});

test.run();
