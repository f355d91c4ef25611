// node-alsa's PCM over ALSA itself, on cards whose time and troubles the test decides.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AlsaError, Pcm, probe } from "../../../drivers/node-alsa/index.js";
import { haveAlsa, VirtualCard } from "../audio/virtual-card/virtual-card.js";

const pcms = suite("PCM");
const wish = { rate: 8000, periodFrames: 80, periods: 3 };

function thrown(action: () => unknown): AlsaError {
  try {
    action();
  } catch (error) {
    return error as AlsaError;
  }
  throw new Error("nothing was thrown");
}

/** Both directions of a card, running: what was captured, and what playback is given counts from 1. */
function run(card: VirtualCard, more: object = {}) {
  const pcm = Pcm.open({ ...wish, capture: card.name, playback: card.name, ...more });
  const captured = new Int16Array(80);
  const play = new Int16Array(80);
  const heard: number[] = [];
  const told: string[] = [];
  let next = 1;
  pcm.start(captured, play, {
    period() {
      heard.push(...captured);
      for (let i = 0; i < play.length; i++) play[i] = next++;
      return 80;
    },
    xrun: (direction) => void told.push(`xrun ${direction}`),
    suspended: () => void told.push("suspended"),
    gone: (error) => void told.push(`gone ${error.code}`),
  });
  return { pcm, heard, told, captured, play };
}

