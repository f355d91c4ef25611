// One period: gain of the microphone, of the earpiece, and the person's own voice in it, at the card's rate.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Pump, type Voiced } from "../../../firmware/media/pump.js";

/** Says 1000 all the time and remembers what it was given. */
class Somebody implements Voiced {
  readonly heard: number[] = [];
  speaking = true;
  capture(pcm: Int16Array, samples: number): void {
    this.heard.push(...pcm.subarray(0, samples));
  }
  gap(): void {}
  playInto(out: Int16Array, samples: number): boolean {
    out.fill(1000, 0, samples);
    return true;
  }
}

function run(levels: { capture: number; playback: number; sidetone: number }, rate = 8000, periods = 30) {
  const somebody = new Somebody();
  const pump = new Pump([somebody], levels);
  const frames = rate / 100;
  pump.configure(rate, frames);
  const play = new Int16Array(frames);
  const period = (audible = true) => {
    pump.period(new Int16Array(frames).fill(2000), play, audible);
    return play[frames - 1];
  };
  for (let i = 1; i < periods; i++) period();
  return { somebody, pump, period };
}

test("plain levels leave every sample as it is", () => {
  const { somebody, period } = run({ capture: 1, playback: 1, sidetone: 0 });
  assert.is(period(), 1000);
  assert.ok(somebody.heard.every((sample) => sample === 2000));
});

for (const rate of [8000, 48_000])
  test(`gains and sidetone at ${rate} Hz`, () => {
    const { somebody, pump, period } = run({ capture: 2, playback: 0.5, sidetone: 0.1 }, rate);
    const near = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 2, `${a}, not ${b}`);
    near(somebody.heard.at(-1)!, 4000);
    // Half of what is said, and a tenth of the amplified microphone.
    near(period(), 500 + 400);
    somebody.speaking = false;
    near(period(), 500);
    somebody.speaking = true;
    near(period(false), 500);
    pump.volume = 0.5;
    for (let i = 0; i < 10; i++) period();
    near(period(), 250 + 400);
  });

test("what is too loud saturates", () => {
  const somebody = new Somebody();
  const pump = new Pump([somebody], { capture: 4, playback: 4, sidetone: 1 });
  pump.configure(8000, 80);
  const play = new Int16Array(80);
  pump.period(new Int16Array(80).fill(-20_000), play, true);
  assert.is(somebody.heard[0], -32_768);
  pump.period(new Int16Array(80).fill(32_000), play, true);
  assert.is(play[79], 32_767);
});

test.run();
