// Order statistics against values worked out by hand (linear interpolation, as R's type 7 and numpy's default).

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pairedDifference, quantile, summarise } from "../../../firmware/runtime/statistics.js";

test("a summary of ten numbers", () => {
  const summary = summarise([7, 1, 10, 3, 9, 2, 8, 4, 6, 5]);
  assert.is(summary.count, 10);
  assert.is(summary.min, 1);
  assert.is(summary.max, 10);
  assert.is(summary.median, 5.5);
  assert.is(summary.p25, 3.25);
  assert.is(summary.p75, 7.75);
  assert.is(summary.iqr, 4.5);
  assert.ok(Math.abs(summary.p95 - 9.55) < 1e-9);
  assert.ok(Math.abs(summary.p99 - 9.91) < 1e-9);
  assert.is(summary.mean, 5.5);
});

test("one number is all of its figures; numbers are sorted as numbers", () => {
  const one = summarise([42]);
  assert.is(one.p99, 42);
  assert.is(one.iqr, 0);
  assert.is(summarise([100, 9, 20]).median, 20);
});

test("what cannot be summed up is refused", () => {
  assert.throws(() => summarise([]), RangeError);
  assert.throws(() => summarise([1, Number.NaN]), /a measurement is NaN/);
  assert.throws(() => quantile([1], 1.1), RangeError);
  assert.throws(() => pairedDifference([1], [1, 2]), /rows differ in length/);
});

test("the input is left as it was", () => {
  const samples = [3, 1, 2];
  summarise(samples);
  assert.equal(samples, [3, 1, 2]);
});

test("paired differences cancel what both rows share", () => {
  // A drift a hundred times the difference.
  const first = Array.from({ length: 50 }, (_, i) => 10 + i * 10);
  const second = first.map((value) => value + 2);
  assert.is(pairedDifference(second, first), 2);
});

test("figures are in order whatever the numbers", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (samples) => {
      const s = summarise(samples);
      const order = [s.min, s.p25, s.median, s.p75, s.p95, s.p99, s.max];
      for (let i = 1; i < order.length; i++) assert.ok(order[i] >= order[i - 1] - 1e-6);
    }),
  );
});

test.run();
