// Reception figures against RFC 3550's definitions and its round-trip example; sender figures.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ntpMiddle, ReceptionStatistics, roundTripMs, SenderStatistics } from "../../../firmware/rtp/index.js";

const test = suite("statistics");

test("round-trip time: the example of RFC 3550 figure 2", () => {
  // A = 46864.500 s, LSR = 46853.125 s, DLSR = 5.250 s: 6.125 s.
  const report = {
    ssrc: 1,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequence: 0,
    jitter: 0,
    lastSenderReport: 0xb705_2000,
    delaySinceLastSenderReport: 0x0005_4000,
  };
  const arrival = 0xb44d_b710_8000_0000n;
  assert.is(ntpMiddle(arrival), 0xb710_8000);
  assert.is(ntpMiddle(0xb44d_b705_2000_0000n), report.lastSenderReport);
  assert.is(roundTripMs(report, arrival), 6125);
  assert.is(roundTripMs({ ...report, lastSenderReport: 0 }, arrival), undefined);
  assert.is(roundTripMs({ ...report, delaySinceLastSenderReport: 0x0014_0000 }, arrival), undefined);
  // Across the wrap of the middle 32 bits.
  const late = { ...report, lastSenderReport: 0xffff_8000, delaySinceLastSenderReport: 0x8000 };
  assert.is(roundTripMs(late, 0x0000_8000_0000n), 500);
});

function receive(statistics: ReceptionStatistics, sequences: readonly number[]): void {
  for (const sequence of sequences) statistics.receive(sequence & 0xffff, sequence * 160, sequence * 20);
}

test("lost, expected, fraction, through a wrap of the sequence number (A.3)", () => {
  const s = new ReceptionStatistics(7, 8000);
  receive(s, [65_530, 65_531, 65_533, 65_535]); // 2 of 6 lost
  let report = s.report(0);
  assert.equal([s.expected, s.received, s.lost], [6, 4, 2]);
  assert.equal([report.ssrc, report.fractionLost, report.cumulativeLost], [7, Math.floor((2 * 256) / 6), 2]);
  receive(s, [65_536, 65_537, 65_538, 65_539]);
  report = s.report(0);
  assert.equal([report.fractionLost, report.cumulativeLost, report.highestSequence], [0, 2, 0x1_0003]);
  receive(s, [65_538, 65_538, 65_538]); // duplicates
  assert.is(s.lost, -1);
  assert.equal([s.report(0).fractionLost, s.report(0).cumulativeLost], [0, -1]);
});

test("reordering is not a wrap; a wild number is believed when the next follows (A.1)", () => {
  const s = new ReceptionStatistics(7, 8000);
  receive(s, [1, 0, 2]);
  assert.equal([s.highestSequence, s.received], [2, 3]);
  assert.not.ok(s.receive(40_000, 0, 0));
  assert.not.ok(s.receive(50_000, 0, 0));
  assert.is(s.received, 3);
  assert.ok(s.receive(50_001, 160, 20));
  assert.equal([s.received, s.expected, s.lost, s.highestSequence], [1, 1, 0, 50_001]);
});

test("jitter (A.8) against its definition", () => {
  const s = new ReceptionStatistics(7, 8000);
  const arrivals = [0, 21, 40, 75, 80, 99, 120.5, 171, 160, 180];
  let jitter = 0;
  for (const [i, at] of arrivals.entries()) {
    const stamp = (0xffff_ff00 + i * 160) % 2 ** 32; // wraps
    s.receive(i, stamp, 1e6 + at);
    if (i > 0) jitter += (Math.abs((at - arrivals[i - 1]) * 8 - 160) - jitter) / 16;
  }
  assert.ok(Math.abs(s.jitterMs - jitter / 8) < 1e-9, `${s.jitterMs} ${jitter / 8}`);
  assert.is(s.report(0).jitter, Math.floor(jitter));
});

test("last sender report and the delay since", () => {
  const s = new ReceptionStatistics(7, 8000);
  s.receive(1, 1, 1);
  assert.equal([s.report(5).lastSenderReport, s.report(5).delaySinceLastSenderReport], [0, 0]);
  s.senderReported(0xb44d_b705_2000_0000n, 1000);
  const report = s.report(6250);
  assert.equal([report.lastSenderReport, report.delaySinceLastSenderReport], [0xb705_2000, 0x0005_4000]);
});

test("sender's counters and the timestamp of now", () => {
  const s = new SenderStatistics(8000);
  s.sent(0xffff_ffb0, 160, 1000);
  s.sent(0x50, 160, 1020);
  assert.equal([s.packets, s.octets], [2, 320]);
  assert.equal([s.timestampAt(1020), s.timestampAt(1030), s.timestampAt(1000)], [0x50, 0xa0, 0xffff_ffb0]);
});
test.run();
