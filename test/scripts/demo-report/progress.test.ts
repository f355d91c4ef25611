// What the demo says, on a terminal and into a file.

import { PassThrough } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { tracePoints } from "../../../firmware/runtime/trace.js";
import { Progress, wordsFor } from "../../../scripts/demo-report/progress.js";

/** An output that remembers; `isTTY` makes it look like a terminal 80 columns wide. */
function output(isTTY: boolean) {
  const stream = new PassThrough() as PassThrough & { isTTY: boolean; columns: number };
  stream.isTTY = isTTY;
  stream.columns = 80;
  return { stream, text: () => String(stream.read() ?? "") };
}

test("events are lines with seconds since the first", () => {
  const { stream, text } = output(false);
  const progress = new Progress({ output: stream });
  progress.event(5000, "Alice dials sip:bob@127.0.0.1");
  progress.event(5012.4, "Bob's phone rings (ringer and vibrator on)");
  progress.event(17_012, "over");
  progress.note("Report: out/demo/report.html");
  assert.is(
    text(),
    "   0.000 s  Alice dials sip:bob@127.0.0.1\n   0.012 s  Bob's phone rings (ringer and vibrator on)\n" +
      "  12.012 s  over\nReport: out/demo/report.html\n",
  );
});

test("without a terminal the bar is a line a quarter", () => {
  const { stream, text } = output(false);
  const progress = new Progress({ output: stream, originMs: 0 });
  progress.startSpeech(8000);
  for (let ms = 0; ms <= 9000; ms += 20) progress.spoken(ms);
  progress.endSpeech();
  progress.spoken(8000);
  assert.equal(
    text()
      .trimEnd()
      .split("\n")
      .map((line) => line.trim()),
    ["spoken 2.0 of 8.0 s", "spoken 4.0 of 8.0 s", "spoken 6.0 of 8.0 s", "spoken 8.0 of 8.0 s"],
  );
});

test("on a terminal there is a bar, events stand above it, and it goes away", async () => {
  const { stream, text } = output(true);
  const progress = new Progress({ output: stream, originMs: 0 });
  progress.startSpeech(2000);
  progress.spoken(1000);
  progress.event(1000, "half way");
  await new Promise((resolve) => setTimeout(resolve, 150));
  progress.endSpeech();
  progress.event(2000, "done");
  const seen = text();
  assert.match(seen, /█+░+/);
  assert.match(seen, /1\.000 s {2}half way\n/);
  assert.match(seen, /speaking .* 1\.0 of 2\.0 s/);
  assert.match(seen, /2\.000 s {2}done\n$/);
});

test("silent is silent", () => {
  for (const isTTY of [true, false]) {
    const { stream, text } = output(isTTY);
    const progress = new Progress({ output: stream, silent: true });
    progress.event(0, "x");
    progress.note("y");
    progress.startSpeech(100);
    progress.spoken(100);
    progress.endSpeech();
    assert.is(text(), "");
  }
});

test("a name with control characters cannot move the cursor", () => {
  const { stream, text } = output(false);
  new Progress({ output: stream }).event(0, "Call from \u001b[2J\u202ebob\r\n");
  assert.is(text(), "   0.000 s  Call from \ufffd[2J\ufffdbob\ufffd\ufffd\n");
});

test("a speech without length is refused", () => {
  const { stream } = output(false);
  assert.throws(() => new Progress({ output: stream }).startSpeech(0), /totalMs must be positive, got 0/);
});

test("trace points have words, or none on purpose", () => {
  const silentOnes = tracePoints.filter((point) => wordsFor("bob", point, "sip:bob@b") === undefined);
  assert.equal(silentOnes, [
    "offer-ready",
    "ringing-shown",
    "ringing-sent",
    "answer-ready",
    "ok-received",
    "ack-sent",
    "media-first-sent",
    "bye-sent",
    "bye-answered",
    "boot",
    "registered",
    "ready",
  ]);
  assert.is(wordsFor("alice", "dialled", "sip:bob@b"), "Alice dials sip:bob@b");
});

test.run();
