// A thousand times opened, run and closed: no descriptor and no memory stays behind.

import { readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Pcm } from "../../../drivers/node-alsa/index.js";
import { haveAlsa, VirtualCard } from "../audio/virtual-card/virtual-card.js";

const CYCLES = 1000;
// What waits to be collected is no leak.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const descriptors = () => readdirSync("/proc/self/fd").length;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

if (await haveAlsa())
  test(`${CYCLES} open/close cycles`, async () => {
    const card = new VirtualCard();
    const captured = new Int16Array(80);
    const play = new Int16Array(80);
    let periods = 0;
    async function cycle(i: number): Promise<void> {
      const pcm = Pcm.open({ capture: card.name, playback: card.name, rate: 8000, periodFrames: 80, periods: 2 });
      if (i % 4) pcm.start(captured, play, { period: () => ++periods && 80 });
      if (i % 4 === 1) await card.pass(12);
      // Every other one is closed while it runs.
      if (i % 2) pcm.stop();
      pcm.close();
      await turn();
    }
    for (let i = 0; i < 200; i++) await cycle(i);
    collect();
    const before = { fds: descriptors(), rss: process.memoryUsage.rss() };
    for (let i = 0; i < CYCLES; i++) await cycle(i);
    collect();
    const after = { fds: descriptors(), rss: process.memoryUsage.rss() };
    const grownMb = (after.rss - before.rss) / 2 ** 20;
    console.log(`${CYCLES} cycles: descriptors ${before.fds} -> ${after.fds}, memory ${grownMb.toFixed(1)} MiB more`);
    assert.is(after.fds, before.fds);
    // ALSA keeps its configuration; the JavaScript heap breathes.
    assert.ok(grownMb < 24, `${grownMb} MiB`);
    assert.ok(periods > 200, `${periods}`);
  });

test.run();
