// The jitter buffer against recorded-like networks on a virtual clock, its corner cases, and random packets.

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { JitterBuffer, Pull, Put, RtpPacket, writeRtpHeaderInto } from "../../../firmware/rtp/index.js";
import { type Outcome, random, simulate } from "./jitter-simulation.js";

const ascending = (order: number[]) => order.every((index, i) => i === 0 || index > order[i - 1]);
/** Packets sent and not lost that never played, but for those still held at the end. */
const unplayed = (o: Outcome) => o.sent - o.lost - o.played - o.buffer.packets;
/** Two talkers: 2.2 s of speech, 0.8 s of pause. */
const speech = (ms: number) => ms % 3000 < 2200;
const HOUR = 3_600_000;

const clean = suite("clean network: least delay, nothing dropped or inserted");
for (const periodMs of [5, 10, 16, 20, 32, 60])
  for (const minDelayMs of [10, 20])
    for (const readerStartMs of [0.5, 7.3, 19.9])
      clean(`reader's period ${periodMs} ms, least delay ${minDelayMs} ms, reader starts at ${readerStartMs}`, () => {
        const r = random(periodMs + minDelayMs);
        const o = simulate({ durationMs: 20_000, delay: r, periodMs, readerStartMs, buffer: { minDelayMs } });
        assert.equal([o.late, o.concealed, o.skipped, o.inserted], [0, 0, 0, 0]);
        // What arrived since the reader's last period has not been put yet.
        assert.ok(unplayed(o) <= 1 + periodMs / 20, `${unplayed(o)} packets vanished`);
        assert.ok(ascending(o.order));
        // A reader that wants several frames at once adds its period, never more.
        assert.ok(o.minDelayMs <= minDelayMs + Math.max(periodMs, 20), `least ${o.minDelayMs}`);
        assert.ok(o.maxDelayMs <= minDelayMs + periodMs + 20, `most ${o.maxDelayMs}`);
      });
for (const ptimeMs of [10, 20, 30, 40, 60])
  clean(`packets of ${ptimeMs} ms`, () => {
    const o = simulate({ durationMs: 60_000, delay: random(ptimeMs), ptimeMs });
    assert.equal([o.late, o.concealed, o.skipped, o.inserted], [0, 0, 0, 0]);
    assert.ok(unplayed(o) <= 1);
    assert.ok(o.maxDelayMs <= 22, `${o.maxDelayMs}`);
  });
clean("sequence numbers and timestamps wrap", () => {
  const o = simulate({ durationMs: 60_000, delay: random(9), firstSequence: 65_530, firstTimestamp: 0xffff_fff0 });
  assert.equal([o.late, o.concealed, o.skipped, o.buffer.restarts], [0, 0, 0, 0]);
});
clean.run();

const drift = suite("clock drift over an hour");
for (const driftPpm of [100, -100])
  for (const pauses of [false, true])
    drift(`${driftPpm} ppm, ${pauses ? "speech with pauses" : "no pause ever"}`, () => {
      const speaking = pauses ? speech : undefined;
      const o = simulate({ durationMs: HOUR, delay: random(3), driftPpm, speaking });
      // 100 ppm of an hour are 360 ms: 18 frames of 20 ms, and no more than one besides.
      const corrections = driftPpm > 0 ? o.skipped : o.inserted;
      assert.ok(corrections >= 16 && corrections <= 19, `${corrections} corrections`);
      assert.is(driftPpm > 0 ? o.inserted : o.skipped, 0);
      assert.is(o.late, 0);
      assert.is(o.concealed, driftPpm > 0 ? 0 : o.inserted);
      assert.ok(o.maxDelayMs < 50, `${o.maxDelayMs}`);
    });
drift("discontinuous transmission follows the clock without cutting a word", () => {
  for (const driftPpm of [100, -100]) {
    const o = simulate({ durationMs: HOUR / 3, delay: () => 5, driftPpm, speaking: speech, dtx: true });
    assert.equal([o.late, o.skipped, o.inserted], [0, 0, 0]);
    assert.ok(o.maxDelayMs < 35);
  }
});
drift.run();

