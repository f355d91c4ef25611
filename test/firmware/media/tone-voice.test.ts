// A tone that begins while the card is still being opened waits for it, but not for ever.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ToneVoice } from "../../../firmware/media/tone-voice.js";

const test = suite("tone voice");

test("a click waits for the card", () => {
  let ended = 0;
  const tones = new ToneVoice(8000, () => ended++);
  const out = new Int16Array(160);
  tones.play("key");
  for (let i = 0; i < 10; i++) assert.not(tones.playInto(out, 160, false));
  assert.is(ended, 0);
  assert.ok(tones.playInto(out, 160, true));
  assert.ok(out.some((sample) => Math.abs(sample) > 500));
  for (let i = 0; i < 10; i++) tones.playInto(out, 160, true);
  assert.is(ended, 1);
  assert.not(tones.playing);
});

test("without a card it passes by after half a second", () => {
  let ended = 0;
  const tones = new ToneVoice(8000, () => ended++);
  const out = new Int16Array(160);
  tones.play("key");
  for (let i = 0; i < 50; i++) tones.playInto(out, 160, false);
  assert.is(ended, 1);
});

test.run();
