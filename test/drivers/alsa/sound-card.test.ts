// The ALSA sound card: other rates, stereo, two crystals, another card that comes back.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { AlsaSoundCard } from "../../../drivers/alsa/index.js";
import { ratesFor } from "../../../drivers/alsa/options.js";
import { collector } from "../audio/implementations.js";
import { haveAlsa, VirtualCard } from "../audio/virtual-card/virtual-card.js";

const wish = { rate: 8000, periodFrames: 80, periods: 4 };

test("rates: the wanted one, then its multiples, then what divides into it, then the rest", () => {
  assert.equal(ratesFor(8000).slice(0, 7), [8000, 16_000, 48_000, 32_000, 24_000, 96_000, 192_000]);
  assert.equal(ratesFor(16_000).slice(0, 5), [16_000, 48_000, 32_000, 96_000, 192_000]);
  assert.is(new Set(ratesFor(48_000)).size, ratesFor(48_000).length);
  assert.ok(ratesFor(12_345).length <= 16);
});

/** What is left of a sound when the best-fitting sine of a frequency is taken out, dB of the whole. */
function distortionDb(samples: Int16Array, hz: number, rate: number): number {
  let [ss, cc, sc, sx, cx, total] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < samples.length; i++) {
    const [sin, cos] = [Math.sin((2 * Math.PI * hz * i) / rate), Math.cos((2 * Math.PI * hz * i) / rate)];
    ss += sin * sin;
    cc += cos * cos;
    sc += sin * cos;
    sx += sin * samples[i];
    cx += cos * samples[i];
    total += samples[i] ** 2;
  }
  const determinant = ss * cc - sc * sc;
  const fitted = (sx * (sx * cc - cx * sc) + cx * (cx * ss - sx * sc)) / determinant;
  return 10 * Math.log10(Math.max(1e-12, (total - fitted) / total));
}

if (await haveAlsa()) {
  const open = (card: VirtualCard, options: object) =>
    AlsaSoundCard.open({ ...wish, reopenMs: 10, ...options }, { clock: card.time, timers: card.time });

  test("a card of 48 kHz stereo: the firmware is given what it is, in mono", async () => {
    const card = new VirtualCard();
    card.set("leastRate", 44_100);
    card.set("leastChannels", 2);
    const device = await open(card, { device: card.name, captureChannel: "right" });
    assert.is(device.rate, 48_000);
    assert.is(device.periodFrames, 480);
    let first: number[] = [];
    device.start((captured, play) => {
      first = first.length ? first : [...captured.subarray(0, 2)];
      play.fill(7);
    }, collector());
    await card.pass(100);
    await device.close();
    assert.equal(first, [1000, 1001]);
    assert.is(card.samples(card.played - 1, card.played)[0], 7);
    assert.is(device.driftPpm, undefined);
  });

  for (const ppm of [500, -500])
    test(`two cards, playback's crystal ${ppm} ppm faster: no xrun in 2 minutes, the difference is known, the tone is clean`, async () => {
      const speaker = new VirtualCard();
      const microphone = new VirtualCard([speaker]);
      speaker.set("playbackPpm", ppm);
      const device = await open(microphone, { capture: microphone.name, playback: speaker.name });
      const events = collector();
      let n = 0;
      let level = 0;
      device.start((_captured, play) => {
        for (let i = 0; i < play.length; i++) play[i] = 10_000 * Math.sin((2 * Math.PI * 440 * n++) / 8000);
        level = device.delayFrames().playback;
      }, events);
      await microphone.pass(30_000);
      const early = level;
      await microphone.pass(90_000);
      const late = level;
      const drift = device.driftPpm!;
      await device.close();
      assert.equal(events.told, []);
      assert.ok(Math.abs(drift - ppm) < 15, `measured ${drift.toFixed(1)} ppm`);
      // Two minutes of 500 ppm are 480 frames: more than the whole buffer.
      assert.ok(Math.abs(late - early) <= 40, `${early} ${late}`);
      // A tenth of a second at a time: over a longer one the pitch, which follows, moves by a few ppm.
      const heard = speaker.samples(speaker.played - 8000, speaker.played);
      const noise = Math.max(
        ...Array.from({ length: 10 }, (_, i) =>
          distortionDb(heard.subarray(800 * i, 800 * (i + 1)), 440 / (1 + ppm * 1e-6), 8000),
        ),
      );
      assert.ok(noise < -65, `${noise.toFixed(1)} dB`);
    });

  test("one clock by configuration: samples are left as they are", async () => {
    const speaker = new VirtualCard();
    const microphone = new VirtualCard([speaker]);
    const device = await open(microphone, { capture: microphone.name, playback: speaker.name, oneClock: true });
    let n = 0;
    device.start((_captured, play) => {
      for (let i = 0; i < play.length; i++) play[i] = ++n & 0x7fff;
    }, collector());
    await microphone.pass(1000);
    await device.close();
    const heard = speaker.samples(240, 4000);
    for (let i = 0; i < heard.length; i++) assert.is(heard[i], i + 1);
  });

  test("a card with another rate comes back: rate and period are the new card's", async () => {
    const card = new VirtualCard();
    const device = await open(card, { device: card.name });
    const events = collector();
    const lengths = new Set<number>();
    device.start((captured) => lengths.add(captured.length), events);
    await card.pass(100);
    card.set("unplugged", 1);
    await card.pass(100);
    card.set("leastRate", 48_000);
    card.set("unplugged", 0);
    await card.pass(100);
    assert.equal(events.told, ["lost", "back"]);
    assert.is(device.rate, 48_000);
    assert.equal([...lengths], [80, 480]);
    assert.ok(device.counters()!.periods > 5);
    await device.close();
    assert.is(device.counters(), undefined);
  });

  test("a card that is not there: opening says which", async () => {
    const card = new VirtualCard();
    try {
      await open(card, { device: "hw:8" });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, /no such device: capture device "hw:8"/);
    }
  });
}

test.run();
