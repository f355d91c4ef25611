// The recorder behind the simulated card: exact whatever the pace, silence where it was skipped, errors with the path.

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { WavRecorder } from "../../../drivers/simulated/wav-recorder.js";
import { readWav } from "../../../firmware/audio/wav.js";
import { scratch } from "../audio/implementations.js";

const folder = scratch();
function recorded(path: string): Int16Array {
  const sound = readWav(readFileSync(path));
  if (!sound.ok) throw new Error(sound.error.text);
  assert.not(sound.value.truncated);
  return sound.value.samples;
}
const ramp = (length: number, from: number) => Int16Array.from({ length }, (_, i) => (from + i) & 0x7fff);

test("faster than the disk: nothing is lost, nothing grows", async () => {
  const path = join(folder, "burst.wav");
  const recorder = await WavRecorder.open(path, 8000);
  // 2.4 MB in one go, far more than the pool of blocks holds.
  for (let n = 0; n < 1200; n++) recorder.write(ramp(1000, n * 1000), 1000);
  await recorder.close();
  const pcm = recorded(path);
  assert.is(pcm.length, 1_200_000);
  for (let i = 0; i < pcm.length; i++) if (pcm[i] !== (i & 0x7fff)) assert.unreachable(`sample ${i} is ${pcm[i]}`);
});

test("what is skipped is silence, at the end too", async () => {
  const path = join(folder, "skips.wav");
  const recorder = await WavRecorder.open(path, 8000);
  recorder.skipTo(100);
  recorder.write(ramp(50, 1), 50);
  recorder.skipTo(120);
  recorder.write(ramp(50, 51), 30);
  recorder.skipTo(20_000);
  assert.is(recorder.frames, 20_000);
  await recorder.close();
  const pcm = recorded(path);
  assert.is(pcm.length, 20_000);
  assert.equal([...pcm.subarray(100, 180)], [...ramp(80, 1)]);
  assert.ok(pcm.subarray(0, 100).every((s) => s === 0) && pcm.subarray(180).every((s) => s === 0));
  assert.is(statSync(path).size, 44 + 40_000);
});

test("after close it takes nothing, and closing again is the same close", async () => {
  const path = join(folder, "closed.wav");
  const recorder = await WavRecorder.open(path, 8000);
  recorder.write(ramp(10, 1), 10);
  await Promise.all([recorder.close(), recorder.close()]);
  recorder.write(ramp(10, 1), 10);
  recorder.skipTo(999);
  await recorder.close();
  assert.is(recorded(path).length, 10);
});

test("a full disk is told with the path", async () => {
  if (!existsSync("/dev/full")) {
    console.log("skipped: this system has no /dev/full");
    return;
  }
  try {
    await WavRecorder.open("/dev/full", 8000);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /^the recording \/dev\/full cannot be written: ENOSPC/);
  }
});

test.run();
