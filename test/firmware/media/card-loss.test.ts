// The sound card vanishes during a call, over-runs, runs at other rates: calls live on.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readWav } from "../../../firmware/audio/index.js";
import {
  closeAll,
  compare,
  connect,
  hangUp,
  level,
  Phone,
  pair,
  pause,
  recorded,
  spoken,
  time,
  toward,
  until,
} from "./phones.js";
import { RawPeer, readRtp } from "./raw-peer.js";

const test = suite("card loss");

test("unplugged: silent packets go on in their time; plugged in again: voice", async () => {
  const [phone, peer] = [new Phone("unplug", { seconds: 20 }), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer));
  await until(
    "voice from the card",
    () =>
      peer.rtp
        .at(-1)
        ?.data.subarray(12)
        .some((word) => word !== 0xff) ?? false,
  );
  phone.card!.unplug("pulled");
  await pause(60);
  peer.rtp.length = 0;
  await until("silent packets", () => peer.rtp.length >= 12);
  const silent = peer.rtp.map(({ data }) => readRtp(data));
  for (let i = 1; i < silent.length; i++) {
    assert.is(silent[i].sequence, (silent[i - 1].sequence + 1) & 0xffff);
    assert.is((silent[i].timestamp - silent[i - 1].timestamp) >>> 0, 160);
    assert.ok(silent[i].data.subarray(12).every((word) => word === 0xff));
  }
  assert.equal(phone.device, ["lost: pulled"]);
  phone.card!.replug();
  await until("voice again", () =>
    peer.rtp
      .at(-1)!
      .data.subarray(12)
      .some((word) => word !== 0xff),
  );
  assert.equal(phone.device, ["lost: pulled", "back: the sound card is back"]);
  assert.is(phone.opened, 1);
  await hangUp(phone);
  peer.close();
});

test("a busy machine: the over-run is counted, and the timestamps keep to the clock", async () => {
  const [phone, peer] = [new Phone("stall", { seconds: 20 }), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer));
  await until(
    "voice from the card",
    () =>
      peer.rtp
        .at(-1)
        ?.data.subarray(12)
        .some((word) => word !== 0xff) ?? false,
  );
  const before = readRtp(peer.rtp.at(-1)!.data);
  const beforeMs = time.now();
  // For less than 200 ms the card is waited for, for more a stand-in keeps time.
  for (const stallMs of [175, 200, 256, 1000, 230, 190]) {
    phone.card!.stall(stallMs);
    await pause(stallMs + 105);
    const after = readRtp(peer.rtp.at(-1)!.data);
    const ticks = (after.timestamp - before.timestamp) >>> 0;
    const passed = (time.now() - beforeMs) * 8;
    assert.ok(Math.abs(ticks - passed) <= 40 * 8, `${ticks} ticks in ${passed}, ${stallMs} ms stalled`);
  }
  assert.ok(
    peer.rtp.some(({ data }, i) => i > 0 && readRtp(data).marker),
    "the hole is a new talkspurt",
  );
  assert.ok((await phone.stream.statistics()).xruns >= 1);
  assert.ok(phone.device.some((text) => text.startsWith("xrun: capture lost")));
  await hangUp(phone);
  peer.close();
});

for (const [cardRate, cardPeriodFrames, maxLossPct] of [
  [48_000, 480, 2],
  // Its periods of 23.2 ms let packets of 20 ms out unevenly: the other end's buffer learns that, and the first frames pay for it.
  [44_100, 1024, 5],
  [16_000, 320, 2],
] as const)
  test(`a card at ${cardRate} Hz with ${cardPeriodFrames} frames a period`, async () => {
    const sound = { cardRate, cardPeriodFrames };
    const name = `rate-${cardRate}`;
    const [a, b] = [new Phone(`${name}-a`, { sound }), new Phone(`${name}-bb`)];
    await pair(a, b);
    connect(a, b, { security: "srtp" });
    await spoken(a, b);
    await hangUp(a, b);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ]) {
      const judged = compare(from, to, { maxLossPct });
      assert.ok(judged.understood, judged.reasons.join("; "));
      assert.ok(judged.snrDb! > 20, `SNR ${judged.snrDb} dB`);
    }
  });

test("tones without a call: the card runs while one sounds; the volume is obeyed", async () => {
  const phone = new Phone("tones", { voice: { stopAfterMs: 50 } });
  phone.voice.tone("busy");
  await phone.carded();
  await pause(400);
  phone.voice.volume(0);
  await pause(300);
  phone.voice.tone(undefined);
  await pause(100);
  await hangUp(phone);
  const pcm = recorded(phone);
  const loud = level(pcm.subarray(0, 8000 * 0.3));
  assert.ok(loud > 1000, `${loud}`);
  assert.ok(level(pcm.subarray(8000 * 0.6)) < loud / 20);
});

test("a single click ends by itself and lets the card stop", async () => {
  const phone = new Phone("click", { voice: { stopAfterMs: 0, closeAfterMs: 0 } });
  phone.voice.tone("key");
  await phone.carded();
  await pause(300);
  const length = () => {
    const read = readWav(readFileSync(phone.heardWav));
    return read.ok ? read.value.samples.length : 0;
  };
  await until("the recording's end", () => length() > 0);
  const end = length();
  await pause(100);
  assert.is(length(), end, "nothing more is played");
  await hangUp(phone);
  assert.ok(level(recorded(phone)) > 0, "however long the card took to open, the click was heard");
});

test("a call waits beside a tone: both are heard", async () => {
  const [a, b] = [new Phone("wait-a"), new Phone("wait-bb")];
  await pair(a, b);
  connect(a, b);
  b.voice.tone("ringback");
  await until("voice", async () => (await b.stream.statistics()).packetsReceived > 40);
  await hangUp(a, b);
  const pcm = recorded(b);
  const w = (2 * Math.PI * 425) / 8000;
  let [s1, s2] = [0, 0];
  const part = pcm.subarray(1600, 6400);
  for (const sample of part) [s2, s1] = [s1, sample + 2 * Math.cos(w) * s1 - s2];
  const tone = Math.sqrt(s1 * s1 + s2 * s2 - 2 * Math.cos(w) * s1 * s2) / part.length;
  assert.ok(tone > 1500, `425 Hz at ${tone}`);
  assert.ok(level(part) > tone, "and the voice");
});

test.after(closeAll);
test.run();