const networks = suite("networks");
networks("8 ms of jitter: nothing is late", () => {
  const r = random(5);
  const o = simulate({ durationMs: 300_000, delay: () => 5 + r() * 8, speaking: speech });
  assert.equal([o.late, o.skipped, o.concealed], [0, 0, 0]);
  assert.ok(o.maxDelayMs <= 30);
});

function wifi(seed: number): () => number {
  const r = random(seed);
  let backlog = 0;
  return () => {
    backlog = Math.max(0, backlog - 20);
    if (r() < 0.01) backlog += 40 + r() * 80;
    return 5 + backlog + r() * 6 - Math.log(1 - r()) * 3;
  };
}
networks("wireless: a hundred-millisecond stall every two seconds", () => {
  for (const seed of [1, 2, 3]) {
    const o = simulate({ durationMs: 300_000, delay: wifi(seed), speaking: speech });
    assert.ok(o.late / o.sent < 0.002, `late ${o.late} of ${o.sent}`);
    assert.ok(o.concealed / o.sent < 0.025, `concealed ${o.concealed} of ${o.sent}`);
    assert.ok(o.skipped / o.sent < 0.025, `skipped ${o.skipped} of ${o.sent}`);
    assert.ok(o.meanDelayMs < 110 && o.maxDelayMs < 245, `delay ${o.meanDelayMs} ${o.maxDelayMs}`);
    assert.ok(ascending(o.order));
  }
});
networks("loss costs the lost frames and no delay", () => {
  const r = random(7);
  const o = simulate({ durationMs: 120_000, delay: () => (r() < 0.05 ? undefined : 5 + r()) });
  assert.equal([o.late, o.skipped, o.inserted], [0, 0, 0]);
  assert.ok(Math.abs(o.concealed - o.lost) <= 1 && o.lost > 200, `${o.concealed} for ${o.lost}`);
  assert.ok(o.meanDelayMs < 25);
});
networks("bursts of 20 to 600 ms lost: concealed up to a quarter of a second, and no delay gained or lost", () => {
  for (let burst = 1; burst <= 30; burst++)
    for (const periodMs of [10, 16]) {
      const delay = (i: number) => (i % 200 >= 150 && i % 200 < 150 + burst ? undefined : 5);
      const o = simulate({ durationMs: 30_000, delay, periodMs, settleMs: 1000 });
      assert.equal([o.late, o.skipped, o.inserted], [0, 0, 0], `${burst} packets`);
      const bursts = o.lost / burst;
      const least = bursts * Math.min(burst, 12);
      assert.ok(o.concealed >= least && o.concealed <= bursts * (burst + 2), `${o.concealed} for ${o.lost}`);
      assert.ok(o.buffer.delayMs >= 5 && o.buffer.delayMs <= 36, `${o.buffer.delayMs}`);
    }
});
networks("pauses of 20 to 400 ms without packets change nothing", () => {
  for (const minDelayMs of [20, 65])
    for (let pause = 20; pause <= 400; pause += 20) {
      const speaking = (ms: number) => ms % (600 + pause) < 600;
      const o = simulate({ durationMs: 30_000, delay: () => 5, speaking, dtx: true, buffer: { minDelayMs } });
      assert.equal([o.late, o.skipped, o.inserted, o.buffer.missed], [0, 0, 0, 0], `${pause} ms`);
      assert.ok(o.maxDelayMs <= minDelayMs + 16, `${o.maxDelayMs}`);
      assert.ok(o.minDelayMs >= minDelayMs - 15, `${o.minDelayMs}`);
    }
});
networks("neighbours swapped", () => {
  // Packets 7, 17, ... come 25 ms late, after the one behind them.
  const o = simulate({ durationMs: 60_000, delay: (i) => (i % 10 === 7 ? 30 : 5), speaking: speech });
  assert.equal([o.late, o.skipped, o.concealed], [0, 0, 0]);
  assert.ok(ascending(o.order));
  assert.ok(o.maxDelayMs <= 60, `${o.maxDelayMs}`);
});
networks("the path gets 80 ms longer: no packet is lost, delay comes down again", () => {
  const o = simulate({ durationMs: 60_000, delay: (i) => (i >= 1000 ? 85 : 5), speaking: speech });
  assert.is(o.late, 0);
  assert.ok(o.inserted <= 5 && o.skipped <= 5, `${o.inserted} ${o.skipped}`);
  assert.ok(o.buffer.delayMs < 50);
});
networks("a stall beyond the greatest delay: bounded, and normal again within seconds", () => {
  const o = simulate({
    durationMs: 60_000,
    delay: (i) => (i > 1000 && i < 1050 ? 5 + (1050 - i) * 20 : 5),
    speaking: speech,
  });
  assert.ok(o.maxDelayMs <= 225, `${o.maxDelayMs}`);
  assert.ok(o.buffer.delayMs < 50);
  assert.ok(unplayed(o) <= 50);
});
networks.run();

