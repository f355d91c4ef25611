// No bit of any offer or answer of any method is without meaning: each one flipped, the message is refused.

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { good } from "../../results.js";
import { everyBit, exchangeOf, pair } from "./every-bit.js";
import { atAlice, atBob, everyMethod, nowMs } from "./people.js";

const test = suite("mikey damage");

for (const method of everyMethod) {
  test(`${method}: each bit of the offer counts, and each bit of the answer`, async () => {
    const people = pair();
    const { sent, answer } = await exchangeOf(method, people);
    const offer = good(await people[0].offer(method, atAlice, ["mikey"], nowMs)).message;
    const receive = (message: Uint8Array) => people[1].receive(message, atBob, ["mikey"], nowMs);
    const tried =
      (await everyBit(offer, receive, "offer")) +
      (await everyBit(answer, (message) => sent.accept(message, nowMs), "answer"));
    assert.is(tried, 8 * (offer.length + answer.length));
    good(await receive(offer));
    good(await sent.accept(answer, nowMs));
  });

  test(`${method}: any piece cut out, doubled or replaced is refused`, async () => {
    const people = pair();
    const { sent, answer } = await exchangeOf(method, people);
    const offer = good(await people[0].offer(method, atAlice, ["mikey"], nowMs)).message;
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(40),
      put: fc.uint8Array({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(change, fc.boolean(), async ({ at, cut, put }, isOffer) => {
        const message = isOffer ? offer : answer;
        const start = Math.floor(at * (message.length - 1));
        const changed = Buffer.concat([message.subarray(0, start), put, message.subarray(start + cut)]);
        // What follows the last payload is nobody's.
        if (changed.subarray(0, message.length).equals(message)) return;
        const result = isOffer
          ? await people[1].receive(changed, atBob, ["mikey"], nowMs)
          : await sent.accept(changed, nowMs);
        assert.not(result.ok);
      }),
      { numRuns: 120 },
    );
  });
}

test.run();
