// The RTCP interval: bounds of RFC 3550 section 6.3.1, reconsideration, time-outs, goodbye.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RtcpTimer } from "../../../firmware/rtp/index.js";
import { random } from "./jitter-simulation.js";

const test = suite("RTCP timer");
const E = Math.E - 1.5;
/** 5 % of 64 kbit/s, bytes per second. */
const bandwidth = 400;
const timer = (r: () => number, more = {}) => new RtcpTimer({ ssrc: 1, nowMs: 0, random: r, bandwidth, ...more });

test("two parties: 2.5 s first, 5 s after, times 0.5 to 1.5, divided by e - 3/2", () => {
  for (const [value, factor] of [
    [0, 0.5],
    [0.5, 1],
    [0.999999, 1.499999],
  ]) {
    const t = timer(() => value);
    assert.ok(Math.abs(t.nextMs - (2500 * factor) / E) < 1e-6);
    t.rtpSent(10);
    t.rtpReceived(2, 10);
    assert.equal([t.members, t.senders, t.weSent], [2, 2, true]);
    const at = t.nextMs;
    assert.ok(t.expire(at));
    t.rtcpSent(100, at);
    assert.ok(Math.abs(t.nextMs - at - (5000 * factor) / E) < 1e-6);
  }
});

test("on average every five seconds, and never two within 2.05 s", () => {
  const t = timer(random(4));
  const sent: number[] = [];
  for (let now = t.nextMs; now < 3_600_000; now = t.nextMs) {
    t.rtpSent(now);
    t.rtpReceived(2, now);
    t.rtcpReceived(2, 100, now);
    if (!t.expire(now)) continue;
    t.rtcpSent(100, now);
    sent.push(now);
  }
  const gaps = sent.slice(1).map((at, i) => at - sent[i]);
  const mean = gaps.reduce((a, b) => a + b) / gaps.length;
  assert.ok(mean > 4500 && mean < 5500, `${mean}`);
  assert.ok(Math.min(...gaps) >= 2500 / E - 1, `${Math.min(...gaps)}`);
});

test("a crowd of receivers shares three quarters of the bandwidth", () => {
  const t = timer(() => 0.5, { firstSize: 100 });
  for (let ssrc = 2; ssrc <= 100; ssrc++) t.rtcpReceived(ssrc, 100, 10);
  t.rtpReceived(2, 10);
  const at = t.nextMs;
  assert.not.ok(t.expire(at)); // reconsidered: the group is larger than thought
  // 99 receivers * 100 bytes / (400 * 0.75 bytes/s) = 33 s.
  assert.ok(Math.abs(t.nextMs - 33_000 / E) < 1, `${t.nextMs}`);
  // A sender shares a quarter with the other sender: 2 * 100 / 100 = 2 s, below the least.
  t.rtpSent(at);
  assert.ok(t.expire(t.nextMs));
});

test("the members table is bounded", () => {
  const t = timer(() => 0.5);
  for (let ssrc = 2; ssrc < 5000; ssrc++) t.rtpReceived(ssrc, 0);
  assert.ok(t.members <= 129);
});

test("the silent are forgotten, senders after two intervals", () => {
  const t = timer(() => 0.5);
  t.rtpSent(0);
  t.rtpReceived(2, 0);
  let now = 0;
  let notSending = 0;
  while (t.members === 2 && now < 120_000) {
    now = t.nextMs;
    if (t.expire(now)) t.rtcpSent(100, now);
    if (notSending === 0 && t.senders === 0) notSending = now;
  }
  assert.ok(notSending > 2 * 2500 * 0.8 && notSending < 20_000, `${notSending}`);
  assert.ok(now > 20_000 && now < 40_000, `${now}`);
  assert.not.ok(t.weSent);
});

test("a goodbye brings the next report forward (section 6.3.4)", () => {
  const t = timer(() => 0.5, { firstSize: 100 });
  for (let ssrc = 2; ssrc <= 100; ssrc++) t.rtcpReceived(ssrc, 100, 0);
  t.expire(t.nextMs);
  const before = t.nextMs;
  for (let ssrc = 2; ssrc <= 100; ssrc++) t.byeReceived(ssrc, 100, 2000);
  assert.is(t.members, 1);
  assert.ok(t.nextMs < before && t.nextMs >= 2000, `${before} ${t.nextMs}`);
});

test("leaving: at once in a small group, in turn in a large one, silently when nothing was sent (section 6.3.7)", () => {
  assert.is(timer(() => 0.5).leave(100, 0), "silent");
  const small = timer(() => 0.5);
  small.rtpSent(0);
  assert.is(small.leave(100, 0), "send");
  const large = timer(() => 0.5);
  large.rtpSent(0);
  for (let ssrc = 2; ssrc <= 60; ssrc++) large.rtpReceived(ssrc, 0);
  assert.is(large.leave(100, 1000), "wait");
  assert.is(large.members, 1);
  for (let i = 0; i < 100; i++) large.byeReceived(2 + i, 100, 1000);
  assert.is(large.members, 101);
  const at = large.nextMs;
  assert.not.ok(large.expire(at)); // others said goodbye meanwhile: later
  assert.ok(large.nextMs > at);
  assert.ok(large.expire(large.nextMs));
});
test.run();
