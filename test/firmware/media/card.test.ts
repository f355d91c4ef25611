// The sound card's life as the voice path leads it, in virtual time: opened, kept warm, closed, lost, stalled, found again.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AudioDevice, AudioEvents } from "../../../drivers/contract.js";
import { Card } from "../../../firmware/media/card.js";
import { resolveOptions, type VoiceOptions } from "../../../firmware/media/options.js";
import { VirtualTime } from "../../../firmware/runtime/index.js";

const test = suite("card");
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A card that does what the test says, at 16 kHz so that the stand-in is told apart. */
class FakeDevice implements AudioDevice {
  readonly rate = 16_000;
  readonly periodFrames = 320;
  events: AudioEvents | undefined;
  onPeriod: ((captured: Int16Array, play: Int16Array) => void) | undefined;
  closed = false;
  failStart = false;
  start(onPeriod: (captured: Int16Array, play: Int16Array) => void, events: AudioEvents): void {
    if (this.failStart) throw new Error("the card is busy");
    this.onPeriod = onPeriod;
    this.events = events;
  }
  stop(): void {
    this.onPeriod = undefined;
  }
  period(): void {
    this.onPeriod?.(new Int16Array(320).fill(7), new Int16Array(320));
  }
  delayFrames() {
    return { capture: 0, playback: 0 };
  }
  async close(): Promise<void> {
    this.closed = true;
    this.stop();
  }
}

function setup(options: Partial<VoiceOptions> = {}) {
  const time = new VirtualTime();
  const devices: FakeDevice[] = [];
  const told: string[] = [];
  const state = { rate: 0, card: 0, standIn: 0, gaps: 0, gapMs: 0, fails: 0, next: () => new FakeDevice() };
  const card = new Card(
    async () => {
      if (state.fails > 0) {
        state.fails--;
        throw new Error("no such card");
      }
      const device = state.next();
      devices.push(device);
      return device;
    },
    resolveOptions({
      localAddress: "127.0.0.1",
      ports: { min: 4000, max: 4001 },
      audio: { rate: 16_000, periodFrames: 320, periods: 2 },
      ...options,
    }),
    time,
    time,
    {
      opened: (rate) => {
        state.rate = rate;
      },
      period: (captured) => {
        if (captured[0] === 7) state.card++;
        else state.standIn++;
      },
      gap: (frames) => {
        state.gaps += frames;
        state.gapMs += (frames * 1000) / state.rate;
      },
      device: (type, text) => void told.push(`${type}: ${text}`),
    },
  );
  return { time, devices, told, state, card };
}

test("opened by prepare, started when wanted, stopped and closed a while after", async () => {
  const { time, devices, state, card } = setup({ stopAfterMs: 300, closeAfterMs: 5000 });
  card.prepare();
  await settle();
  assert.is(devices.length, 1);
  assert.is(devices[0].onPeriod, undefined);
  card.want(true);
  devices[0].period();
  assert.is(state.card, 1);
  assert.is(state.rate, 16_000);
  card.want(false);
  time.advance(299);
  assert.ok(devices[0].onPeriod, "runs on");
  card.want(true);
  time.advance(100);
  devices[0].period();
  assert.ok(devices[0].onPeriod);
  card.want(false);
  time.advance(301);
  assert.is(devices[0].onPeriod, undefined);
  assert.not(devices[0].closed);
  card.want(true);
  assert.is(devices.length, 1, "the open card is used again");
  card.want(false);
  time.advance(5301);
  assert.ok(devices[0].closed);
  assert.is(time.active, 0, "no timer runs on");
  card.want(true);
  await settle();
  assert.is(devices.length, 2);
  await card.close();
  assert.ok(devices[1].closed);
  assert.is(time.active, 0);
});

test("kept open for good when closeAfterMs is Infinity", async () => {
  const { time, devices, card } = setup({ closeAfterMs: Number.POSITIVE_INFINITY });
  card.want(true);
  await settle();
  card.want(false);
  time.advance(1e9);
  assert.not(devices[0].closed);
  await card.close();
  assert.ok(devices[0].closed);
});

test("a card prepared for a call that never was is closed again", async () => {
  const { time, devices, card } = setup({ closeAfterMs: 1000 });
  card.prepare();
  await settle();
  time.advance(1001);
  assert.ok(devices[0].closed);
  assert.is(time.active, 0);
});

