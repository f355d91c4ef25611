// The voice thread runs before others, and only it.

import { getPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";

test("raises the calling thread's priority, not the main thread's", async () => {
  const before = getPriority(process.pid);
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     const { readlinkSync } = require("node:fs");
     const { getPriority } = require("node:os");
     import(${JSON.stringify(new URL("../../firmware/voice-priority.js", import.meta.url).href)}).then(({ raiseThreadPriority }) => {
       const raised = raiseThreadPriority();
       parentPort.postMessage({ raised, nice: getPriority(Number(readlinkSync("/proc/thread-self").split("/").pop())) });
     });`,
    { eval: true },
  );
  const { raised, nice } = await new Promise<{ raised: boolean; nice: number }>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  await worker.terminate();
  // Without the right to it nothing changes, and that is no error.
  assert.is(nice, raised ? -11 : before);
  assert.is(getPriority(process.pid), before);
});

test.run();
