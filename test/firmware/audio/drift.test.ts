// A playback buffer between two crystals, simulated: the level is kept, the difference found, and jumps of the readings do no harm.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { DriftFollower, Resampler } from "../../../firmware/audio/index.js";

/** Runs a buffer filled on one clock and emptied `ppm` faster. @param jitter frames that readings jump by. */
function simulate(ppm: number, seconds: number, jitter = 0) {
  const rate = 48_000;
  const follower = new DriftFollower(rate);
  const periods = seconds * 100;
  let level = 1920;
  let [least, most] = [level, level];
  let seed = 1;
  for (let i = 0; i < periods; i++) {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    const reading = level + (jitter * ((seed >> 8) % 1000)) / 500 - jitter;
    const adjust = follower.update(reading, 0.01);
    level += 480 * (1 + adjust * 1e-6) - 480 * (1 + ppm * 1e-6);
    if (i > 1000) [least, most] = [Math.min(least, level), Math.max(most, level)];
  }
  return { follower, level, least, most };
}

test("the difference of the crystals is found, from -500 to 500 ppm", () => {
  for (const ppm of [-500, -100, -1, 0, 1, 100, 500]) {
    const { follower, level } = simulate(ppm, 300);
    assert.ok(Math.abs(follower.ppm - ppm) < 1, `${ppm}: ${follower.ppm}`);
    assert.ok(Math.abs(level - follower.goalFrames) < 2, `${ppm}: ${level} of ${follower.goalFrames}`);
  }
});

test("the level stays within a few ms all the while", () => {
  const { least, most } = simulate(200, 600);
  // 48 frames are 1 ms.
  assert.ok(most - least < 5 * 48, `${least} to ${most}`);
});

test("readings that jump by 5 ms each way move the pitch by less than anyone hears", () => {
  const { follower, least, most } = simulate(50, 600, 240);
  assert.ok(Math.abs(follower.ppm - 50) < 40, `${follower.ppm}`);
  assert.ok(most - least < 10 * 48, `${least} to ${most}`);
});

test("a stream that starts anew keeps what is known of the crystals, at another level", () => {
  const { follower } = simulate(200, 300);
  follower.restart();
  assert.is(follower.goalFrames, 0);
  for (let i = 0; i < 100; i++) assert.ok(Math.abs(follower.update(500, 0.01) - 200) < 2);
  assert.ok(Math.abs(follower.update(500, 0.01) - 200) < 5);
  assert.is(follower.update(500, 0), follower.ppm);
});

test("an adjustable resampler gives as much more as it is told, and refuses nonsense", () => {
  for (const [from, to] of [
    [8000, 8000],
    [8000, 48_000],
    [44_100, 8000],
  ]) {
    const resampler = new Resampler(from, to, true);
    resampler.ppm = 1000;
    assert.is(resampler.ppm, 1000);
    const input = new Int16Array(from / 100).fill(1000);
    const out = new Int16Array(resampler.maxOutput(input.length));
    let written = 0;
    for (let i = 0; i < 1000; i++) written += resampler.processInto(out, input, input.length);
    assert.ok(Math.abs(written - to * 10 * 1.001) <= 2, `${from} to ${to}: ${written}`);
    assert.is(out[0], 1000);
  }
  assert.throws(() => {
    new Resampler(8000, 8000, true).ppm = 6000;
  }, RangeError);
  assert.throws(() => {
    new Resampler(8000, 48_000).ppm = 1;
  }, /fixed/);
});

test.run();
