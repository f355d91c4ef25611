// One call's delays and steps from both phones' trace points, and what many calls are summed up to.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { TraceEntry, TracePoint } from "../../../firmware/runtime/trace.js";
import { summaryOf } from "../../../scripts/latency-lab/result.js";
import { sampleOf } from "../../../scripts/latency-lab/sample.js";
import { around, caseOf } from "./fixture.js";

const test = suite("samples of the laboratory");
const entries = (points: Partial<Record<TracePoint, number>>): TraceEntry[] =>
  Object.entries(points).map(([point, atMs]) => ({ point: point as TracePoint, atMs, call: 1 }));

const alice = {
  dialled: 100,
  "offer-ready": 101,
  "invite-sent": 102,
  "ringing-received": 110,
  "ok-received": 205,
  "ack-sent": 206,
  "keys-ready": 209,
  "media-first-received": 221,
} as const;
const bob = {
  "invite-received": 103,
  "ringing-sent": 108,
  "offer-verified": 109,
  "picked-up": 200,
  "ok-sent": 204,
  "keys-ready": 201,
  "ack-received": 207,
  "media-first-received": 230,
} as const;

test("delays as the definitions have them", () => {
  const { delays } = sampleOf({ alice: entries(alice), bob: entries(bob) }, true);
  assert.equal(delays, { calling: 10, answering: 7, srd: 8, confirming: 4, voiceAtCallee: 30, voiceAtCaller: 21 });
  // Keys later than the ACK: the answering delay lasts until they are there. An open call waits for none.
  const late = { ...bob, "keys-ready": 212 };
  assert.is(sampleOf({ alice: entries(alice), bob: entries(late) }, true).delays.answering, 12);
  assert.is(sampleOf({ alice: entries(alice), bob: entries(late) }, false).delays.answering, 7);
});

test("steps begin where their phase does", () => {
  const { steps } = sampleOf({ alice: entries(alice), bob: entries(bob) }, true);
  const span = (id: string) => {
    const found = steps.find((step) => step.id === id)!;
    return [found.phase, found.from, found.to];
  };
  assert.equal(span("1a"), ["calling", 0, 2]);
  assert.equal(span("1b-3b"), ["calling", 2, 3]);
  assert.equal(span("4a"), ["calling", 3, 8]);
  assert.equal(span("8a"), ["answering", 0, 4]);
  assert.equal(span("11b-13b"), ["answering", 6, 7]);
  assert.is(steps.find((step) => step.id === "4a+")?.parallel, true);
});

test("a point that is missing is an error with its name; voice that did not come is only missing", () => {
  const { "ack-received": _, ...unanswered } = bob;
  assert.throws(
    () => sampleOf({ alice: entries(alice), bob: entries(unanswered) }, true),
    /answering delay is missing/,
  );
  const { "media-first-received": __, ...silent } = bob;
  assert.is(sampleOf({ alice: entries(alice), bob: entries(silent) }, true).delays.voiceAtCallee, undefined);
});

test("a 180 that a lossy network lost is no error, and no delay", () => {
  const { "ringing-received": _, ...lost } = alice;
  const { delays } = sampleOf({ alice: entries(lost), bob: entries(bob) }, true, true);
  assert.equal([delays.calling, delays.srd, delays.answering], [undefined, undefined, 7]);
  assert.throws(() => sampleOf({ alice: entries(lost), bob: entries(bob) }, true), /calling delay is missing/);
});

test("a case's calls: medians of delays and steps, and the call nearest to them", () => {
  const result = caseOf({}, [9, 4, 5, 6, 30]);
  assert.is(summaryOf(result, "calling")?.median, 6);
  assert.equal(
    result.steps.map(({ id, ms }) => [id, ms]),
    [
      ["1a", 3],
      ["4a", 3],
      ["8a", 3],
    ],
  );
  assert.is(result.typical.find((step) => step.id === "4a")?.to, 6);
  assert.is(summaryOf(result, "voiceAtCallee"), undefined);
  assert.is(summaryOf(caseOf({}, around(5)), "calling")?.count, 50);
});

test.run();
