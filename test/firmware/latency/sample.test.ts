// Delays read from trace points: which end sees which, and what a call that did not get far tells.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { delaysOf, parseSample } from "../../../firmware/latency/index.js";
import type { TraceEntry, TracePoint } from "../../../firmware/runtime/trace.js";

const test = suite("call delays");
const entries = (points: readonly (readonly [TracePoint, number])[]): TraceEntry[] =>
  points.map(([point, atMs]) => ({ point, atMs, call: 1 }));

test("the caller's: calling, SRD without the offer's making, keys after the 200, first voice", () => {
  const delays = delaysOf(
    entries([
      ["dialled", 100],
      ["offer-ready", 104],
      ["invite-sent", 105],
      ["ringing-received", 112],
      ["ok-received", 2000],
      ["ack-sent", 2000.5],
      ["keys-ready", 2003],
      ["media-first-received", 2010],
      ["ended", 9000],
      ["bye-sent", 9001],
      ["bye-answered", 9004],
    ]),
    85,
  );
  assert.equal(delays, { calling: 12, srd: 7, confirming: 3, firstVoice: 10, mouthToEar: 85, sdd: 3 });
});

test("the callee's: answering lasts until the ACK is here and the keys are in place, whichever is later", () => {
  const call = (ack: number, keys: number | undefined) =>
    delaysOf(
      entries([
        ["invite-received", 10],
        ["picked-up", 1000],
        ["ok-sent", 1004],
        ["ack-received", ack],
        ...(keys === undefined ? [] : [["keys-ready", keys] as const]),
        ["media-first-received", 1030],
      ]),
    );
  assert.equal(call(1008, 1003), { answering: 8, firstVoice: 30 });
  assert.equal(call(1008, 1012), { answering: 12, firstVoice: 30 });
  assert.equal(call(1008, undefined), { answering: 8, firstVoice: 30 });
});

test("a call nobody answered has a calling delay only; early media is no negative delay", () => {
  const rang = entries([
    ["dialled", 0],
    ["invite-sent", 4],
    ["ringing-received", 9],
    ["ended", 60_000],
  ]);
  assert.equal(delaysOf(rang), { calling: 9, srd: 5 });
  const early = entries([
    ["media-first-received", 50],
    ["ok-received", 80],
    ["keys-ready", 80.5],
  ]);
  assert.equal(delaysOf(early), { confirming: 0.5 });
});

test("a line of the file is read whole or not at all", () => {
  const sample = { atMs: 1, direction: "incoming", method: "open", warmth: "warm", answering: 3.5 };
  const line = JSON.stringify(sample);
  assert.equal(parseSample(line), sample);
  for (let length = 0; length < line.length; length++) assert.is(parseSample(line.slice(0, length)), undefined);
  for (const wrong of ['{"atMs":1}', "[]", "null", line.replace("3.5", '"3.5"'), line.replace("3.5", "-1")])
    assert.is(parseSample(wrong), undefined, wrong);
});

test.run();
