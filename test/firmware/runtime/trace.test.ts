// Trace points: a bounded ring of named moments.

import { spawnSync } from "node:child_process";
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

test("a point leaves nothing on the heap", () => {
  const url = (name: string) => new URL(`../../../firmware/runtime/${name}.js`, import.meta.url).href;
  const program = `
    const { Trace } = await import(${JSON.stringify(url("trace"))});
    const { systemClock } = await import(${JSON.stringify(url("clock"))});
    const trace = new Trace(systemClock);
    const points = (count) => { for (let i = 0; i < count; i++) trace.mark("invite-sent", i & 15); };
    points(200_000);
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    points(1_000_000);
    console.log((process.memoryUsage().heapUsed - before) / 1_000_000);`;
  // A young generation that is not collected meanwhile: what was allocated is still there to be counted.
  const heap = ["--expose-gc", "--max-semi-space-size=64", "--min-semi-space-size=64"];
  // Code that is optimised beside, on a busy machine, would come too late: what is not optimised does allocate.
  const flags = [...heap, "--no-concurrent-recompilation", "--input-type=module"];
  const ran = spawnSync(process.execPath, [...flags, "-e", program], { encoding: "utf8", timeout: 30_000 });
  const bytes = Number(ran.stdout);
  assert.ok(ran.stdout !== "" && bytes < 4, `${bytes} bytes a point ${ran.stderr}`);
});

test.run();
