// Offers made ahead: when they are made, renewed, used, thrown away.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Speculation, type Wish } from "../../../firmware/call/speculation.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

const test = suite("speculation");

const bob: Wish = { uri: "sip:bob@example.com", account: "sip:alice@example.com", anonymous: false };
const carol: Wish = { ...bob, uri: "sip:carol@example.com" };

class Made {
  discarded = 0;
  constructor(
    readonly wish: Wish,
    private readonly isPossible = true,
  ) {}
  async prepare(): Promise<boolean> {
    return this.isPossible;
  }
  async reach(): Promise<void> {}
  discard(): void {
    this.discarded++;
  }
}

function world(isPossible = true) {
  const time = new VirtualTime();
  const made: Made[] = [];
  const speculation = new Speculation<Made>({
    ...{ clock: time, timers: time, settleMs: 100, freshMs: 30_000, forgetMs: 300_000 },
    make: (wish) => {
      const one = new Made(wish, isPossible);
      made.push(one);
      return one;
    },
  });
  const pass = async (ms: number) => {
    time.advance(ms);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { time, made, speculation, pass };
}

test("somebody is about to call for ten seconds after choosing whom", async () => {
  const { speculation, pass } = world();
  assert.not(speculation.isRecent);
  speculation.expect(bob);
  assert.ok(speculation.isRecent);
  await pass(9999);
  assert.ok(speculation.isRecent);
  await pass(1);
  assert.not(speculation.isRecent);
  speculation.expect(bob);
  assert.ok(speculation.isRecent, "the same once more");
  speculation.expect(undefined);
  assert.not(speculation.isRecent);
});

test("a wish counts when it has stood for a moment: who scrolls past people makes no offers", async () => {
  const { made, speculation, pass } = world();
  for (const wish of [bob, carol, bob, carol]) {
    speculation.expect(wish);
    await pass(60);
  }
  assert.is(made.length, 0);
  await pass(50);
  assert.equal(
    made.map(({ wish }) => wish.uri),
    [carol.uri],
  );
  assert.is(speculation.take(carol), made[0]);
  assert.is(made[0].discarded, 0);
  assert.equal(speculation.status, { hits: 1, misses: 0, unused: 0 });
});

test("another person, another account or another way of calling is another call", async () => {
  const others = [carol, { ...bob, account: "sip:other@example.com" }, { ...bob, anonymous: true }];
  for (const other of others) {
    const { made, speculation, pass, time } = world();
    speculation.expect(bob);
    await pass(100);
    assert.is(speculation.take(other), undefined);
    assert.is(made[0].discarded, 1, "what is not used is wiped");
    assert.equal(speculation.status, { hits: 0, misses: 1, unused: 1 });
    assert.is(time.active, 0);
  }
});

test("an offer is used once", async () => {
  const { speculation, pass, time } = world();
  speculation.expect(bob);
  await pass(100);
  assert.ok(speculation.take(bob));
  assert.is(speculation.take(bob), undefined);
  assert.is(time.active, 0);
});

test("a stale offer is made anew, until nobody seems to want it", async () => {
  const { made, speculation, pass, time } = world();
  speculation.expect(bob);
  await pass(100);
  for (let i = 1; i <= 9; i++) {
    await pass(30_000);
    assert.is(made.length, i + 1);
    assert.equal(
      made.map(({ discarded }) => discarded),
      [...made.slice(1).map(() => 1), 0],
    );
  }
  await pass(30_000);
  assert.is(time.active, 0, "forgotten");
  assert.ok(made.every(({ discarded }) => discarded === 1));
  assert.is(speculation.take(bob), undefined);
});

test("a wish that is renewed lives on with the offer there is", async () => {
  const { made, speculation, pass, time } = world();
  speculation.expect(bob);
  await pass(100);
  for (let i = 0; i < 20; i++) {
    speculation.expect(bob);
    await pass(20_000);
  }
  assert.ok(time.active > 0);
  assert.is(speculation.take(bob), made.at(-1));
  assert.is(time.active, 0);
});

test("an offer from before the device slept is not used: its timers stood still, its clock did not", async () => {
  const time = new VirtualTime();
  let sleptMs = 0;
  const clock = { now: () => time.now(), wallMs: () => time.wallMs() + sleptMs };
  const made: Made[] = [];
  const speculation = new Speculation<Made>({
    ...{ clock, timers: time },
    make: (wish) => {
      made.push(new Made(wish));
      return made.at(-1);
    },
  });
  speculation.expect(bob);
  time.advance(1000);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  sleptMs = 3_600_000;
  assert.is(speculation.take(bob), undefined);
  assert.is(made[0].discarded, 1);
});

test("an offer that cannot be made is no reason to try again and again, and waiting for it ends", async () => {
  const { made, speculation, pass, time } = world(false);
  speculation.expect(bob);
  let isOver = false;
  void speculation.settled().then(() => {
    isOver = true;
  });
  await pass(100);
  await pass(0);
  assert.ok(isOver);
  await pass(300_000);
  assert.is(made.length, 1);
  assert.is(time.active, 0);
  assert.is(speculation.take(bob), undefined);
});

test("renew() makes another for the same wish", async () => {
  const { made, speculation, pass } = world();
  speculation.expect(bob);
  await pass(100);
  speculation.renew();
  await pass(100);
  assert.equal(
    made.map(({ discarded }) => discarded),
    [1, 0],
  );
  assert.is(speculation.take(bob), made[1]);
});

test("nobody expected: nothing is kept", async () => {
  const { made, speculation, pass, time } = world();
  speculation.expect(bob);
  await pass(100);
  speculation.expect(undefined);
  assert.is(made[0].discarded, 1);
  assert.is(time.active, 0);
  await speculation.settled();
});

test.run();
