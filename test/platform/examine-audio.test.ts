// The look at a sound card, on a loop with a known way: round trip, levels and losses are what they are.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AudioDevice, AudioEvents } from "../../drivers/contract.js";
import { findingWords } from "../../firmware/cli/doctor-audio.js";
import { examineAudio } from "../../platform/index.js";

/** A loop `way` frames long that attenuates by `gain`, as fast as the machine can. */
function loop(rate: number, way: number, gain: number, also: (events: AudioEvents, period: number) => void = () => {}) {
  const state = { closed: false };
  const open = async ({ periodFrames }: { periodFrames: number }): Promise<AudioDevice> => {
    const line: number[] = new Array(way).fill(0);
    let running = false;
    return {
      rate,
      periodFrames,
      start(onPeriod, events) {
        running = true;
        let n = 0;
        const captured = new Int16Array(periodFrames);
        const play = new Int16Array(periodFrames);
        const tick = () => {
          if (!running) return;
          also(events, n++);
          for (let i = 0; i < periodFrames; i++) captured[i] = line.shift()! * gain;
          onPeriod(captured, play);
          line.push(...play);
          setImmediate(tick);
        };
        setImmediate(tick);
      },
      stop: () => void (running = false),
      delayFrames: () => ({ capture: 8, playback: 80 }),
      close: async () => void (state.closed = true),
    };
  };
  return { open, state };
}

for (const [rate, periodFrames] of [
  [8000, 80],
  [48_000, 480],
] as const)
  test(`a way of 40 ms at ${rate} Hz, half as loud`, async () => {
    const { open, state } = loop(rate, (rate * 40) / 1000, 0.5);
    const found = await examineAudio(open, { rate, periodFrames, periods: 3 }, 2);
    assert.ok(Math.abs(found.roundTripMs! - 40) < 0.2, `${found.roundTripMs}`);
    assert.ok(found.likeness > 0.99);
    assert.is(found.periods, 200);
    assert.ok(Math.abs(found.played.rmsDb - found.recorded.rmsDb - 6) < 0.3);
    assert.ok(Math.abs(found.delayMs.playback - 80_000 / rate) < 1e-9);
    assert.ok(state.closed);
    assert.match(findingWords({ driver: "loop", options: {} }, found), /round trip: 40\.\d ms/);
  });

test("a dead microphone, xruns and a loss are said", async () => {
  const { open } = loop(8000, 0, 0, (events, period) => {
    if (period === 10) events.xrun("capture", 160);
    if (period === 20) events.lost("unplugged");
    if (period === 21) events.back();
  });
  const silent = async (options: { periodFrames: number }) => open(options);
  const found = await examineAudio(silent, { rate: 8000, periodFrames: 80, periods: 3 }, 2);
  assert.is(found.roundTripMs, undefined);
  assert.equal(found.xruns, { capture: 1, playback: 0, framesLost: 160 });
  assert.equal(found.told, ["lost: unplugged", "back"]);
  const words = findingWords({ driver: "loop", options: {} }, found);
  for (const part of [
    /not heard/,
    /microphone is silent/,
    /1 capture and 0 playback xruns \(160 frames/,
    /lost: unplugged/,
  ])
    assert.match(words, part);
});

test("a time that makes no sense is refused before anything is opened", async () => {
  try {
    await examineAudio(() => assert.unreachable() as never, { rate: 8000, periodFrames: 80, periods: 3 }, 1);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /seconds must be/);
  }
});

test.run();
