// No bit of any message of any method is without meaning; and parsers that are fed anything answer, and do not grow.
// SOTTO_FUZZ=1000000 (messages) runs the long form.

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { explain } from "../../../firmware/cli/mikey/explain.js";
import {
  MemoryReplayCache,
  type MethodName,
  MikeyAgent,
  parseKeyIds,
  parseMessage,
  parsePayloads,
  printMessage,
  readKeyData,
} from "../../../firmware/mikey/index.js";
import { good } from "../../results.js";
import { agentOf, alice, atAlice, atBob, bob, everyMethod, methodsOf, nowMs, random } from "./people.js";

const test = suite("mikey damage");

/** Every method's messages once; receivers without memory, so that a replay is not what refuses. */
async function exchangeOf(method: MethodName) {
  const sent = good(await agentOf({ uri: alice }).offer(method, atAlice, ["mikey"], nowMs));
  const methods = methodsOf({ uri: bob });
  const receive = (message: Uint8Array) =>
    new MikeyAgent({ methods, replay: new MemoryReplayCache(), random }).receive(message, atBob, ["mikey"], nowMs);
  const { message: answer } = good(await good(await receive(sent.message)).answer());
  return { sent, receive, answer };
}

/** Half the bits at both ends, where the fields are; of the long middle (certificates, values) one of each fourth byte. */
function* bits(length: number): Generator<[at: number, bit: number]> {
  for (let at = 0; at < length; at++) {
    const isEnd = at < 80 || at >= length - 80;
    if (isEnd) for (const bit of [at % 8, (at + 3) % 8, (at + 5) % 8, (at + 6) % 8]) yield [at, bit];
    else if (at % 4 === 0) yield [at, at % 8];
  }
}

for (const method of everyMethod) {
  test(`${method}: a flipped bit anywhere in the offer is refused`, async () => {
    const { sent, receive } = await exchangeOf(method);
    for (const [at, bit] of bits(sent.message.length)) {
      const damaged = sent.message.slice();
      damaged[at] ^= 1 << bit;
      const result = await receive(damaged);
      if (result.ok) throw new Error(`offer: byte ${at}, bit ${bit} does not count`);
    }
    good(await receive(sent.message));
  });

  test(`${method}: a flipped bit anywhere in the answer is refused`, async () => {
    const { sent, answer } = await exchangeOf(method);
    for (const [at, bit] of bits(answer.length)) {
      const damaged = answer.slice();
      damaged[at] ^= 1 << bit;
      const result = await sent.accept(damaged, nowMs);
      if (result.ok) throw new Error(`answer: byte ${at}, bit ${bit} does not count`);
    }
    good(await sent.accept(answer, nowMs));
  });

  test(`${method}: any piece cut out, doubled or replaced is refused`, async () => {
    const { sent, receive, answer } = await exchangeOf(method);
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(40),
      put: fc.uint8Array({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(change, fc.boolean(), async ({ at, cut, put }, isOffer) => {
        const message = isOffer ? sent.message : answer;
        const start = Math.floor(at * (message.length - 1));
        const changed = Buffer.concat([message.subarray(0, start), put, message.subarray(start + cut)]);
        // What follows the last payload is nobody's.
        if (changed.subarray(0, message.length).equals(message)) return;
        const result = isOffer ? await receive(changed) : await sent.accept(changed, nowMs);
        assert.not(result.ok);
      }),
      { numRuns: 120 },
    );
  });
}

const wanted = Number(process.env.SOTTO_FUZZ ?? 40_000);

test(`${wanted} damaged messages: the parsers answer and memory does not grow`, async () => {
  const seeds: Uint8Array[] = [];
  for (const method of everyMethod) {
    const { sent, answer } = await exchangeOf(method);
    seeds.push(sent.message, answer);
  }
  let state = 7;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  let accepted = 0;
  let before = 0;
  for (let i = 0; i < wanted; i++) {
    const seed = seeds[i % seeds.length];
    const data = seed.slice(0, below(3) === 0 ? below(seed.length + 1) : seed.length);
    for (let n = below(4); n >= 0 && data.length > 0; n--)
      data[below(below(2) ? Math.min(90, data.length) : data.length)] = below(256);
    const parsed = parseMessage(data);
    if (parsed.ok) {
      accepted++;
      if (i % 16 === 0) assert.ok(parseMessage(printMessage(parsed.value)).ok);
    }
    parsePayloads(data, [1, 6, 10, 20, 21][i % 5]);
    readKeyData(data.subarray(0, 80), i % 2 === 0);
    parseKeyIds(data.subarray(0, 40));
    if (i % 64 === 0) explain(data);
    if (i === Math.floor(wanted / 4)) before = process.memoryUsage().heapUsed;
  }
  assert.ok(accepted > wanted / 100, `${accepted} accepted`);
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 64e6, `grew by ${grown} bytes`);
});

test.run();