const corners = suite("corner cases");
const wire = new Uint8Array(12 + 160);
const view = new RtpPacket();
function packet(sequence: number, timestamp: number, ssrc = 1, length = 160, marker = false): RtpPacket {
  writeRtpHeaderInto(wire, marker, 8, sequence & 0xffff, timestamp >>> 0, ssrc);
  wire[12] = sequence & 0xff;
  view.read(wire, 12 + length);
  return view;
}

corners("empty before the first packet; payload, type and marker come out", () => {
  const b = new JitterBuffer({ clockRate: 8000, minDelayMs: 20 });
  assert.is(b.get(0, true), Pull.empty);
  assert.is(b.samples, 160);
  assert.is(b.put(packet(5, 800, 1, 160, true), 100, 160), Put.stored);
  assert.is(b.get(105, false), Pull.empty);
  assert.is(b.samples, 120); // 15 ms until its turn
  assert.is(b.get(120, false), Pull.packet);
  assert.equal(
    [b.data[b.offset], b.length, b.payloadType, b.marker, b.timestamp, b.samples],
    [5, 160, 8, true, 800, 160],
  );
});
corners("duplicates, late ones, packets too big", () => {
  const b = new JitterBuffer({ clockRate: 8000, minDelayMs: 0, maxPayload: 160 });
  assert.is(b.put(packet(1, 0), 0, 160), Put.stored);
  assert.is(b.put(packet(1, 0), 1, 160), Put.duplicate);
  assert.is(b.put(packet(3, 320), 2, 160), Put.stored);
  assert.is(b.get(20, false), Pull.packet);
  assert.is(b.put(packet(1, 0), 20, 160), Put.duplicate);
  assert.is(b.get(40, false), Pull.conceal);
  assert.is(b.get(60, false), Pull.packet);
  assert.is(b.put(packet(2, 160), 61, 160), Put.late);
  assert.is(b.missed, 1);
  const small = new JitterBuffer({ clockRate: 8000, maxPayload: 100 });
  assert.is(small.put(packet(1, 0), 0, 160), Put.refused);
  assert.is(b.put(packet(9, 0), 0, 0), Put.refused);
});
corners("an older packet may still become the first", () => {
  const b = new JitterBuffer({ clockRate: 8000, minDelayMs: 20 });
  b.put(packet(0, 160), 0, 160);
  b.put(packet(-1, 0), 1, 160);
  let now = 1;
  while (b.get((now += 1), false) !== Pull.packet);
  assert.is(b.timestamp, 0);
});
corners("another SSRC, a sender's clock that jumps, and a sequence that restarts begin anew", () => {
  const b = new JitterBuffer({ clockRate: 8000, minDelayMs: 0 });
  let now = 0;
  const play = (sequence: number, timestamp: number, ssrc: number) => {
    now += 20;
    const put = b.put(packet(sequence, timestamp, ssrc), now, 160);
    let pull = b.get(now, false);
    if (pull === Pull.empty) pull = b.get(now, false);
    return put === Put.stored && pull === Pull.packet && b.timestamp === timestamp >>> 0;
  };
  assert.ok(play(1, 0, 1) && play(2, 160, 1));
  assert.ok(play(40_000, 77, 2)); // SSRC
  assert.ok(play(40_001, 237, 2));
  assert.ok(play(40_002, 0x9000_0000, 2)); // backwards
  assert.ok(play(40_003, 0x9000_00a0, 2));
  assert.ok(play(40_004, 0xa000_0000, 2)); // forwards
  assert.ok(play(40_005, 0xa000_00a0, 2));
  assert.ok(play(40_500, 0xa000_00a0 + 160 * 495, 2)); // ten seconds lost
  assert.not.ok(play(10_000, 0, 2)); // a wild number alone is not believed
  assert.ok(play(10_001, 160, 2)); // the next one is
  assert.is(b.restarts, 4);
});
corners("a stream that ends: concealed for a while, then silence", () => {
  const b = new JitterBuffer({ clockRate: 8000, minDelayMs: 0 });
  b.put(packet(1, 0), 0, 160);
  assert.is(b.get(10, false), Pull.packet);
  let concealed = 0;
  for (let now = 30; now < 2000; now += 20) if (b.get(now, false) === Pull.conceal) concealed++;
  assert.is(concealed, 12);
  assert.is(b.get(2000, false), Pull.empty);
});
corners("a telephone-event of two seconds in the stream is no loss and moves no delay", () => {
  const b = new JitterBuffer({ clockRate: 8000, minDelayMs: 20 });
  let now = 0;
  const pulls = [0, 0, 0];
  for (let i = 0; i < 200; i++, now += 20) {
    const event = i >= 50 && i < 150;
    const p = packet(i, event ? 50 * 160 : i * 160);
    if (event) b.pass(p);
    else assert.is(b.put(p, now, 160), Put.stored);
    for (let due = 160; due > 0; due -= b.samples) pulls[b.get(now + 10, false)]++;
  }
  assert.equal([b.missed, b.restarts, b.late, b.inserted, b.skipped], [0, 0, 0, 0, 0]);
  assert.ok(b.concealed <= 1 && b.played >= 98, `${b.concealed} ${b.played}`);
  assert.ok(b.delayMs >= 5 && b.delayMs <= 25, `${b.delayMs}`);
});
corners("options", () => {
  assert.throws(() => new JitterBuffer({ clockRate: 0 }), RangeError);
  assert.throws(() => new JitterBuffer({ clockRate: 8000, slots: 63 }), RangeError);
  assert.throws(() => new JitterBuffer({ clockRate: 8000, minDelayMs: 50, maxDelayMs: 40 }), RangeError);
  assert.throws(() => new JitterBuffer({ clockRate: 8000, maxPayload: 0 }), RangeError);
});
corners("any packets in any order: bounded, every call returns, frames are sane", () => {
  const step = fc.record({
    sequence: fc.oneof(fc.integer({ min: -20, max: 200 }), fc.nat(0xffff)),
    timestamp: fc.oneof(
      fc.integer({ min: -20, max: 200 }).map((n) => n * 160),
      fc.nat(0xffffffff),
    ),
    ssrc: fc.constantFrom(1, 1, 1, 1, 1, 1, 2),
    samples: fc.constantFrom(80, 160, 160, 480),
    wait: fc.constantFrom(0, 1, 20, 20, 300, 5000),
    gets: fc.nat(3),
    quiet: fc.boolean(),
    pass: fc.constantFrom(false, false, false, true),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const b = new JitterBuffer({ clockRate: 8000, slots: 16, maxPayload: 160 });
      let now = 1000;
      let stored = 0;
      for (const s of steps) {
        now += s.wait;
        if (s.pass) b.pass(packet(s.sequence, s.timestamp, s.ssrc));
        else if (b.put(packet(s.sequence, s.timestamp, s.ssrc), now, s.samples) === Put.stored) stored++;
        for (let i = 0; i < s.gets; i++) {
          const pull = b.get(now, s.quiet);
          assert.ok(Number.isInteger(b.samples) && b.samples > 0 && b.samples <= 480, `samples ${b.samples}`);
          if (pull === Pull.packet) assert.ok(b.offset >= 0 && b.offset + b.length <= b.data.length);
          now += 10;
        }
        assert.ok(b.packets >= 0 && b.packets <= 16);
      }
      assert.ok(b.played + b.skipped + b.packets <= stored);
    }),
    { numRuns: 2000 },
  );
});
corners.run();
