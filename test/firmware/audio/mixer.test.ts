// Mixing and levels.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { peakDb, rmsDbov, SILENCE_DB } from "../../../firmware/audio/level.js";
import { addInto, Gain } from "../../../firmware/audio/mixer.js";

test("sums beyond 16 bits saturate only at the end", () => {
  const sum = new Int32Array(3);
  for (const pcm of [
    [30000, -30000, 30000],
    [30000, -30000, 30000],
    [-30000, -30000, 1],
  ])
    addInto(sum, Int16Array.from(pcm), 3);
  const out = new Int16Array(5);
  new Gain(8000).saturateInto(out, 1, sum, 3);
  assert.equal([...out], [0, 30000, -32768, 32767, 0]);
});

test("unity gain changes nothing, zero is silence", () => {
  const sum = Int32Array.from([1, -1, 32767, -32768]);
  const out = new Int16Array(4);
  new Gain(8000).saturateInto(out, 0, sum, 4);
  assert.equal([...out], [...sum]);
  new Gain(8000, 0).saturateInto(out, 0, sum, 4);
  assert.ok(out.every((s) => s === 0));
});

test("a new level is reached in 20 ms, evenly, and exactly", () => {
  const gain = new Gain(8000);
  const sum = new Int32Array(200).fill(16000);
  const out = new Int16Array(200);
  gain.level = 0.3;
  assert.is(gain.level, 0.3);
  gain.saturateInto(out, 0, sum, 200);
  for (let i = 1; i < 160; i++) assert.ok(out[i] < out[i - 1] && out[i - 1] - out[i] <= 71, `at ${i}`);
  assert.ok(out.subarray(160).every((s) => s === 4800));
});

test("a level changed on the way goes on from where it is", () => {
  const gain = new Gain(8000);
  const sum = new Int32Array(80).fill(16000);
  const out = new Int16Array(80);
  gain.level = 0;
  gain.saturateInto(out, 0, sum, 80);
  const before = out[79];
  gain.level = 1;
  gain.saturateInto(out, 0, sum, 80);
  assert.ok(out[0] > before && out[0] - before < 100);
});

test("levels that are none are refused", () => {
  const gain = new Gain(8000);
  for (const level of [-0.1, 4.1, Number.NaN]) {
    assert.throws(() => (gain.level = level), RangeError);
    assert.throws(() => new Gain(8000, level), RangeError);
  }
});

test("level: full-scale square 0 dBov, sine -3.01, silence -127", () => {
  const square = Int16Array.from({ length: 800 }, (_, i) => (i % 16 < 8 ? -32768 : 32767));
  const sine = Int16Array.from({ length: 800 }, (_, i) => Math.round(32767 * Math.sin((Math.PI * i) / 20)));
  assert.ok(Math.abs(rmsDbov(square, 800)) < 0.001);
  assert.ok(Math.abs(rmsDbov(sine, 800) + 3.0103) < 0.001);
  assert.ok(Math.abs(peakDb(sine, 800)) < 0.001);
  assert.ok(Math.abs(peakDb(Int16Array.from([0, -3277]), 2) + 20) < 0.01);
  assert.is(rmsDbov(new Int16Array(10), 10), SILENCE_DB);
  assert.is(peakDb(new Int16Array(10), 10), SILENCE_DB);
  assert.is(rmsDbov(square, 0), SILENCE_DB);
});

test.run();
