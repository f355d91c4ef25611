// Trace points: a bounded ring of named moments.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { between, Trace } from "../../../firmware/runtime/trace.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

test("points are kept in order, per call", () => {
  const time = new VirtualTime();
  const trace = new Trace(time, 16);
  trace.mark("dialled", 1);
  time.advance(3);
  trace.mark("dialled", 2);
  time.advance(4);
  trace.mark("ringing-received", 1);
  assert.equal(
    trace.read(1).map((entry) => [entry.point, entry.atMs]),
    [
      ["dialled", 0],
      ["ringing-received", 7],
    ],
  );
  assert.is(between(trace.read(1), "dialled", "ringing-received"), 7);
  assert.is(between(trace.read(2), "dialled", "ringing-received"), undefined);
});

test("a moment seen elsewhere can be recorded", () => {
  const trace = new Trace(new VirtualTime(), 4);
  trace.mark("invite-received", 1, 42.5);
  assert.is(trace.read()[0].atMs, 42.5);
});

test("the ring overwrites its oldest points", () => {
  const trace = new Trace(new VirtualTime(), 3);
  for (let call = 1; call <= 5; call++) trace.mark("ended", call);
  assert.equal(
    trace.read().map((entry) => entry.call),
    [3, 4, 5],
  );
});

test("a capacity that is none is refused", () => {
  for (const capacity of [0, -1, 1.5]) assert.throws(() => new Trace(new VirtualTime(), capacity), /capacity/);
});

test.run();
