// Decibels of a configuration file become factors; what is out of range is told by field and value.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { readLevels } from "../../platform/audio-levels.js";

test("nothing said: samples as they are, no sidetone, other options untouched", () => {
  assert.equal(readLevels({ device: "default" }), {
    levels: { capture: 1, playback: 1, sidetone: 0 },
    own: { device: "default" },
  });
});

test("decibels", () => {
  const { levels } = readLevels({ captureGainDb: 6, playbackGainDb: -20, sidetoneDb: -40 });
  assert.ok(Math.abs(levels.capture - 1.995) < 0.001);
  assert.ok(Math.abs(levels.playback - 0.1) < 1e-9);
  assert.ok(Math.abs(levels.sidetone - 0.01) < 1e-9);
  assert.ok(readLevels({ captureGainDb: 12 }).levels.capture <= 4);
});

test("out of range", () => {
  assert.throws(() => readLevels({ captureGainDb: 13 }), /captureGainDb is 13, allowed is a number of -40 to 12 dB/);
  assert.throws(() => readLevels({ sidetoneDb: "loud" }), /sidetoneDb is "loud"/);
});

test.run();
