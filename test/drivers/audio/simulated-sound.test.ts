// The simulated card's own promises: what is spoken is captured, what is played is recorded, each at its proper time.

import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type RecordingTimes, SimulatedSoundCard } from "../../../drivers/simulated/sound-card.js";
import { remoteSoundControl } from "../../../drivers/simulated/sound-control.js";
import { readWav, wavFile } from "../../../firmware/audio/wav.js";
import { systemClock } from "../../../firmware/runtime/clock.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { eventually } from "../../support/wait.js";
import { collector, scratch, wish } from "./implementations.js";

const folder = scratch();
const count = (length: number, from = 1) => Int16Array.from({ length }, (_, i) => i + from);
function wav(name: string, samples: Int16Array, rate = 8000): string {
  const path = join(folder, name);
  writeFileSync(path, wavFile(rate, samples));
  return path;
}
function recorded(path: string): Int16Array {
  const sound = readWav(readFileSync(path));
  if (!sound.ok) throw new Error(sound.error.text);
  return sound.value.samples;
}
const times = (path: string): RecordingTimes => JSON.parse(readFileSync(`${path}.json`, "utf8"));

/** Runs a card in virtual time for some periods and returns all it captured. */
async function capture(
  options: object,
  periods: number,
  before?: (card: SimulatedSoundCard, time: VirtualTime) => void,
) {
  const time = new VirtualTime();
  const card = await SimulatedSoundCard.open({ ...wish, ...options }, { clock: time, timers: time });
  const all: number[] = [];
  card.start((captured) => all.push(...captured), collector());
  before?.(card, time);
  time.advance(periods * 20 + 5);
  await card.close();
  return all;
}

test("speaks a recording from the first period on, once, then silence (short file)", async () => {
  const all = await capture({ captureWav: wav("short.wav", count(200)) }, 4);
  assert.equal(all.slice(0, 200), [...count(200)]);
  assert.ok(all.length >= 640 && all.slice(200).every((s) => s === 0));
});

test("loops when asked, without a gap, even a recording shorter than a period", async () => {
  const all = await capture({ captureWav: wav("loop.wav", count(50)), captureLoop: true }, 3);
  for (let i = 0; i < all.length; i++) assert.is(all[i], (i % 50) + 1);
});

test("an empty recording is silence", async () => {
  const all = await capture({ captureWav: wav("empty.wav", new Int16Array(0)), captureLoop: true }, 3);
  assert.is(all.length, 480);
  assert.ok(all.every((s) => s === 0));
});

test("waits for the trigger, and begins at that very moment", async () => {
  const options = { captureWav: wav("trigger.wav", count(500)), captureStart: "trigger" };
  const all = await capture(options, 10, (card, time) => {
    time.advance(70);
    card.speak();
  });
  assert.ok(all.slice(0, 560).every((s) => s === 0));
  assert.equal(all.slice(560, 1060), [...count(500)]);
});

test("speaking again starts over", async () => {
  const all = await capture({ captureWav: wav("again.wav", count(1000)) }, 10, (card, time) => {
    time.advance(40);
    card.speak();
  });
  assert.equal(all.slice(0, 320), [...count(320)]);
  assert.equal(all.slice(320, 1320), [...count(1000)]);
});

test("a recording of another rate is converted", async () => {
  const sine = Int16Array.from({ length: 44100 }, (_, i) => 10000 * Math.sin((2 * Math.PI * 500 * i) / 44100));
  const all = await capture({ captureWav: wav("44100.wav", sine, 44100) }, 20);
  for (let i = 200; i < 3000; i++)
    assert.ok(Math.abs(all[i] - 10000 * Math.sin((2 * Math.PI * 500 * i) / 8000)) < 5, `at ${i}: ${all[i]}`);
});

test("what is handed over at tick k is heard periods - 1 periods later, and delayFrames says so", async () => {
  for (const periods of [2, 3, 5]) {
    const path = join(folder, `heard-${periods}.wav`);
    const time = new VirtualTime();
    const card = await SimulatedSoundCard.open({ ...wish, periods, playbackWav: path }, { clock: time, timers: time });
    let tick = 0;
    let delay = -1;
    card.start((_captured, play) => {
      play.fill(++tick);
      delay = card.delayFrames().playback;
    }, collector());
    time.advance(20 * 12 + 5);
    await card.close();
    const heard = recorded(path);
    assert.is(delay, (periods - 1) * 160);
    assert.is(heard.length, 12 * 160);
    // Tick k comes at the end of period k - 1, counted from 0.
    for (let i = 0; i < heard.length; i++)
      assert.is(heard[i], Math.max(0, Math.floor(i / 160) - periods + 1), `at ${i}`);
  }
});

