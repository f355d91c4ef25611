// node-alsa in worker threads: it runs there, several at once, and a thread that is ended under it takes nothing else along.

import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkout } from "../../vectors.js";
import { haveAlsa, VirtualCard } from "../audio/virtual-card/virtual-card.js";

const source = `
  import { parentPort, workerData } from "node:worker_threads";
  const { Pcm } = await import(workerData.module);
  const pcm = Pcm.open({ capture: workerData.card, playback: workerData.card, rate: 8000, periodFrames: 80, periods: 3 });
  let periods = 0;
  pcm.start(new Int16Array(80), new Int16Array(80), {
    period() {
      if (++periods % 10 === 0) parentPort.postMessage(periods);
      return 80;
    },
    gone: (error) => parentPort.postMessage(error.code),
  });
  parentPort.on("message", () => { pcm.close(); parentPort.postMessage("closed"); parentPort.close(); });
  parentPort.postMessage("running");
`;

function start(card: VirtualCard) {
  const module = `file://${join(checkout, "out", "js", "drivers", "node-alsa", "index.js")}`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { module, card: card.name },
  });
  const told: unknown[] = [];
  worker.on("message", (message) => told.push(message));
  const exited = new Promise<number>((resolve) => worker.once("exit", resolve));
  return { worker, told, exited };
}

async function until(what: string, done: () => boolean, step: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 2000 && !done(); i++) {
    await step();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(done(), what);
}

if (await haveAlsa()) {
  test("two threads, each with its own card; one ends well, one is ended, a third takes its card", async () => {
    const cards = [new VirtualCard(), new VirtualCard()];
    const pass = async () => {
      for (const card of cards) await card.pass(1);
    };
    const [one, two] = cards.map(start);
    await until("both run", () => one.told.includes(20) && two.told.includes(20), pass);
    one.worker.postMessage("close");
    await until("the first is closed", () => one.told.includes("closed"), pass);
    assert.is(await one.exited, 0);
    await two.worker.terminate();
    const three = start(cards[1]);
    await until("its card runs again", () => three.told.includes(20), pass);
    await three.worker.terminate();
  });

  test("threads that are ended at any moment, many times", async () => {
    const card = new VirtualCard();
    for (let round = 0; round < 12; round++) {
      const { worker, told } = start(card);
      if (round % 3)
        await until(
          "it runs",
          () => told.length > round % 3,
          () => card.pass(3),
        );
      await worker.terminate();
    }
  });
}

test.run();
