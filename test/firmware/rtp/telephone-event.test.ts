// telephone-event: the "911" of RFC 4733 section 5, long events, loss and repetition, random payloads.

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  digitOfEvent,
  eventOfDigit,
  TelephoneEventReceiver,
  TelephoneEventSender,
} from "../../../firmware/rtp/index.js";

type Sent = [atMs: number, marker: boolean, timestamp: number, event: number, duration: number, end: boolean];

/** Runs a sender over packet times of `step` ticks, one packet time being `ms`; reports are due at the end of each. */
function run(sender: TelephoneEventSender, packets: number, step: number, ms: number, from = 0): Sent[] {
  const sent: Sent[] = [];
  for (let i = 0; i < packets; i++) {
    const count = sender.next(from + i * step, step);
    for (let k = 0; k < count; k++) {
      sender.select(k);
      const [event, flags, high, low] = sender.payload;
      sent.push([(i + 1) * ms, sender.marker, sender.timestamp, event, (high << 8) | low, (flags & 0x80) !== 0]);
    }
  }
  return sent;
}

const test = suite("telephone-event");

test("digits", () => {
  assert.equal(
    [..."0123456789*#ABCD"].map((digit) => eventOfDigit(digit)),
    Array.from({ length: 16 }, (_, i) => i),
  );
  assert.is(eventOfDigit("d"), 15);
  assert.equal([eventOfDigit("E"), eventOfDigit(""), eventOfDigit("12")], [undefined, undefined, undefined]);
  assert.equal([digitOfEvent(10), digitOfEvent(11), digitOfEvent(16)], ["*", "#", undefined]);
});

test("RFC 4733 section 5 table 5: the first digit of 911", () => {
  const sender = new TelephoneEventSender();
  sender.send(9, 1600);
  // The table defers the E bit to the repetitions; with a length known beforehand it is set at once (section 2.5.1.2 allows both).
  assert.equal(run(sender, 10, 400, 50), [
    [50, true, 0, 9, 400, false],
    [100, false, 0, 9, 800, false],
    [150, false, 0, 9, 1200, false],
    [200, false, 0, 9, 1600, true],
    [250, false, 0, 9, 1600, true],
    [300, false, 0, 9, 1600, true],
  ]);
  assert.not.ok(sender.active);
});

test("payload bytes as a captured packet has them", () => {
  // Payload of an end packet seen from another implementation: event 1, E, volume 10, duration 960.
  const sender = new TelephoneEventSender(10);
  sender.send(1, 960);
  for (let i = 0; i < 6; i++) sender.next(i * 160, 160);
  sender.select(0);
  assert.is(Buffer.from(sender.payload).toString("hex"), "018a03c0");
});

test("a length that is no multiple of the packet time; a pause between digits", () => {
  const sender = new TelephoneEventSender(10, 400);
  sender.send(1, 250);
  sender.send(2, 160);
  const sent = run(sender, 12, 160, 20, 1000);
  assert.equal(
    sent.map(([, marker, timestamp, event, duration, end]) => [marker, timestamp, event, duration, end]),
    [
      [true, 1000, 1, 160, false],
      [false, 1000, 1, 250, true],
      [false, 1000, 1, 250, true],
      [false, 1000, 1, 250, true],
      [true, 1000 + 7 * 160, 2, 160, true],
      [false, 1000 + 7 * 160, 2, 160, true],
      [false, 1000 + 7 * 160, 2, 160, true],
    ],
  );
});

test("stop ends the running event; the queue is bounded", () => {
  const sender = new TelephoneEventSender();
  for (let i = 0; i < 32; i++) assert.ok(sender.send(1, 8000));
  assert.not.ok(sender.send(1, 8000));
  run(sender, 3, 160, 20);
  sender.stop();
  const rest = run(sender, 20, 160, 20, 480);
  assert.equal(
    rest.map(([, , , , duration, end]) => [duration, end]),
    [
      [480, true],
      [480, true],
      [480, true],
    ],
  );
  assert.throws(() => sender.send(256, 1), RangeError);
  assert.throws(() => sender.send(1, 0), RangeError);
});

test("segments of an event longer than 0xFFFF ticks (section 2.5.1.3)", () => {
  const sender = new TelephoneEventSender();
  sender.send(5, 140_000); // 17.5 s at 8 kHz: 65535 + 65535 + 8930
  const sent = run(sender, 900, 160, 20, 0xffff_fff0);
  assert.is(sent.filter(([, marker]) => marker).length, 1);
  const starts = [...new Set(sent.map(([, , timestamp]) => timestamp))];
  assert.equal(starts, [0xffff_fff0, 0xffef, 0x1ffee]);
  const finals = (timestamp: number, duration: number) =>
    sent.filter((packet) => packet[2] === timestamp && packet[4] === duration).map((packet) => packet[5]);
  assert.equal(finals(0xffff_fff0, 0xffff), [false, false, false]);
  assert.equal(finals(0xffef, 0xffff), [false, false, false]);
  assert.equal(finals(0x1ffee, 8930), [true, true, true]);
  assert.ok(sent.every(([, , , , duration]) => duration > 0 && duration <= 0xffff));
});