test("the times beside the recording give the delay from mouth to ear", async () => {
  const path = join(folder, "loopback.wav");
  const time = new VirtualTime();
  time.advance(1234.5);
  const card = await SimulatedSoundCard.open(
    { ...wish, captureWav: wav("said.wav", count(2000)), captureStart: "trigger", playbackWav: path },
    { clock: time, timers: time },
  );
  time.advance(300);
  card.start((captured, play) => play.set(captured), collector());
  time.advance(1003);
  card.speak();
  time.advance(1000);
  await card.close();
  const { rate, startedAtMs, spokeAtMs } = times(path);
  assert.is(rate, 8000);
  assert.is(startedAtMs, 1534.5);
  assert.ok(Math.abs(spokeAtMs! - 2537.5) < 1 / 8, `${spokeAtMs}`);
  const first = recorded(path).indexOf(1);
  // One period until it is captured, periods - 1 until what is handed over is heard.
  const mouthToEar = startedAtMs! + (first * 1000) / rate - spokeAtMs!;
  assert.ok(Math.abs(mouthToEar - 60) < 0.001, `${mouthToEar}`);
});

test("stops, xruns and unplugging are silence in the recording, which keeps its place in time", async () => {
  const path = join(folder, "gaps.wav");
  const time = new VirtualTime();
  const card = await SimulatedSoundCard.open({ ...wish, playbackWav: path }, { clock: time, timers: time });
  const play = (_captured: Int16Array, out: Int16Array) => void out.fill(7);
  card.start(play, collector());
  time.advance(205);
  card.stop();
  time.advance(1000);
  card.start(play, collector());
  time.advance(205);
  card.stall(300);
  time.advance(405);
  card.unplug();
  time.advance(100);
  card.replug();
  time.advance(205);
  await card.close();
  const heard = recorded(path);
  const at = (ms: number) => heard[Math.round(ms * 8)];
  for (const ms of [70, 190, 1205 + 70, 1205 + 195, 1205 + 590, 1915 + 70, 1915 + 190])
    assert.is(at(ms), 7, `heard at ${ms}`);
  for (const ms of [30, 210, 700, 1205 + 30, 1205 + 300, 1205 + 500, 1850, 1915 + 30])
    assert.is(at(ms), 0, `silent at ${ms}`);
  assert.is(heard.length, (1915 + 200) * 8);
});

test("injected xruns are told and lose their frames", async () => {
  const path = join(folder, "injected.wav");
  const time = new VirtualTime();
  const events = collector();
  const options = { ...wish, captureWav: wav("long.wav", count(8000)), playbackWav: path };
  const card = await SimulatedSoundCard.open(options, { clock: time, timers: time });
  const all: number[] = [];
  card.start((captured, play) => {
    all.push(...captured);
    play.fill(9);
  }, events);
  time.advance(201);
  card.xrun("capture", 200);
  card.xrun("playback", 100);
  time.advance(200);
  await card.close();
  assert.equal(events.told, ["xrun capture 200", "xrun playback 100"]);
  assert.is(all[1599], 1600);
  assert.ok(all.slice(1600, 1800).every((s) => s === 0));
  assert.is(all[1800], 1801);
  const heard = recorded(path);
  assert.equal([heard[1599], heard[1600], heard[1699], heard[1700]], [9, 0, 0, 9]);
});

test("a card with one rate and period gives those", async () => {
  const card = await SimulatedSoundCard.open({ ...wish, cardRate: 48000, cardPeriodFrames: 480 });
  assert.is(card.rate, 48000);
  assert.is(card.periodFrames, 480);
  await card.close();
});

test("a fast crystal gives more periods in the same time", async () => {
  const calls = async (driftPpm: number) => (await capture({ driftPpm }, 10_000)).length / 160;
  assert.is(await calls(0), 10_000);
  assert.is(await calls(1000), 10_010);
  assert.is(await calls(-1000), 9990);
});

test("what cannot be opened is refused with the path or the figure", async () => {
  const open = async (options: object): Promise<string> => {
    try {
      await (await SimulatedSoundCard.open({ ...wish, ...options })).close();
      return "opened";
    } catch (error) {
      return (error as Error).message;
    }
  };
  const missing = join(folder, "no-such.wav");
  assert.ok((await open({ captureWav: missing })).includes(`${missing}, does not exist`));
  const notWav = join(folder, "not.wav");
  writeFileSync(notWav, "hello, this is not a sound");
  assert.match(await open({ captureWav: notWav }), /not\.wav.*not-wav/);
  assert.match(await open({ captureWav: folder }), /cannot be read/);
  assert.match(await open({ playbackWav: join(notWav, "x.wav") }), /x\.wav cannot be written/);
  assert.match(await open({ rate: 0 }), /rate must be/);
  assert.match(await open({ periodFrames: 0.5 }), /periodFrames must be/);
  assert.match(await open({ periods: 1 }), /periods must be/);
  assert.match(await open({ driftPpm: Number.NaN }), /driftPpm must be/);
});

