// The resampler by tones: level in the passband, what is not the tone, aliases, latency, and streaming in any portions.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Resampler, resample } from "../../../firmware/audio/resampler.js";

const tone = (rate: number, hertz: number, samples: number, peak = 20000) =>
  Int16Array.from({ length: samples }, (_, i) => Math.round(peak * Math.sin((2 * Math.PI * hertz * i) / rate)));

/** Fits a sine of a known frequency by least squares; level against `peak` in dB, the remainder (THD+N) in dB below the tone, and phase. */
function measure(pcm: Int16Array, rate: number, hertz: number, peak: number) {
  let [ss, cc, sc, xs, xc] = [0, 0, 0, 0, 0];
  for (let i = 0; i < pcm.length; i++) {
    const s = Math.sin((2 * Math.PI * hertz * i) / rate);
    const c = Math.cos((2 * Math.PI * hertz * i) / rate);
    ss += s * s;
    cc += c * c;
    sc += s * c;
    xs += pcm[i] * s;
    xc += pcm[i] * c;
  }
  const determinant = ss * cc - sc * sc;
  const a = (xs * cc - xc * sc) / determinant;
  const b = (xc * ss - xs * sc) / determinant;
  let rest = 0;
  for (let i = 0; i < pcm.length; i++) {
    const angle = (2 * Math.PI * hertz * i) / rate;
    rest += (pcm[i] - a * Math.sin(angle) - b * Math.cos(angle)) ** 2;
  }
  const amplitude = Math.hypot(a, b);
  return {
    levelDb: 20 * Math.log10(amplitude / peak),
    thdnDb: 10 * Math.log10(rest / pcm.length / (amplitude ** 2 / 2)),
    phase: Math.atan2(b, a),
  };
}

const pairs = [
  [8000, 16000],
  [8000, 44100],
  [8000, 48000],
  [16000, 8000],
  [44100, 8000],
  [48000, 8000],
  [16000, 48000],
  [44100, 48000],
  [48000, 44100],
  [22050, 8000],
  [11025, 8000],
  [8000, 47999], // too many phases for a filter each: interpolated
  [47999, 8000],
];

function convert(from: number, to: number, hertz: number, peak = 20000): Int16Array {
  const resampler = new Resampler(from, to);
  const input = tone(from, hertz, Math.ceil(from * 0.6), peak);
  const out = new Int16Array(resampler.maxOutput(input.length));
  const count = resampler.processInto(out, input, input.length);
  return out.subarray(Math.ceil(resampler.latency * 2) + 1, count);
}

for (const [from, to] of pairs) {
  const low = Math.min(from, to);
  test(`${from} -> ${to} Hz: passband flat within 0.1 dB to 0.4 of the lower rate, THD+N under -65 dB`, () => {
    for (const part of [0.0125, 0.05, 0.125, 0.25, 0.375, 0.4]) {
      const hertz = low * part;
      const found = measure(convert(from, to, hertz), to, hertz, 20000);
      assert.ok(Math.abs(found.levelDb) < 0.1, `${hertz} Hz: ${found.levelDb} dB`);
      assert.ok(found.thdnDb < -65, `${hertz} Hz: THD+N ${found.thdnDb} dB`);
    }
  });
  if (to < from)
    test(`${from} -> ${to} Hz: what the lower rate cannot hold is 60 dB down`, () => {
      for (const hertz of [to * 0.53, to * 0.7, to * 0.95].filter((f) => f < from / 2)) {
        const out = convert(from, to, hertz);
        const rms = Math.sqrt(out.reduce((sum, s) => sum + s * s, 0) / out.length);
        assert.ok(20 * Math.log10((rms * Math.SQRT2) / 20000) < -60, `${hertz} Hz: ${rms}`);
      }
    });
}

test("the telephone band reaches 3400 Hz within 1 dB at 8000 Hz", () => {
  const found = measure(convert(8000, 48000, 3400), 48000, 3400, 20000);
  assert.ok(found.levelDb > -1, `${found.levelDb} dB`);
});

