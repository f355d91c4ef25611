// Leaving in good order.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Log } from "../../../firmware/runtime/log.js";
import { Shutdown } from "../../../firmware/runtime/shutdown.js";

test("what was opened last is closed first; failures and laggards do not stop the rest", async () => {
  const lines: string[] = [];
  const shutdown = new Shutdown(new Log("test", (line) => lines.push(line)), 30);
  const order: string[] = [];
  shutdown.add("first", () => void order.push("first"));
  shutdown.add("throws", () => {
    throw new Error("device jammed");
  });
  shutdown.add("never ends", () => new Promise<void>(() => {}));
  shutdown.add("last", async () => void order.push("last"));
  await Promise.all([shutdown.run(), shutdown.run()]);
  assert.equal(order, ["last", "first"]);
  const events = lines.map((line) => JSON.parse(line));
  assert.equal(
    events.map((event) => [event.event, event.what]),
    [
      ["close-timeout", "never ends"],
      ["close-failed", "throws"],
    ],
  );
});

test("what is registered too late is closed at once", async () => {
  const shutdown = new Shutdown(new Log("test", () => {}));
  await shutdown.run();
  let closed = false;
  shutdown.add("late", () => {
    closed = true;
  });
  await Promise.resolve();
  assert.ok(closed);
});

test.run();
