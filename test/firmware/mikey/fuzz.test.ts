// Random and damaged messages: the parser answers, never throws, and what it accepts it writes back to the same meaning.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { explain } from "../../../firmware/cli/mikey/explain.js";
import { parseKeyIds, parseMessage, parsePayloads, printMessage, readKeyData } from "../../../firmware/mikey/index.js";
import { bytes, hex, vectors } from "../../vectors.js";
import { exchangeOf, pair } from "./every-bit.js";
import { everyMethod } from "./people.js";

const test = suite("mikey fuzz");

/** Numbers that look random and are the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Exchanges {
  readonly psk: { offer: string; answer: string };
  readonly dh: { offer: string; answer: string };
}
const { psk, dh } = vectors<Exchanges>("mikey-exchanges");
const seeds = [psk.offer, psk.answer, dh.offer, dh.answer].map(bytes);

function check(data: Uint8Array): boolean {
  const parsed = parseMessage(data);
  if (!parsed.ok) {
    assert.type(parsed.error.code, "string");
    assert.ok(parsed.error.offset === undefined || (parsed.error.offset >= 0 && parsed.error.offset <= data.length));
    return false;
  }
  const again = parseMessage(printMessage(parsed.value));
  assert.ok(again.ok);
  return true;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes on the heap that something still holds. */
function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** One million by default: SOTTO_FUZZ=10000000 runs longer. */
const wanted = Number(process.env.SOTTO_FUZZ ?? 1_000_000);

test(`${wanted} damaged messages of every method: read without a throw, and memory does not grow`, async () => {
  const all = [...seeds];
  for (const method of everyMethod) {
    const { sent, answer } = await exchangeOf(method, pair());
    all.push(sent.message, answer);
  }
  const random = generator(1);
  let accepted = 0;
  let before = 0;
  for (let i = 0; i < wanted; i++) {
    const seed = all[i % all.length];
    const data = seed.slice(0, random(4) === 0 ? random(seed.length + 1) : seed.length);
    // Heads matter most: lengths and types stand there.
    for (let damage = random(4); damage >= 0 && data.length > 0; damage--)
      data[random(random(2) === 0 ? Math.min(90, data.length) : data.length)] = random(256);
    const parsed = parseMessage(data);
    if (parsed.ok) accepted++;
    else assert.type(parsed.error.offset, "number");
    if (i % 16 === 0) {
      check(data);
      parsePayloads(data, [1, 6, 10, 20, 21][i % 5]);
      readKeyData(data.subarray(0, 80), i % 32 === 0);
      parseKeyIds(data.subarray(0, 40));
    }
    if (i % 256 === 0) explain(data);
    if (i === wanted >> 2) before = heapInUse();
  }
  assert.ok(accepted > wanted / 100 && accepted < wanted, `${accepted} accepted`);
  const grown = heapInUse() - before;
  // Compiled code and the rest of node's own: three quarters of a million messages would show by their first byte each.
  assert.ok(grown < 750_000, `grew by ${grown} bytes`);
});

test("10,000 damaged Diffie-Hellman messages", () => {
  const random = generator(2);
  for (let i = 0; i < 10_000; i++) {
    const data = seeds[2 + (i & 1)].slice();
    // Heads matter most: lengths and types stand there.
    for (let damage = random(3); damage >= 0; damage--) data[random(random(2) === 0 ? 60 : data.length)] = random(256);
    check(data);
  }
});

test("100,000 random byte strings, half of them behind a good header", () => {
  const random = generator(3);
  const head = seeds[0].subarray(0, 28);
  for (let i = 0; i < 100_000; i++) {
    const data = new Uint8Array(random(200));
    for (let at = 0; at < data.length; at++) data[at] = random(random(3) === 0 ? 256 : 24);
    if (i & 1 && data.length > 28) {
      data.set(head);
      data[2] = random(24);
    }
    check(data);
  }
});

test("bytes behind the last payload are told apart and do not change the message", () => {
  const parsed = parseMessage(bytes(`${psk.offer}0000ff`));
  assert.ok(parsed.ok);
  if (!parsed.ok) return;
  assert.is(hex(parsed.value.trailing), "0000ff");
  assert.is(hex(parsed.value.bytes), psk.offer);
});

test.run();
