// The loudspeaker's own promises: it rises, it knows callers by their tones, it rings on when the card comes late, it says what is wrong.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AudioDevice, AudioOptions } from "../../../drivers/contract.js";
import { SpeakerRinger, type SpeakerRingerOptions } from "../../../drivers/speaker/index.js";
import { wavFile } from "../../../firmware/audio/index.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { temporaryFolder } from "../../support/fake-sysfs.js";
import { goertzel } from "../../support/tones.js";

const RATE = 16_000;
const folder = temporaryFolder("speaker");
const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

function level(name: string, value: number, rate = RATE, seconds = 1): string {
  const file = join(folder, `${name}.wav`);
  writeFileSync(file, wavFile(rate, new Int16Array(rate * seconds).fill(value)));
  return file;
}

async function rig(options: Partial<SpeakerRingerOptions> = {}) {
  const time = new VirtualTime();
  const told: string[] = [];
  let period: ((captured: Int16Array, play: Int16Array) => void) | undefined;
  const opened: AudioOptions[] = [];
  let closed = 0;
  const device = (wanted: AudioOptions): AudioDevice => ({
    ...wanted,
    rate: RATE,
    periodFrames: 160,
    start: (onPeriod) => {
      period = onPeriod;
    },
    stop: () => {
      period = undefined;
    },
    delayFrames: () => ({ capture: 0, playback: 0 }),
    close: async () => {
      closed++;
    },
  });
  const ringer = await SpeakerRinger.open({
    openAudio: async (wanted) => {
      opened.push(wanted);
      return device(wanted);
    },
    timers: time,
    tell: (text) => told.push(text),
    ...options,
  });
  return {
    ...{ time, told, opened, ringer, device },
    closed: () => closed,
    running: () => period !== undefined,
    /** The next `ms` of sound. */
    hear: async (ms: number) => {
      await settle();
      const all = new Int16Array((ms * RATE) / 1000);
      for (let at = 0; at < all.length; at += 160) period?.(new Int16Array(160), all.subarray(at, at + 160));
      return all;
    },
  };
}

test("it begins softly and rises to the volume asked for", async () => {
  const one = await rig({ ringWav: level("flat", 10_000), riseMs: 4000 });
  one.ringer.start("ring", 0.5);
  const sound = await one.hear(6000);
  const at = (ms: number) => sound[(ms * RATE) / 1000];
  assert.ok(at(0) < 400, `${at(0)}`);
  for (let ms = 0; ms < 4000; ms += 500) assert.ok(at(ms + 500) > at(ms), `${ms} ms`);
  assert.equal([at(4500), at(5900)], [5000, 5000]);
  one.ringer.stop();
  one.ringer.start("ring", 0.5);
  assert.ok((await one.hear(10))[0] < 400, "and softly again for the next call");
  await one.ringer.close();
  assert.is(one.time.active, 0);
});

test("a caller's own tone, by address, whatever its rate; the ring tone for everybody else", async () => {
  const one = await rig({
    ringWav: level("ring", 1000),
    callerWavs: { "sip:Bob@example.com": level("bob", 2000, 8000) },
    riseMs: 0,
  });
  for (const [caller, wanted] of [
    ["sip:bob@EXAMPLE.com:5060;transport=tcp", 2000],
    ["sip:eve@example.com", 1000],
    [undefined, 1000],
  ] as const) {
    one.ringer.start("ring", 1, caller);
    const sound = await one.hear(500);
    assert.ok(Math.abs(sound[4000] - wanted) <= 2, `${caller}: ${sound[4000]}`);
    one.ringer.stop();
  }
  await one.ringer.close();
});

test("a WAV file rings on from its beginning; a message sounds once", async () => {
  const one = await rig({ ringWav: level("short", 3000), messageWav: level("note", 4000), riseMs: 0 });
  one.ringer.start("ring", 1);
  assert.ok((await one.hear(3500)).every((sample) => sample === 3000));
  one.ringer.start("message", 1);
  const sound = await one.hear(2000);
  assert.equal([sound[RATE - 1], sound[RATE], sound[2 * RATE - 1]], [4000, 0, 0]);
  await one.ringer.close();
});

test("without files it warbles, and pauses", async () => {
  const one = await rig({ riseMs: 0 });
  one.ringer.start("ring", 1);
  const sound = await one.hear(3000);
  for (let i = 0; i < 20; i++) {
    const { tone, total } = goertzel(sound, RATE, i % 2 ? 1030 : 820, (i * 45 + 10) * 16, 30 * 16);
    assert.ok(tone / total > 0.9, `note ${i}: ${tone / total}`);
  }
  assert.ok(sound.subarray(RATE * 1.1, RATE * 2.9).every((sample) => sample === 0));
  await one.ringer.close();
});

test("the card is opened when it rings, stays a moment, and is given back", async () => {
  const one = await rig();
  await settle();
  assert.is(one.opened.length, 0);
  for (let i = 0; i < 3; i++) {
    one.ringer.start("ring", 1);
    await one.hear(20);
    one.ringer.stop();
    assert.is(one.running(), false);
    one.time.advance(500);
  }
  assert.equal([one.opened.length, one.closed()], [1, 0]);
  one.time.advance(5000);
  await settle();
  assert.is(one.closed(), 1);
  assert.is(one.time.active, 0);
});

test("a card that cannot be opened is told and tried again while it rings, and no longer", async () => {
  let there = false;
  const one = await rig({
    openAudio: async (wanted): Promise<AudioDevice> => {
      if (!there) throw new Error("busy, held by pid 7");
      return one.device(wanted);
    },
  });
  one.ringer.start("ring", 1);
  await settle();
  assert.equal(one.told, ["the ringer cannot ring: busy, held by pid 7"]);
  there = true;
  one.time.advance(1100);
  await settle();
  assert.ok(one.running());
  one.ringer.stop();
  there = false;
  await one.ringer.close();
  assert.is(one.time.active, 0);
});

test("stopped before the card was open: it never sounds, and the card is given back", async () => {
  const one = await rig();
  one.ringer.start("ring", 1);
  one.ringer.stop();
  await settle();
  assert.is(one.running(), false);
  one.time.advance(5000);
  await settle();
  assert.is(one.closed(), 1);
});

test("files that are missing or no WAV are told by name", async () => {
  writeFileSync(join(folder, "text.wav"), "text");
  for (const [file, words] of [
    [join(folder, "none.wav"), /none\.wav cannot be read \(ENOENT\)/],
    [join(folder, "text.wav"), /text\.wav is not a usable WAV file/],
  ] as const)
    assert.match(String(await rig({ ringWav: file }).catch((error: Error) => error.message)), words);
});

test.run();
