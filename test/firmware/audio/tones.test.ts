// Tones by measurement: frequencies and levels by correlation, cadences by where there is sound, no clicks at the edges.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  dtmfTones,
  europeanTones,
  northAmericanTones,
  type ToneDefinition,
  ToneGenerator,
} from "../../../firmware/audio/tones.js";

/** Renders `ms` of a tone in uneven portions. */
function render(tone: ToneDefinition, ms: number, rate = 8000): Int16Array {
  const generator = new ToneGenerator(rate);
  generator.play(tone);
  const out = new Int16Array((ms * rate) / 1000);
  for (let at = 0, n = 0; at < out.length; n++) {
    const size = Math.min(37 + ((n * 61) % 200), out.length - at);
    generator.playInto(out.subarray(at, at + size), size);
    at += size;
  }
  return out;
}

/** Peak of one frequency in dB below full scale. */
function peakAt(pcm: Int16Array, hertz: number, rate = 8000): number {
  let [re, im] = [0, 0];
  for (let i = 0; i < pcm.length; i++) {
    const window = 1 - Math.cos((2 * Math.PI * i) / pcm.length);
    re += pcm[i] * window * Math.cos((2 * Math.PI * hertz * i) / rate);
    im += pcm[i] * window * Math.sin((2 * Math.PI * hertz * i) / rate);
  }
  return 20 * Math.log10((2 * Math.hypot(re, im)) / pcm.length / 32767);
}

/** Lengths of sound and silence in ms, from the first sound on; dips of under 10 ms are not silence. */
function cadence(pcm: Int16Array, rate = 8000): string {
  const spans: string[] = [];
  const frame = rate / 100;
  let state = "";
  let since = 0;
  for (let at = 0; at + frame <= pcm.length; at += frame) {
    const loud = pcm.subarray(at, at + frame).some((s) => Math.abs(s) > 30);
    const now = loud ? "on" : "off";
    if (now !== state) {
      if (state) spans.push(`${state} ${((at - since) * 1000) / rate}`);
      state = now;
      since = at;
    }
  }
  return spans.join(", ");
}

test("cadences are those of the table (the fade adds up to 10 ms to a sound as measured here)", () => {
  assert.is(cadence(render(europeanTones.ringback, 11_000)), "on 1010, off 3990, on 1010, off 3990");
  assert.is(cadence(render(europeanTones.busy, 2200)), "on 510, off 490, on 510, off 490");
  assert.is(cadence(render(europeanTones.error, 1100)), "on 260, off 240, on 260, off 240");
  assert.is(cadence(render(europeanTones["call-waiting"], 5650)), "on 210, off 190, on 210, off 4990");
  assert.is(cadence(render(europeanTones.key, 300)), "on 30");
});

test("frequencies and levels, at several rates", () => {
  for (const rate of [8000, 16000, 48000]) {
    const ringback = render(europeanTones.ringback, 900, rate).subarray(rate / 100);
    assert.ok(Math.abs(peakAt(ringback, 425, rate) + 16) < 0.1, `${rate}: ${peakAt(ringback, 425, rate)}`);
    assert.ok(peakAt(ringback, 850, rate) < -90);
  }
  const busy = render(northAmericanTones.busy, 490).subarray(80);
  for (const hertz of [480, 620])
    assert.ok(Math.abs(peakAt(busy, hertz) + 22) < 0.1, `${hertz}: ${peakAt(busy, hertz)}`);
});

test("DTMF: each digit has the two frequencies of Q.23", () => {
  const facts: Record<string, [number, number]> = {
    "1": [697, 1209],
    "2": [697, 1336],
    "3": [697, 1477],
    A: [697, 1633],
    "4": [770, 1209],
    "5": [770, 1336],
    "6": [770, 1477],
    B: [770, 1633],
    "7": [852, 1209],
    "8": [852, 1336],
    "9": [852, 1477],
    C: [852, 1633],
    "*": [941, 1209],
    "0": [941, 1336],
    "#": [941, 1477],
    D: [941, 1633],
  };
  assert.equal(Object.keys(dtmfTones).sort(), Object.keys(facts).sort());
  for (const [digit, pair] of Object.entries(facts)) {
    const pcm = render(dtmfTones[digit], 200).subarray(80);
    for (const hertz of [697, 770, 852, 941, 1209, 1336, 1477, 1633]) {
      const level = peakAt(pcm, hertz);
      assert.ok(pair.includes(hertz) ? Math.abs(level + 16) < 0.3 : level < -50, `${digit} at ${hertz}: ${level}`);
    }
  }
});

test("no clicks: edges rise and fall over 5 ms, also when one tone replaces another", () => {
  const generator = new ToneGenerator(8000);
  const out = new Int16Array(8000);
  const plan: [number, ToneDefinition | undefined][] = [
    [0, europeanTones.busy],
    [1003, dtmfTones["5"]],
    [2011, europeanTones.key],
    [3001, northAmericanTones.ringback],
    [5000, undefined],
  ];
  for (const [i, [from, tone]] of plan.entries()) {
    generator.play(tone);
    const to = plan[i + 1]?.[0] ?? 5200;
    generator.playInto(out.subarray(from, to), to - from);
  }
  // The steepest slope of a steady DTMF 5 at this level is about 2 x 5190 x 2 pi 1336 / 8000 x sin; a click would be a jump above it.
  for (let i = 1; i < 5200; i++) assert.ok(Math.abs(out[i] - out[i - 1]) < 8500, `at ${i}: ${out[i - 1]} ${out[i]}`);
  assert.ok(Math.abs(out[0]) < 100 && Math.abs(out[1]) < 300);
  assert.ok(out.subarray(5050, 5200).every((s) => s === 0));
});

test("tells when there is nothing to play, after the fade; leaves out alone then", () => {
  const generator = new ToneGenerator(8000);
  const out = new Int16Array(80).fill(5);
  assert.not(generator.playing);
  assert.not(generator.playInto(out, 80));
  assert.is(out[0], 5);
  generator.play(europeanTones.ringback);
  assert.ok(generator.playInto(out, 80));
  generator.play(undefined);
  assert.ok(generator.playing);
  assert.ok(generator.playInto(out, 80));
  assert.not(generator.playing);
  generator.play(europeanTones.key);
  for (let i = 0; i < 3; i++) assert.ok(generator.playInto(out, 80));
  for (let i = 0; i < 2; i++) generator.playInto(out, 80);
  assert.not(generator.playing);
});

test("the cadence's pause still counts as playing", () => {
  const generator = new ToneGenerator(8000);
  generator.play(europeanTones.ringback);
  const out = new Int16Array(16_000);
  assert.ok(generator.playInto(out, 16_000));
  assert.ok(generator.playing);
});

test.run();
