// The pool of key pairs: hits, misses, refilling, bounds, and what is left of it when it is closed.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type DhGroupName, type DhKeyPair, generateDhKeyPair } from "../../../../firmware/crypto/dh.js";
import { KeyPairPool, RETRY_MS } from "../../../../firmware/keying/mikey/key-pair-pool.js";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import { good } from "../../../results.js";
import { hex } from "../../../vectors.js";

const test = suite("pool of key pairs");

/** Lets promises that are settled run on. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Pairs that tell whether they were wiped. */
function factory() {
  const made: { group: DhGroupName; wiped: boolean }[] = [];
  let isBroken = false;
  const make = async (group: DhGroupName): Promise<DhKeyPair> => {
    if (isBroken) throw new Error("no entropy");
    const seen = { group, wiped: false };
    made.push(seen);
    const pair = generateDhKeyPair("x25519");
    return { ...pair, wipe: () => (seen.wiped = true) };
  };
  return { made, make, break: (broken: boolean) => (isBroken = broken) };
}

test("what was made ahead is handed out once each; then pairs are made on the spot, and counted", async () => {
  const timers = new VirtualTime();
  const pool = new KeyPairPool({ timers, size: 3 });
  await pool.fill("oakley5");
  assert.equal(pool.status, { ready: { oakley5: 3 }, hits: 0, misses: 0 });
  const taken = Array.from({ length: 5 }, () => pool.take("oakley5"));
  assert.equal(pool.status, { ready: { oakley5: 0 }, hits: 3, misses: 2 });
  assert.is(new Set(taken.map((pair) => hex(pair.publicValue))).size, 5);
  // Each agrees on keys with a pair made the plain way.
  for (const pair of taken) {
    const peer = generateDhKeyPair("oakley5");
    assert.is(hex(good(pair.secret(peer.publicValue))), hex(good(peer.secret(pair.publicValue))));
  }
  pool.close();
  assert.is(timers.active, 0);
});

test("it fills up again after a quiet moment, even when more are taken meanwhile", async () => {
  const timers = new VirtualTime();
  const { make, made } = factory();
  const pool = new KeyPairPool({ timers, size: 2, quietMs: 100, make });
  await pool.fill("modp2048");
  pool.take("modp2048");
  timers.advance(60);
  pool.take("modp2048");
  await settle();
  assert.is(made.length, 2, "nothing is made in the middle of a call's set-up");
  timers.advance(40);
  await settle();
  assert.equal(pool.status.ready, { modp2048: 2 });
  timers.advance(60_000);
  await settle();
  assert.is(made.length, 4, "a full pool makes nothing");
  pool.close();
});

test("a group a peer asked for is kept from then on", async () => {
  const timers = new VirtualTime();
  const { make } = factory();
  const pool = new KeyPairPool({ timers, size: 2, quietMs: 100, make });
  await pool.fill("oakley5");
  pool.take("x25519");
  assert.equal(pool.status, { ready: { oakley5: 2, x25519: 0 }, hits: 0, misses: 1 });
  timers.advance(100);
  await settle();
  assert.equal(pool.status.ready, { oakley5: 2, x25519: 2 });
  pool.close();
});

test("closing wipes what is there and what is still being made, and gives out nothing more", async () => {
  const timers = new VirtualTime();
  const { make, made } = factory();
  const pool = new KeyPairPool({ timers, size: 2, make });
  await pool.fill("oakley5");
  const mine = pool.take("oakley5");
  const filling = pool.fill();
  pool.close();
  await filling;
  assert.is(made.length, 3);
  assert.equal(
    made.map(({ wiped }) => wiped),
    [true, false, true],
    "the one taken is its taker's to wipe",
  );
  mine.wipe();
  assert.throws(() => pool.take("oakley5"), /closed/);
  assert.is(timers.active, 0);
  await pool.fill("oakley5");
  assert.is(made.length, 3);
});

test("a system without a key pair for us is asked again later", async () => {
  const timers = new VirtualTime();
  const { make, break: breakIt } = factory();
  const errors: unknown[] = [];
  const pool = new KeyPairPool({ timers, size: 1, make, failed: (error) => errors.push(error) });
  breakIt(true);
  await pool.fill("oakley5");
  assert.is(errors.length, 1);
  breakIt(false);
  timers.advance(RETRY_MS);
  await settle();
  assert.equal(pool.status.ready, { oakley5: 1 });
  pool.close();
});

test("a size that makes no sense is refused", () => {
  for (const size of [-1, 65, 1.5, Number.NaN])
    assert.throws(() => new KeyPairPool({ timers: new VirtualTime(), size }), RangeError);
});

test("a pool of size 0 makes none ahead", async () => {
  const time = new VirtualTime();
  let made = 0;
  const pool = new KeyPairPool({
    ...{ timers: time, size: 0 },
    make: () => {
      made++;
      return Promise.reject(new Error("not wanted"));
    },
  });
  await pool.fill("oakley5");
  pool.take("oakley5").wipe();
  time.advance(60_000);
  await pool.fill();
  assert.is(made, 0);
  assert.equal(pool.status, { ready: { oakley5: 0 }, hits: 0, misses: 1 });
  pool.close();
});

test.run();
