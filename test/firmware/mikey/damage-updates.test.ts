// No bit of an update of a running bundle is without meaning, nor of its answer.

import { suite } from "uvu";
import { good } from "../../results.js";
import { bundleOf, everyBit, exchangeOf, pair } from "./every-bit.js";
import { everyMethod, nowMs } from "./people.js";

const test = suite("mikey damaged updates");

for (const method of everyMethod)
  for (const rekey of [true, false])
    test(`${method}: each bit of an update ${rekey ? "with" : "without"} a new key counts, and of its answer`, async () => {
      const { atA, atB } = await exchangeOf(method, pair());
      const sent = good(await bundleOf(atB).update({ rekey }, ["mikey"], nowMs));
      const receive = (message: Uint8Array) => bundleOf(atA).receive(message, ["mikey"], nowMs);
      await everyBit(sent.message, receive, "update");
      const { message: answer } = good(await good(await receive(sent.message)).answer());
      await everyBit(answer, (message) => sent.accept(message, nowMs), "answer");
      good(await sent.accept(answer, nowMs));
    });

test.run();
