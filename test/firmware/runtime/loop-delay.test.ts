// The event loop's delays: a long task is seen while watching, and only then.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LoopDelay, loopDelayMetrics } from "../../../firmware/runtime/loop-delay.js";
import { eventually } from "../../support/wait.js";

const test = suite("loop delay");

function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

test("nothing is seen before it is watched", async () => {
  const delay = new LoopDelay();
  block(80);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(delay.status, { samples: 0, medianMs: 0, p99Ms: 0, longestMs: 0 });
});

test("a long task is the longest delay; what happens unwatched is not counted", async () => {
  const delay = new LoopDelay();
  delay.watch(true);
  await eventually("a first look", 20_000, () => delay.status.samples > 1);
  const before = delay.status.samples;
  block(120);
  await eventually("a look after it", 20_000, () => delay.status.samples > before);
  delay.watch(false);
  const { longestMs, samples, medianMs, p99Ms } = delay.status;
  assert.ok(longestMs >= 100, `${longestMs} ms`);
  assert.ok(medianMs <= p99Ms && p99Ms <= longestMs + 1);
  block(400);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal([delay.status.samples, delay.status.longestMs], [samples, longestMs]);
});

test("nor is the time between two watches", async () => {
  const delay = new LoopDelay();
  for (let watch = 1; watch <= 2; watch++) {
    const before = delay.status.samples;
    delay.watch(true);
    await eventually("a few looks", 20_000, () => delay.status.samples > before + 2);
    delay.watch(false);
    delay.watch(false);
    assert.ok(delay.status.samples > before + 2, "they are kept");
    if (watch === 1) await new Promise((resolve) => setTimeout(resolve, 3000));
  }
  assert.ok(delay.status.longestMs < 2500, `${delay.status.longestMs} ms`);
});

test("as Prometheus text, in seconds; nothing where nothing was seen", () => {
  assert.is(loopDelayMetrics({ samples: 0, medianMs: 0, p99Ms: 0, longestMs: 0 }), "");
  const text = loopDelayMetrics({ samples: 3, medianMs: 0.5, p99Ms: 12, longestMs: 250 });
  assert.match(text, /^# TYPE sotto_event_loop_delay_seconds gauge$/m);
  assert.match(text, /^sotto_event_loop_delay_seconds\{quantile="0.99"\} 0\.012000$/m);
});

test.run();
