// Token buckets: what is let through, what is refused, and that the table stays small.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { RateGuard } from "../../../../firmware/sip/transport/rate.js";

const limits = {
  messagesPerSource: 100,
  messagesBurst: 20,
  requestsPerSource: 10,
  requestsBurst: 5,
  requestsTotal: 30,
  requestsTotalBurst: 12,
  refusalsPerSource: 2,
  sources: 16,
};

test("a burst, then the rate", () => {
  const guard = new RateGuard(limits, 0);
  let passed = 0;
  for (let i = 0; i < 100; i++) if (guard.admitMessage("192.0.2.1", 0)) passed++;
  assert.is(passed, 20);
  for (let ms = 1; ms <= 1000; ms++) if (guard.admitMessage("192.0.2.1", ms)) passed++;
  assert.ok(Math.abs(passed - 120) <= 1, `${passed}`);
});

test("one source does not use up another's share", () => {
  const guard = new RateGuard(limits, 0);
  for (let i = 0; i < 1000; i++) guard.admitMessage("192.0.2.1", 0);
  assert.ok(guard.admitMessage("192.0.2.2", 0));
});

test("requests: served, then refused with a time to wait, then dropped; then served again", () => {
  const guard = new RateGuard(limits, 0);
  const seen = Array.from({ length: 10 }, () => guard.admitRequest("192.0.2.1", 0));
  assert.equal(seen.slice(0, 5), Array(5).fill("serve"));
  assert.equal(seen.slice(5), ["refuse", "refuse", "drop", "drop", "drop"]);
  assert.is(guard.retryAfter("192.0.2.1", 0), 1);
  assert.is(guard.admitRequest("192.0.2.1", 200), "serve");
});

test("all sources together have a bound", () => {
  const guard = new RateGuard(limits, 0);
  let served = 0;
  for (let i = 0; i < 10; i++)
    for (let k = 0; k < 3; k++) if (guard.admitRequest(`192.0.2.${i}`, 0) === "serve") served++;
  assert.is(served, 12);
});

test("the table is bounded; strangers share one bucket, known sources keep theirs", () => {
  const guard = new RateGuard(limits, 0);
  for (let i = 0; i < 16; i++) guard.admitMessage(`192.0.2.${i}`, 0);
  let strangers = 0;
  for (let i = 0; i < 1000; i++) if (guard.admitMessage(`198.51.${i >> 8}.${i & 255}`, 0)) strangers++;
  assert.is(guard.size, 16);
  assert.is(strangers, 20);
  assert.ok(guard.admitMessage("192.0.2.3", 0));
  // Quiet ones make room.
  assert.ok(guard.admitMessage("203.0.113.1", 60_000));
  assert.is(guard.size, 16);
});

test("IPv6 sources are told apart by /64, IPv4-mapped ones are IPv4", () => {
  const guard = new RateGuard(limits, 0);
  for (let i = 0; i < 100; i++) guard.admitMessage(`2001:db8:0:1::${i}`, 0);
  assert.is(guard.size, 1);
  assert.not.ok(guard.admitMessage("2001:db8:0:1:ffff::1%eth0", 0));
  assert.ok(guard.admitMessage("2001:db8:0:2::1", 0));
  guard.admitMessage("::ffff:192.0.2.1", 0);
  guard.admitMessage("192.0.2.1", 0);
  assert.is(guard.size, 3);
});

test.run();
