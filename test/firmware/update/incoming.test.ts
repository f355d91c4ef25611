// What comes from the other side: lines, counted bytes, and each way it can end.

import { PassThrough } from "node:stream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemTimers } from "../../../firmware/runtime/index.js";
import { Incoming } from "../../../firmware/update/incoming.js";

const test = suite("incoming");
const words = (what: Promise<unknown>) =>
  what.then(
    () => "nothing wrong",
    (error: Error) => error.message,
  );

test("lines and bytes take turns", async () => {
  const stream = new PassThrough();
  const incoming = new Incoming(stream, systemTimers);
  stream.end("one\r\nabcdtwo\n");
  assert.is(await incoming.line(10, 1000), "one");
  const pieces: Uint8Array[] = [];
  for await (const piece of incoming.bytes(4, 1000)) pieces.push(piece);
  assert.is(Buffer.concat(pieces).toString(), "abcd");
  assert.is(await incoming.line(10, 1000), "two");
  assert.match(await words(incoming.line(10, 1000)), /closed the connection/);
});

test("a connection that breaks is said in words; a line too long, and silence, too", async () => {
  const broken = new PassThrough();
  const reset = words(new Incoming(broken, systemTimers).line(10, 1000));
  broken.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  assert.is(await reset, "the connection is lost (ECONNRESET)");

  const long = new PassThrough();
  long.write("x".repeat(11));
  assert.match(await words(new Incoming(long, systemTimers).line(10, 1000)), /too long/);
  assert.match(await words(new Incoming(new PassThrough(), systemTimers).line(10, 20)), /nothing came/);
});

test.run();
