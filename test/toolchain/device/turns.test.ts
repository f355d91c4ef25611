// Work side by side: its width, its order, and what becomes of one that fails.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Turns, together } from "../../../toolchain/device/turns.js";

const test = suite("turns");
const moment = () => new Promise((resolve) => setImmediate(resolve));

test("no more at once than there are turns; first come, first served; one that fails gives its turn back", async () => {
  const turns = new Turns(2);
  const began: number[] = [];
  let [now, most] = [0, 0];
  const work = (n: number) => async () => {
    began.push(n);
    most = Math.max(most, ++now);
    await moment();
    now--;
    if (n === 1) throw new Error("one");
    return n;
  };
  const done = await Promise.allSettled([0, 1, 2, 3, 4].map((n) => turns.take(work(n))));
  assert.equal(began, [0, 1, 2, 3, 4]);
  assert.is(most, 2);
  assert.equal(
    done.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "fulfilled", "fulfilled"],
  );
});

test("together waits for all of them, also when one fails", async () => {
  assert.equal(await together([Promise.resolve(1), Promise.resolve("two")]), [1, "two"]);
  let hasEnded = false;
  const slow = moment().then(() => {
    hasEnded = true;
  });
  const error = await together([Promise.reject(new Error("first")), slow]).catch((reason: Error) => reason);
  assert.is((error as Error).message, "first");
  assert.ok(hasEnded);
});

test.run();
