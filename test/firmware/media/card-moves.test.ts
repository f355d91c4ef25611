// Sound that moves to another card while it runs: periods go on, the old card is closed before the new one is opened, and back.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AudioDevice, AudioEvents, OpenAudio } from "../../../drivers/contract.js";
import { Card } from "../../../firmware/media/card.js";
import { resolveOptions } from "../../../firmware/media/options.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

function rig() {
  const time = new VirtualTime();
  const said: string[] = [];
  /** What drives the card that runs now. */
  const running = new Map<string, (captured: Int16Array, play: Int16Array) => void>();
  const events = new Map<string, AudioEvents>();
  const gate = new Map<string, Promise<void>>();
  const opener =
    (name: string, rate: number, fails = false): OpenAudio =>
    async () => {
      said.push(`open ${name}`);
      await gate.get(name);
      if (fails) throw new Error(`${name} is not there`);
      const device: AudioDevice = {
        rate,
        periodFrames: rate / 100,
        start: (onPeriod, told) => {
          running.set(name, onPeriod);
          events.set(name, told);
        },
        stop: () => void running.delete(name),
        delayFrames: () => ({ capture: 0, playback: 0 }),
        close: async () => {
          running.delete(name);
          said.push(`close ${name}`);
        },
      };
      return device;
    };
  const own = opener("own", 8000);
  let periods = 0;
  const card = new Card(
    own,
    resolveOptions({
      localAddress: "127.0.0.1",
      ports: { min: 40_000, max: 40_100 },
      audio: { rate: 8000, periodFrames: 80, periods: 4 },
    }),
    time,
    time,
    {
      opened: (rate) => said.push(`rate ${rate}`),
      period: () => periods++,
      gap: () => {},
      device: (type, text) => said.push(`${type} ${text}`),
    },
  );
  const pass = async (ms: number) => {
    for (let i = 0; i < ms; i += 10) {
      time.advance(10);
      for (const [name, onPeriod] of running)
        onPeriod(new Int16Array(name === "headset" ? 160 : 80), new Int16Array(160));
      await settle();
    }
  };
  return { time, said, running, events, gate, opener, own, card, pass, periods: () => periods };
}

test("to a headset with another rate and back: never a pause longer than the stand-in's period", async () => {
  const one = rig();
  one.card.want(true);
  await one.pass(100);
  for (const [open, name] of [
    [one.opener("headset", 16_000), "headset"],
    [one.own, "own"],
  ] as const) {
    one.said.length = 0;
    let release = () => {};
    one.gate.set(
      name,
      new Promise<void>((resolve) => {
        release = resolve;
      }),
    );
    const before = one.periods();
    one.card.use(open);
    await one.pass(400);
    assert.ok(one.periods() - before >= 18, `${one.periods() - before} periods while ${name} opens`);
    release();
    await one.pass(200);
    assert.equal([...one.running.keys()], [name]);
    assert.equal(one.said, [
      "rate 8000",
      `close ${name === "own" ? "headset" : "own"}`,
      `open ${name}`,
      `rate ${name === "own" ? 8000 : 16_000}`,
    ]);
  }
  await one.card.close();
  assert.is(one.time.active, 0);
});

test("moving on while the first move is still opening: only the last card stays open", async () => {
  const one = rig();
  one.card.want(true);
  await one.pass(50);
  let release = () => {};
  one.gate.set(
    "slow",
    new Promise<void>((resolve) => {
      release = resolve;
    }),
  );
  one.card.use(one.opener("slow", 16_000));
  await one.pass(50);
  one.card.use(one.own);
  await one.pass(50);
  release();
  await one.pass(100);
  assert.equal([...one.running.keys()], ["own"]);
  assert.equal(
    one.said.filter((word) => /slow/.test(word)),
    ["open slow", "close slow"],
  );
  await one.card.close();
  assert.is(one.time.active, 0);
});

test("while nobody wants sound nothing is opened; the next call uses the new card", async () => {
  const one = rig();
  one.card.use(one.opener("headset", 16_000));
  await one.pass(100);
  assert.equal(one.said, []);
  one.card.want(true);
  await one.pass(100);
  assert.equal([...one.running.keys()], ["headset"]);
  await one.card.close();
});

test("a card that is not there is told, and the call goes on in silence until the sound moves back", async () => {
  const one = rig();
  one.card.want(true);
  await one.pass(50);
  one.card.use(one.opener("headset", 16_000, true));
  const before = one.periods();
  await one.pass(300);
  assert.ok(one.said.includes("lost headset is not there"), one.said.join());
  assert.ok(one.periods() - before >= 13);
  one.card.use(one.own);
  await one.pass(100);
  assert.equal([...one.running.keys()], ["own"]);
  await one.card.close();
  assert.is(one.time.active, 0);
});

test.run();