if (await haveAlsa()) {
  pcms("every captured sample is delivered once, every played one is heard once", async () => {
    const card = new VirtualCard();
    const { pcm, heard, told } = run(card);
    await card.pass(2000);
    pcm.close();
    assert.is(heard.length, 16_000);
    for (let i = 0; i < heard.length; i++) assert.is(heard[i], i & 0x7fff);
    // Two periods of silence go before the first that was handed over.
    const played = card.samples(0, 8000);
    for (let i = 0; i < 8000; i++) assert.is(played[i], i < 160 ? 0 : i - 159, `at ${i}`);
    assert.equal(told, []);
  });

  pcms("short reads and short writes lose nothing", async () => {
    const card = new VirtualCard();
    const { pcm, heard, told } = run(card);
    await card.pass(100);
    card.set("mostRead", 37);
    card.set("mostWritten", 50);
    await card.pass(1000);
    card.set("mostRead", 0);
    card.set("mostWritten", 0);
    await card.pass(100);
    const { shortReads, shortWrites, droppedFrames } = pcm.counters();
    pcm.close();
    assert.ok(shortReads > 50 && shortWrites > 50, `${shortReads} ${shortWrites}`);
    assert.is(droppedFrames, 0);
    assert.equal(told, []);
    for (let i = 0; i < heard.length; i++) assert.is(heard[i], i & 0x7fff);
    const played = card.samples(0, 8000);
    for (let i = 160; i < 8000; i++) assert.is(played[i], i - 159, `at ${i}`);
  });

  pcms("playback on a slower crystal fills up: what finds no room is dropped and counted, memory stays", async () => {
    const card = new VirtualCard();
    card.set("playbackPpm", -20_000);
    const { pcm, told } = run(card);
    await card.pass(5000);
    const { droppedFrames, shortWrites } = pcm.counters();
    pcm.close();
    assert.ok(droppedFrames > 100 && shortWrites > 0, `${droppedFrames}`);
    assert.equal(told, []);
  });

  pcms("playback on a faster crystal runs dry: told, and both run again", async () => {
    const card = new VirtualCard();
    card.set("playbackPpm", 20_000);
    const { pcm, told } = run(card);
    await card.pass(5000);
    const { playbackXruns } = pcm.counters();
    pcm.close();
    assert.ok(playbackXruns >= 3, `${playbackXruns}`);
    assert.ok(
      told.every((text) => text === "xrun playback"),
      told.join(),
    );
    assert.is(told.length, playbackXruns);
  });

  pcms("a machine that slept: running again at once, counted, and what was missed is told", async () => {
    const card = new VirtualCard();
    const { pcm, heard, told } = run(card);
    await card.pass(100);
    card.set("suspend", 1);
    await card.pass(10);
    const before = heard.length;
    await card.pass(100);
    assert.ok(heard.length >= before + 720, `${heard.length - before}`);
    assert.is(pcm.counters().suspends, 1);
    assert.equal(told, ["xrun capture"]);
    pcm.close();
  });

  pcms("unplugged: told once, stopped, and closing is still allowed", async () => {
    const card = new VirtualCard();
    const { pcm, heard, told } = run(card);
    await card.pass(100);
    card.set("unplugged", 1);
    await card.pass(100);
    assert.equal(told, ["gone ENODEV"]);
    const before = heard.length;
    card.set("unplugged", 0);
    await card.pass(100);
    assert.is(heard.length, before);
    pcm.close();
    pcm.close();
  });

  pcms(
    "descriptors in error behind which the card says nothing is wrong: no thread spins, and it is gone in the end",
    async () => {
      const card = new VirtualCard();
      card.set("broken", 1);
      const { pcm, told } = run(card);
      for (let i = 0; i < 400 && told.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 25));
      assert.equal(told, ["gone EIO"]);
      assert.ok(pcm.counters().wakeups <= 500, `${pcm.counters().wakeups}`);
      pcm.close();
    },
  );

  pcms("both directions start in step", async () => {
    const card = new VirtualCard();
    const { pcm } = run(card);
    await card.pass(50);
    const [capture, playback] = card.startedUs;
    pcm.close();
    // Not linked: playback sets off with the first captured period, one period later.
    assert.is(playback - capture, 10_000);
  });

  pcms("stereo, capture alone, playback alone", async () => {
    const stereo = new VirtualCard();
    stereo.set("leastChannels", 2);
    const both = Pcm.open({ ...wish, capture: stereo.name, playback: stereo.name });
    assert.is(both.capture!.channels, 2);
    assert.throws(() => both.start(new Int16Array(80), new Int16Array(160), { period: () => 0 }), /hold a period/);
    const captured = new Int16Array(160);
    both.start(captured, new Int16Array(160), { period: () => 80 });
    await stereo.pass(15);
    assert.equal([...captured.subarray(0, 4)], [0, 1000, 1, 1001]);
    both.close();

    const card = new VirtualCard();
    let calls = 0;
    const capture = Pcm.open({ ...wish, capture: card.name });
    assert.is(capture.playback, undefined);
    capture.start(new Int16Array(80), undefined, { period: () => ++calls });
    await card.pass(105);
    assert.is(calls, 10);
    capture.close();
    const playback = Pcm.open({ ...wish, playback: card.name });
    calls = 0;
    const play = new Int16Array(80);
    playback.start(undefined, play, {
      period() {
        play.fill(++calls);
        return 80;
      },
    });
    await card.pass(105);
    assert.ok(calls >= 10 && calls <= 12, `${calls}`);
    playback.close();
  });

  pcms("the delay is what the card holds, in frames and ms; positions carry the machine's time", async () => {
    const card = new VirtualCard();
    const { pcm } = run(card);
    await card.pass(105);
    const { captureFrames, captureMs, playbackFrames, playbackMs } = pcm.delay();
    assert.is(captureFrames, 40);
    assert.is(captureMs, 5);
    assert.is(playbackFrames, 200);
    assert.is(playbackMs, 25);
    assert.ok(pcm.timestamps().captureAtMs > 0);
    pcm.close();
    assert.is(pcm.delay().playbackFrames, 0);
  });

  pcms("no such device; busy; rates and channels the card has not: each says so", () => {
    const card = new VirtualCard();
    const missing = thrown(() => Pcm.open({ ...wish, capture: "hw:7,3" }));
    assert.ok(missing instanceof AlsaError);
    assert.match(missing.message, /no such device: capture device "hw:7,3"; there is/);
    assert.is(missing.device, "hw:7,3");
    assert.match(thrown(() => Pcm.open({ ...wish, playback: "nonsense" })).message, /no such device: playback device/);
    card.set("openError", 16);
    const busy = thrown(() => Pcm.open({ ...wish, playback: card.name }));
    assert.is(busy.code, "EBUSY");
    assert.match(busy.message, /busy: playback device "virtual\d+" is held by/);
    card.set("openError", 13);
    assert.match(thrown(() => Pcm.open({ ...wish, playback: card.name })).message, /group "audio"/);
    card.set("openError", 0);
    card.set("leastRate", 44_100);
    assert.match(
      thrown(() => Pcm.open({ ...wish, playback: card.name })).message,
      /rate 8000 not supported by playback device "virtual\d+"; card offers 44100, 48000/,
    );
    const other = Pcm.open({ ...wish, rate: [8000, 16_000, 48_000], capture: card.name, playback: card.name });
    assert.is(other.capture!.rate, 48_000);
    assert.is(other.capture!.periodFrames, 480);
    other.close();
    card.set("leastChannels", 4);
    card.set("mostChannels", 6);
    assert.match(
      thrown(() => Pcm.open({ ...wish, capture: card.name })).message,
      /1 channels not supported.*offers 4 to 6/,
    );
    assert.equal(probe(card.name, "playback").rates, [44_100, 48_000]);
    assert.equal(probe(card.name, "playback").channels, [4, 6]);
    assert.match(thrown(() => probe("hw:9", "capture")).message, /no such device/);
  });

  pcms("the null device has no clock to wait for", () => {
    const pcm = Pcm.open({ ...wish, capture: "null", playback: "null" });
    assert.throws(() => pcm.start(new Int16Array(4096), new Int16Array(4096), { period: () => 0 }), /no clock/);
    pcm.close();
  });

  pcms("misuse throws where it happens", () => {
    const card = new VirtualCard();
    assert.throws(() => Pcm.open({ ...wish }), /capture or a playback/);
    assert.throws(() => Pcm.open({ ...wish, capture: card.name, rate: 0 }), RangeError);
    assert.throws(() => Pcm.open({ ...wish, capture: card.name, rate: [] }), RangeError);
    assert.throws(() => Pcm.open({ ...wish, capture: card.name, periods: 1 }), /periods must be/);
    assert.throws(() => Pcm.open({ ...wish, capture: card.name, captureChannels: 3 as 1 }), /captureChannels/);
    const pcm = Pcm.open({ ...wish, capture: card.name });
    assert.throws(() => pcm.start(new Float32Array(80) as never, undefined, { period: () => 0 }), /Int16Array/);
    pcm.start(new Int16Array(80), undefined, { period: () => 0 });
    assert.throws(() => pcm.start(new Int16Array(80), undefined, { period: () => 0 }), /started already/);
    pcm.close();
    assert.throws(() => pcm.start(new Int16Array(80), undefined, { period: () => 0 }), /closed/);
    pcm.stop();
  });

  pcms("an array that was given away under the card: told, not crashed", async () => {
    const card = new VirtualCard();
    const { pcm, told, captured } = run(card);
    await card.pass(50);
    structuredClone(captured, { transfer: [captured.buffer as ArrayBuffer] });
    await card.pass(50);
    assert.equal(told, ["gone EINVAL"]);
    pcm.close();
  });

  pcms("stopped and started from inside a period", async () => {
    const card = new VirtualCard();
    const pcm = Pcm.open({ ...wish, capture: card.name, playback: card.name });
    let calls = 0;
    const start = () =>
      pcm.start(new Int16Array(80), new Int16Array(80), {
        period() {
          if (++calls % 3 === 0) {
            pcm.stop();
            start();
          }
          return 80;
        },
      });
    start();
    await card.pass(500);
    assert.ok(calls > 40, `${calls}`);
    pcm.close();
  });
}

pcms.run();