test("a card that never ran leaves an empty recording and says so", async () => {
  const path = join(folder, "deep", "er", "never.wav");
  const card = await SimulatedSoundCard.open({ ...wish, playbackWav: path });
  await card.close();
  assert.is(recorded(path).length, 0);
  assert.equal(times(path), { rate: 8000, startedAtMs: null, spokeAtMs: null });
  assert.is(statSync(path).mode & 0o777, 0o600);
});

test("a long recording is on disk while it runs, with a header that tells of it", async () => {
  const path = join(folder, "long-recording.wav");
  const time = new VirtualTime();
  const card = await SimulatedSoundCard.open({ ...wish, playbackWav: path }, { clock: time, timers: time });
  let n = 0;
  card.start((_captured, play) => {
    for (let i = 0; i < play.length; i++) play[i] = n++ & 0x7fff;
  }, collector());
  for (let i = 0; i < 60; i++) {
    time.advance(1000);
    if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await eventually("fifty seconds on disk", 20_000, () => recorded(path).length > 8000 * 50);
  await card.close();
  const heard = recorded(path);
  assert.is(heard.length, 8000 * 60);
  for (let i = 480; i < heard.length; i++) assert.is(heard[i], (i - 480) & 0x7fff, `at ${i}`);
});

test("real time: over 2 s every period is there, none early, and the latest are no later than the first", async () => {
  const card = await SimulatedSoundCard.open({ rate: 8000, periodFrames: 80, periods: 20 });
  const lateness: number[] = [];
  let lost = 0;
  let startMs = 0;
  await new Promise<void>((resolve) => {
    const xrun = (direction: string, frames: number) => void (lost += direction === "capture" ? frames / 80 : 0);
    startMs = systemClock.now();
    card.start(
      () => {
        lateness.push(systemClock.now() - startMs - (lateness.length + 1 + lost) * 10);
        if (lateness.length + lost < 200) return;
        card.stop();
        resolve();
      },
      { xrun, lost() {}, back() {} },
    );
  });
  await card.close();
  assert.ok(
    lateness.every((ms) => ms > -0.001),
    `early: ${Math.min(...lateness)}`,
  );
  // One wake-up in time out of a hundred is enough to see that the grid has not moved.
  assert.ok(Math.min(...lateness.slice(-100)) < 5, `drifted: ${Math.min(...lateness.slice(-100))}`);
});

test("runs in a worker thread, opened with plain data and controlled from here", async () => {
  const path = join(folder, "worker.wav");
  const options = {
    rate: 8000,
    periodFrames: 160,
    periods: 10,
    captureWav: wav("spoken.wav", count(4000)),
    // Over and over: a thread that stands still for longer than its buffer misses a part.
    captureLoop: true,
    captureStart: "trigger",
    playbackWav: path,
    control: "worker-test",
  };
  const module = new URL("../../../drivers/simulated/sound-card.js", import.meta.url).href;
  const source = `
    import { parentPort, workerData } from "node:worker_threads";
    const { SimulatedSoundCard } = await import(${JSON.stringify(module)});
    const card = await SimulatedSoundCard.open(workerData);
    let said = false;
    card.start((captured, play) => {
      play.set(captured);
      if (said || !captured.some((sample) => sample >= 3000)) return;
      said = true;
      parentPort.postMessage("said");
    }, { xrun() {}, lost: (reason) => parentPort.postMessage(reason), back: () => parentPort.postMessage("back") });
    parentPort.once("message", async () => { await card.close(); parentPort.postMessage("closed"); parentPort.close(); });
    parentPort.postMessage("running");
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: options });
  const next = () =>
    new Promise<string>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  assert.is(await next(), "running");
  const control = remoteSoundControl("worker-test");
  const before = systemClock.now();
  control.speak();
  assert.is(await next(), "said");
  control.unplug("pulled by the test");
  assert.is(await next(), "pulled by the test");
  control.replug();
  assert.is(await next(), "back");
  worker.postMessage("close");
  assert.is(await next(), "closed");
  control.close();
  const { spokeAtMs, startedAtMs } = times(path);
  assert.ok(startedAtMs! < spokeAtMs!);
  // Each thread finds its own distance to the machine's clock when it starts; a busy machine makes that a little uncertain.
  assert.ok(spokeAtMs! >= before - 50 && spokeAtMs! < systemClock.now(), `${spokeAtMs} ${before}`);
  assert.ok(existsSync(path) && recorded(path).some((sample) => sample >= 500));
});

test.run();