test("latency is what it says: 3 ms at 8000 Hz, by the phase of a tone", () => {
  for (const [from, to] of pairs) {
    const resampler = new Resampler(from, to);
    const input = tone(from, 100, from);
    const out = new Int16Array(resampler.maxOutput(input.length));
    const count = resampler.processInto(out, input, input.length);
    const skip = Math.ceil(resampler.latency * 2);
    const found = measure(out.subarray(skip, count), to, 100, 20000);
    // The tone at output sample i is that of i - latency.
    const expected = (2 * Math.PI * 100 * (skip - resampler.latency)) / to;
    const difference = Math.atan2(Math.sin(found.phase - expected), Math.cos(found.phase - expected));
    assert.ok(Math.abs(difference) < 0.001, `${from} -> ${to}: ${difference} rad`);
    if (Math.min(from, to) >= 8000) assert.ok(resampler.latency / to <= 0.0031, `${resampler.latency}`);
  }
});

test("any division into portions gives the same stream, and the promised count", () => {
  const input = tone(8000, 440, 3000);
  fc.assert(
    fc.property(
      fc.constantFrom(...pairs),
      fc.array(fc.integer({ min: 0, max: 1300 }), { maxLength: 12 }),
      ([from, to], portions) => {
        const whole = new Resampler(from, to);
        const expected = new Int16Array(whole.maxOutput(input.length));
        const count = whole.processInto(expected, input, input.length);
        assert.is(count, Math.ceil((input.length * to) / from));
        const parts = new Resampler(from, to);
        const out = new Int16Array(whole.maxOutput(input.length) + 20);
        let at = 0;
        let written = 0;
        for (const portion of [...portions, input.length]) {
          const size = Math.min(portion, input.length - at);
          written += parts.processInto(out.subarray(written), input.subarray(at, at + size), size);
          at += size;
        }
        assert.is(written, count);
        return Buffer.compare(Buffer.from(out.buffer, 0, count * 2), Buffer.from(expected.buffer, 0, count * 2)) === 0;
      },
    ),
    { numRuns: 60 },
  );
});

test("periods of 10 ms keep their length", () => {
  const up = new Resampler(8000, 44100);
  const down = new Resampler(44100, 8000);
  const wide = new Int16Array(512);
  const narrow = new Int16Array(100);
  for (let i = 0; i < 20; i++) {
    assert.is(up.processInto(wide, new Int16Array(80), 80), 441);
    assert.is(down.processInto(narrow, new Int16Array(441), 441), 80);
  }
});

test("full scale saturates instead of wrapping", () => {
  const square = Int16Array.from({ length: 800 }, (_, i) => (Math.floor(i / 20) % 2 ? -32768 : 32767));
  const out = resample(square, 8000, 48000);
  // Past the first edge's overshoot a wrap would show as a jump across the whole range.
  let jump = 0;
  for (let i = 1; i < out.length; i++) jump = Math.max(jump, Math.abs(out[i] - out[i - 1]));
  assert.ok(jump < 40000, `${jump}`);
  assert.is(Math.max(...out), 32767);
});

test("the same rate passes samples through untouched and at once", () => {
  const same = new Resampler(8000, 8000);
  const out = new Int16Array(3);
  assert.is(same.processInto(out, Int16Array.from([1, -2, 3]), 3), 3);
  assert.equal([...out], [1, -2, 3]);
  assert.is(same.latency, 0);
});

test("reset forgets", () => {
  const resampler = new Resampler(8000, 16000);
  const out = new Int16Array(200);
  resampler.processInto(out, tone(8000, 500, 77), 77);
  resampler.reset();
  assert.is(resampler.processInto(out, new Int16Array(80), 80), 160);
  assert.ok(out.subarray(0, 160).every((s) => s === 0));
});

test("a whole sound keeps its beginning and its length", () => {
  const click = new Int16Array(800);
  click[200] = 30000;
  for (const to of [16000, 44100, 48000]) {
    const out = resample(click, 8000, to);
    assert.is(out.length, Math.ceil((800 * to) / 8000));
    const loudest = out.reduce((best, s, i) => (Math.abs(s) > Math.abs(out[best]) ? i : best), 0);
    assert.ok(Math.abs(loudest - (200 * to) / 8000) <= 1, `${to}: ${loudest}`);
  }
});

test("misuse is refused", () => {
  for (const rate of [0, 999, 8000.5, Number.NaN, 400_000]) assert.throws(() => new Resampler(rate, 8000), /rate/);
  const resampler = new Resampler(8000, 16000);
  assert.throws(() => resampler.processInto(new Int16Array(10), new Int16Array(80), 80), /out must hold 161/);
  assert.throws(() => resampler.processInto(new Int16Array(999), new Int16Array(8), 9), /samples must be/);
});

test.run();