test("silent periods flow while a card is being opened or cannot be, and it is tried again", async () => {
  const { time, devices, state, card, told } = setup({ reopenMs: 2000 });
  state.fails = 2;
  card.want(true);
  await settle();
  time.advance(1000);
  assert.is(state.standIn, 50);
  assert.is(state.rate, 8000);
  assert.equal(told, ["lost: no such card"]);
  time.advance(1000);
  await settle();
  time.advance(2000);
  await settle();
  assert.is(devices.length, 1);
  assert.is(state.standIn, 200);
  assert.is(state.rate, 8000, "the stand-in's own rate, to its last period");
  devices[0].period();
  assert.equal(told, ["lost: no such card", "back: the sound card is back"]);
  time.advance(100);
  assert.is(state.standIn, 200, "the stand-in has stopped");
  assert.is(state.rate, 16_000);
  await card.close();
});

test("an unplugged card: the stand-in keeps time until the card is back", async () => {
  const { time, devices, state, card, told } = setup();
  card.want(true);
  await settle();
  devices[0].period();
  devices[0].events!.lost("unplugged");
  time.advance(1000);
  assert.is(state.standIn, 50);
  devices[0].events!.back();
  devices[0].period();
  time.advance(60);
  assert.is(state.standIn, 50);
  assert.is(state.card, 2);
  assert.equal(told, ["lost: unplugged", "back: the sound card is back"]);
  await card.close();
});

test("a card that stops talking without a word is found out", async () => {
  const { time, devices, state, card, told } = setup();
  card.want(true);
  await settle();
  devices[0].period();
  time.advance(1000);
  assert.ok(state.standIn >= 34 && state.standIn <= 40, `${state.standIn}`);
  assert.is(told.length, 1);
  devices[0].period();
  assert.is(told.length, 2);
  await card.close();
});

test("a card that does not start is closed and opened again", async () => {
  const { time, devices, state, card, told } = setup({ reopenMs: 500 });
  state.next = () => Object.assign(new FakeDevice(), { failStart: devices.length === 0 });
  card.want(true);
  await settle();
  assert.ok(devices[0].closed);
  assert.equal(told, ["lost: the card is busy"]);
  time.advance(500);
  await settle();
  assert.is(devices.length, 2);
  devices[1].period();
  assert.is(state.card, 1);
  await card.close();
});

test("an over-run is counted, told, and a hole of the time that passed", async () => {
  const { time, devices, state, card, told } = setup();
  card.want(true);
  await settle();
  devices[0].period();
  time.advance(100);
  devices[0].events!.xrun("capture", 1280);
  assert.is(state.gaps, 1280, "80 ms at 16 kHz");
  devices[0].period();
  devices[0].events!.xrun("capture", 1280);
  assert.is(state.gaps, 1280, "filled by the driver: no time has passed");
  devices[0].events!.xrun("playback", 320);
  assert.is(card.xruns, 3);
  assert.is(told.length, 3);
  await card.close();
});

test("a card that stalls, for a moment or for long, again and again: no time is forgotten, none counted twice", async () => {
  const { time, devices, state, card } = setup();
  card.want(true);
  await settle();
  const run = () => {
    for (let i = 0; i < 10; i++) {
      time.advance(20);
      devices[0].period();
    }
  };
  run();
  for (const stallMs of [100, 150, 205, 250, 256, 333, 1000, 5000, 215, 120]) {
    time.advance(stallMs);
    devices[0].events!.xrun("capture", Math.floor(stallMs / 20) * 320);
    run();
    const counted = (state.card + state.standIn) * 20 + state.gapMs;
    assert.ok(Math.abs(counted - time.now()) <= 40, `${counted} ms of ${time.now()}, ${stallMs} ms stalled`);
  }
  await card.close();
});

test("a machine that slept is a hole, not a burst", async () => {
  const { time, state, card } = setup();
  state.fails = 1;
  card.want(true);
  await settle();
  time.advance(100);
  assert.is(state.standIn, 5);
  // The clock jumps without the timers having run: VirtualTime fires what is due at its own time, so the wake-up is late.
  const late = time.now.bind(time);
  let offset = 0;
  time.now = () => late() + offset;
  offset = 3_600_000;
  time.advance(20);
  assert.ok(state.standIn <= 7, `${state.standIn}`);
  assert.ok(state.gaps >= 3_590_000 * 8, `${state.gaps}`);
  await card.close();
});

test("closing twice, and while opening", async () => {
  const { devices, card } = setup();
  card.want(true);
  const closing = card.close();
  await Promise.all([closing, card.close()]);
  assert.ok(devices.every(({ closed }) => closed));
  card.want(true);
  card.prepare();
  assert.is(devices.length, 1);
});

test.run();
