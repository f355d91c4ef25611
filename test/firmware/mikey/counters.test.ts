// Counters as timestamps: they only grow, are bounded, and are kept over a restart by whoever holds their state.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CounterStore, MemoryCounters, parseMessage, payloadsOf } from "../../../firmware/mikey/index.js";
import { bad, good } from "../../results.js";
import { hex } from "../../vectors.js";
import { agentOf, alice, atAlice, atBob, bob, nowMs } from "./people.js";

const test = suite("mikey counters");

const caller = (counters: CounterStore) => agentOf({ uri: alice, agent: { timestamps: "counter", counters } });
const callee = (counters: CounterStore) => agentOf({ uri: bob, agent: { counters } });

test("after a restart with the kept state an old message is still old, and no number comes twice", async () => {
  const [a, b] = [new MemoryCounters(), new MemoryCounters()];
  const first = good(await caller(a).offer("psk", atAlice, ["mikey"], nowMs));
  good(await callee(b).receive(first.message, atBob, ["mikey"], nowMs));
  // The replay cache is new, as after a restart without its file; only the counters were kept.
  bad(await callee(new MemoryCounters(b.entries())).receive(first.message, atBob, ["mikey"], nowMs), "replayed");
  good(await callee(new MemoryCounters()).receive(first.message, atBob, ["mikey"], nowMs));
  const second = good(await caller(new MemoryCounters(a.entries())).offer("psk", atAlice, ["mikey"], nowMs));
  assert.is(hex(payloadsOf(good(parseMessage(second.message)), "timestamp")[0].value), "00000002");
  good(await callee(new MemoryCounters(b.entries())).receive(second.message, atBob, ["mikey"], nowMs));
});

test("a name written otherwise has the same counter", async () => {
  const b = new MemoryCounters();
  const sent = good(await caller(new MemoryCounters()).offer("psk", atAlice, ["mikey"], nowMs));
  good(await callee(b).receive(sent.message, atBob, ["mikey"], nowMs));
  for (const peerUri of ["sip:alice@EXAMPLE.com", "sip:alice@example.com:5060;transport=tcp"])
    bad(await callee(b).receive(sent.message, { ...atBob, peerUri }, ["mikey"], nowMs), "replayed");
});

test("no peer's counter is forgotten for another's: when there is no room, nothing is taken", async () => {
  const b = new MemoryCounters([], 1);
  assert.ok(b.saw("sip:bob@example.com sip:carol@example.com", 7));
  assert.not(b.saw("sip:bob@example.com sip:dave@example.com", 1));
  assert.is(b.last("sip:bob@example.com sip:carol@example.com"), 7);
  const sent = good(await caller(new MemoryCounters()).offer("psk", atAlice, ["mikey"], nowMs));
  bad(await callee(b).receive(sent.message, atBob, ["mikey"], nowMs), "replay-cache-full");
});

test("the last number is the last", () => {
  const counters = new MemoryCounters([{ direction: "sent", pair: "a b", value: 0xfffffffe }]);
  assert.is(counters.next("a b"), 0xffffffff);
  assert.throws(() => counters.next("a b"), /used up/);
});

test.run();