class Log {
  readonly lines: string[] = [];
  began(event: number): void {
    this.lines.push(`began ${event}`);
  }
  ended(event: number, ticks: number, complete: boolean): void {
    this.lines.push(`ended ${event} ${ticks}${complete ? "" : " incomplete"}`);
  }
}
function deliver(receiver: TelephoneEventReceiver, sent: Sent): void {
  const [at, , timestamp, event, duration, end] = sent;
  receiver.receive(timestamp, Uint8Array.of(0, event, end ? 0x8a : 0x0a, duration >> 8, duration), 1, 4, at);
}

test("receiver: one beginning and one end, through every single loss and every pair of losses", () => {
  const packets = (() => {
    const sender = new TelephoneEventSender();
    sender.send(9, 1600);
    sender.send(1, 2000);
    return run(sender, 30, 400, 50);
  })();
  const all = ["began 9", "ended 9 1600", "began 1", "ended 1 2000"];
  for (let a = -1; a < packets.length; a++)
    for (let b = a; b < packets.length; b++) {
      const log = new Log();
      const receiver = new TelephoneEventReceiver(log);
      for (const [i, packet] of packets.entries()) if (i !== a && i !== b) deliver(receiver, packet);
      assert.equal(log.lines, all, `without ${a} and ${b}`);
    }
});

test("receiver: repeated and reordered packets change nothing", () => {
  const sender = new TelephoneEventSender();
  sender.send(3, 800);
  const packets = run(sender, 10, 160, 20);
  const log = new Log();
  const receiver = new TelephoneEventReceiver(log);
  for (const i of [1, 0, 0, 3, 2, 6, 4, 5, 6, 0]) deliver(receiver, packets[i]);
  assert.equal(log.lines, ["began 3", "ended 3 800"]);
});

test("receiver: all end packets lost", () => {
  const log = new Log();
  const receiver = new TelephoneEventReceiver(log);
  receiver.receive(0, Uint8Array.of(7, 10, 0, 160), 0, 4, 0);
  receiver.receive(0, Uint8Array.of(7, 10, 1, 64), 0, 4, 20);
  receiver.poll(160);
  assert.ok(receiver.active);
  receiver.poll(171);
  assert.not.ok(receiver.active);
  // Its reports go on after a hole: already told (section 2.5.2.2).
  receiver.receive(0, Uint8Array.of(7, 0x8a, 6, 64), 0, 4, 300);
  assert.equal(log.lines, ["began 7", "ended 7 320 incomplete"]);
  // The next digit ends one whose end got lost at once.
  receiver.receive(8000, Uint8Array.of(1, 10, 0, 160), 0, 4, 1000);
  receiver.receive(9000, Uint8Array.of(2, 10, 0, 160), 0, 4, 1020);
  receiver.reset();
  assert.equal(log.lines.slice(2), ["began 1", "ended 1 160 incomplete", "began 2", "ended 2 160 incomplete"]);
});

test("receiver: a long event has the sum of its segments, with and without their ends", () => {
  const sender = new TelephoneEventSender();
  sender.send(5, 140_000);
  const sent = run(sender, 900, 160, 20, 0xffff_fff0);
  for (const keep of [() => true, (packet: Sent) => packet[4] !== 0xffff]) {
    const log = new Log();
    const receiver = new TelephoneEventReceiver(log);
    for (const packet of sent.filter(keep)) deliver(receiver, packet);
    assert.equal(log.lines, ["began 5", "ended 5 140000"]);
  }
});

test("receiver: several events in one packet (section 2.5.1.5), zero durations, wrong lengths", () => {
  const log = new Log();
  const receiver = new TelephoneEventReceiver(log);
  receiver.receive(100, Uint8Array.of(1, 0x8a, 1, 144, 2, 0x8a, 1, 144), 0, 8, 0);
  assert.equal(log.lines, ["began 1", "ended 1 400", "began 2", "ended 2 400"]);
  receiver.receive(5000, Uint8Array.of(3, 10, 0, 0), 0, 4, 0);
  receiver.receive(5000, new Uint8Array(0), 0, 0, 0);
  receiver.receive(5000, Uint8Array.of(3, 10, 0, 1, 9), 0, 5, 0);
  assert.is(log.lines.length, 4);
  assert.is(receiver.malformed, 2);
});

test("receiver: any payloads give matched beginnings and ends", () => {
  const step = fc.record({
    timestamp: fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 160, 0xffff, 0x1fffe)),
    payload: fc.uint8Array({ maxLength: 12 }),
    wait: fc.nat(300),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let open: number | undefined;
      const receiver = new TelephoneEventReceiver({
        began(event) {
          assert.is(open, undefined);
          open = event;
        },
        ended(event, ticks) {
          assert.is(open, event);
          assert.ok(ticks > 0);
          open = undefined;
        },
      });
      let now = 0;
      for (const { timestamp, payload, wait } of steps) {
        now += wait;
        receiver.receive(timestamp, payload, 0, payload.length, now);
        receiver.poll(now);
        assert.is(receiver.active, open !== undefined);
      }
    }),
    { numRuns: 2000 },
  );
});
test.run();
