// Delays and steps from trace points whose times are written down in the fixture.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { delaysOf } from "../../../scripts/demo-report/delays.js";
import { fixtureTrace } from "./fixture.js";

const near = (actual: number | null, expected: number) =>
  assert.ok(actual !== null && Math.abs(actual - expected) < 1e-6, `${actual}, expected ${expected}`);
const lengthOf = (delays: ReturnType<typeof delaysOf>, id: string) => {
  const step = delays.steps.find((s) => s.id === id);
  assert.ok(step, `step ${id}`);
  return step.toMs - step.fromMs;
};

test("secured: the answering delay waits for the callee's keys", () => {
  const delays = delaysOf(fixtureTrace(), true);
  near(delays.callingMs, 10.28);
  near(delays.answeringMs, 2133.2 - 2114.1);
  near(lengthOf(delays, "1a"), 6.42);
  near(lengthOf(delays, "1b-3b"), 0.61);
  near(lengthOf(delays, "4a"), 2.84);
  near(lengthOf(delays, "4b-6b"), 0.41);
  near(lengthOf(delays, "4a+"), 15.2 - 9.87);
  near(lengthOf(delays, "8a"), 3.8);
  near(lengthOf(delays, "8b-10b"), 0.58);
  near(lengthOf(delays, "11a"), 5.12);
  near(lengthOf(delays, "11b-13b"), 0.36);
  near(lengthOf(delays, "14a"), 2133.2 - 2123.96);
  // The steps on the way fill the delay without gaps.
  for (const [phase, total] of [
    ["calling", delays.callingMs],
    ["answering", delays.answeringMs],
  ] as const) {
    const sum = delays.steps.filter((s) => s.phase === phase && !s.parallel).reduce((a, s) => a + s.toMs - s.fromMs, 0);
    near(sum, total!);
  }
});

test("clear: the answering delay ends with the ACK, and there are no keying steps", () => {
  const delays = delaysOf(fixtureTrace(false), false);
  near(delays.answeringMs, 2123.96 - 2114.1);
  assert.equal(
    delays.steps.filter((s) => s.parallel || s.id === "14a"),
    [],
  );
});

test("keys that are ready before the ACK cost nothing", () => {
  const trace = fixtureTrace();
  const early = trace.bob.map((e) => (e.point === "keys-ready" ? { ...e, atMs: e.atMs - 12 } : e));
  const delays = delaysOf({ alice: trace.alice, bob: early }, true);
  near(delays.answeringMs, 2123.96 - 2114.1);
  assert.not.ok(delays.steps.some((s) => s.id === "14a"));
});

test("a missing point gives no figure rather than a wrong one", () => {
  const trace = fixtureTrace();
  const without = (point: string) => ({
    alice: trace.alice.filter((e) => e.point !== point),
    bob: trace.bob.filter((e) => e.point !== point),
  });
  assert.is(delaysOf(without("ringing-received"), true).callingMs, null);
  assert.is(delaysOf(without("keys-ready"), true).answeringMs, null);
  assert.is(delaysOf(without("picked-up"), true).answeringMs, null);
  assert.equal(delaysOf({ alice: [], bob: [] }, true), { callingMs: null, answeringMs: null, steps: [] });
});

test.run();
