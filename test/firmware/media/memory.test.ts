// Five hundred streams opened, used and closed: memory, sockets and timers do not grow.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { closeAll, Heard, Phone, pause, randomKeys, toward } from "./phones.js";

const test = suite("memory");
test.after(closeAll);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function used(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect();
    await pause(10);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test("flat over 500 streams", async () => {
  const phone = new Phone("memory");
  const cycle = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const stream = await phone.voice.open({ call: i, ssrc: i, cname: "memory" }, new Heard().events);
      stream.keys(randomKeys(), randomKeys());
      stream.start(toward(stream, { security: "srtp" }));
      stream.digit("1", 100);
      if (i % 10 === 0) await pause(5);
      await stream.close();
    }
  };
  await cycle(100);
  const handles = process.getActiveResourcesInfo().length;
  const before = await used();
  await cycle(500);
  const growth = (await used()) - before;
  assert.ok(growth < 2_000_000, `${growth} bytes more after 500 streams`);
  assert.ok(process.getActiveResourcesInfo().length <= handles + 5, "sockets and timers are let go");
});

test.run();
