// Work done before somebody waits for it: offers to people about to be called, ringing said before the offer is verified, answers while it rings.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generateOakley5KeyPair } from "../../../firmware/crypto/dh.js";
import type { TracePoint } from "../../../firmware/runtime/trace.js";
import { clean, Exchange, type TestPhone } from "./support.js";

const test = suite("calls made ready ahead");

const points = (phone: TestPhone): TracePoint[] => phone.trace.read().map(({ point }) => point);

test("the call key only sends: the INVITE is out before dial() returns", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.expect(bob.uri);
  await exchange.run(200);
  assert.is(alice.events.length, 0, "nobody hears of a call that may never be");
  assert.is(alice.calls.list().length, 0);
  assert.is(bob.userAgent.counters()["messages-received"] ?? 0, 0, "and nothing is sent");
  const { id } = alice.calls.dial(bob.uri);
  assert.equal(points(alice).slice(0, 3), ["dialled", "offer-ready", "invite-sent"]);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  bob.calls.answer();
  await exchange.until("both are in the call", () => [alice, bob].every((phone) => phone.call()?.state === "active"));
  assert.is(alice.call()?.id, id);
  assert.is(alice.call()?.security.state, "secure");
  assert.is(alice.voice.streams.length, 1);
  assert.equal(alice.calls.speculated, { hits: 1, misses: 0, unused: 0 });
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test("an offer that is not wanted any more leaves nothing behind, and the next call is as good", async () => {
  const exchange = new Exchange();
  const [alice, bob, carol] = [exchange.phone(1), exchange.phone(2), exchange.phone(3)];
  alice.calls.expect(carol.uri);
  await exchange.run(200);
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  assert.is(carol.events.length, 0);
  assert.ok(alice.voice.streams[0].closed, "what was made for Carol is closed");
  assert.is(alice.events.filter((event) => event.type === "call" && event.call.peer.uri === carol.uri).length, 0);
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob, carol);
});

test("an offer waits at most for its renewal: the phone that is called finds its timestamp fresh", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1);
  const bob = exchange.phone(2, { keying: { skewMs: 40_000 } });
  alice.calls.expect(bob.uri);
  await exchange.run(200);
  for (let i = 0; i < 10; i++) {
    exchange.time.advance(10_000);
    await exchange.run(5);
  }
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing" || alice.call()?.state === "ended");
  assert.is(bob.call()?.state, "ringing");
  assert.is(alice.calls.speculated.hits, 1);
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test("what cannot be dialled cannot be expected, and says so only when it is dialled", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { psk: null });
  for (const wrong of ["", "mailto:x@y", "sip:", "sips:bob@192.0.2.9"]) {
    alice.calls.expect(wrong);
    await exchange.run(200);
    assert.throws(() => alice.calls.dial(wrong), /address|TLS/);
  }
  // An address, but no key for it.
  alice.calls.expect("sip:u9@192.0.2.9");
  await exchange.run(200);
  alice.calls.dial("sip:u9@192.0.2.9");
  await exchange.until("it says why", () => alice.call()?.state === "ended");
  assert.is(alice.call()?.end?.code, "no-keying-configured");
  await clean(exchange, alice);
});

test("a device with another address makes the offer anew", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.expect(bob.uri);
  await exchange.run(200);
  alice.calls.readdress("192.0.2.77");
  await exchange.run(200);
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  bob.calls.answer();
  await exchange.until("bob speaks", () => (bob.voice.streams[0]?.started.length ?? 0) > 0);
  assert.is(bob.voice.streams[0].started[0].remoteAddress, "192.0.2.77");
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test("a call made ahead leaves the way the account has when it is placed", async () => {
  const exchange = new Exchange();
  let host = "192.0.2.99";
  const alice = exchange.phone(1, { nextHop: () => ({ host, port: 5060, transport: "udp" }) });
  const bob = exchange.phone(2);
  alice.calls.expect(bob.uri);
  await exchange.run(200);
  host = "192.0.2.2";
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  assert.is(alice.calls.speculated.hits, 1);
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test("switching the phone off forgets what was expected", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.expect(bob.uri);
  await exchange.run(200);
  await alice.calls.close();
  await clean(exchange, alice, bob);
});

test("the caller is told that it rings while the offer is verified; the phone rings when it is", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1);
  const bob = exchange.phone(2, { verifiesAlone: true });
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  assert.equal(points(bob).slice(0, 3), ["invite-received", "ringing-sent", "offer-verified"]);
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test("an offer that does not verify never rings, though its caller was told so for a moment", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { psk: new Uint8Array(32).fill(9) });
  const bob = exchange.phone(2, { verifiesAlone: true });
  alice.calls.dial(bob.uri);
  await exchange.until("alice is refused", () => alice.call()?.state === "ended");
  assert.ok(points(alice).includes("ringing-received"));
  assert.match(alice.call()?.end?.text ?? "", /488/);
  assert.ok(!bob.events.some((event) => event.type === "call" && event.call.state === "ringing"));
  assert.ok(bob.events.some((event) => event.type === "refused"));
  await clean(exchange, alice, bob);
});

test("who might be turned away learns of no phone that rings", async () => {
  for (const unknown of ["reject", "ring"] as const) {
    const exchange = new Exchange();
    const alice = exchange.phone(1);
    const block = unknown === "ring" ? [alice.uri] : [];
    const bob = exchange.phone(2, { verifiesAlone: true, callers: { allow: [], block, unknown } });
    alice.calls.dial(bob.uri);
    await exchange.until("alice is refused", () => alice.call()?.state === "ended");
    assert.ok(!points(alice).includes("ringing-received"));
    await clean(exchange, alice, bob);
  }
});

test("an answer made while it rang goes out before anybody is told of the picking up", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.dial(bob.uri);
  await exchange.until("bob's keys", () => bob.voice.streams[0]?.keyed.length === 1);
  await exchange.run(50);
  const told = bob.events.length;
  bob.calls.answer();
  assert.is(bob.events.length, told);
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  assert.ok(points(bob).includes("ok-sent"));
  assert.is(bob.voice.streams[0].started.length, 1, "the voice starts in the same tick");
  await exchange.until("both are in the call", () => [alice, bob].every((phone) => phone.call()?.state === "active"));
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test("who answers at once sends the answer before its keys are worked out, and speaks when they are", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { offer: "dhhmac" });
  const bob = exchange.phone(2, { offer: "dhhmac", autoAnswerMs: 0 });
  alice.calls.dial(bob.uri);
  await exchange.until("both are in the call", () => [alice, bob].every((phone) => phone.call()?.state === "active"));
  const seen = points(bob).filter((point) => ["ok-sent", "keys-ready", "ack-received"].includes(point));
  assert.equal(seen, ["ok-sent", "keys-ready", "ack-received"]);
  for (const phone of [alice, bob]) {
    assert.is(phone.call()?.security.state, "secure");
    assert.is(phone.voice.streams[0].keyed.length, 1);
    assert.is(phone.voice.streams[0].started.length, 1);
  }
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test("an answer whose keys then cannot be had ends the call, and nothing was said", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { offer: "dhhmac" });
  const takeDhKeyPair = () => ({
    ...generateOakley5KeyPair(),
    secret: () => {
      throw new Error("broken");
    },
  });
  for (const autoAnswerMs of [0, 100]) {
    const bob = exchange.phone(autoAnswerMs + 2, { offer: "dhhmac", autoAnswerMs, keying: { takeDhKeyPair } });
    alice.calls.dial(bob.uri);
    await exchange.until("it ends at both", () => [alice, bob].every((phone) => phone.call()?.state === "ended"));
    assert.is(bob.call()?.end?.code, "internal-error");
    // Where it was worked out while it rang, no answer went out.
    assert.is(points(bob).includes("ok-sent"), autoAnswerMs === 0);
    assert.is(bob.voice.streams[0].keyed.length, 0);
    assert.is(bob.voice.streams[0].started.length, 0);
  }
  await exchange.run(1000);
});

test("a device that changes its address while it rings answers with the new one", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.dial(bob.uri);
  await exchange.until("bob's keys", () => bob.voice.streams[0]?.keyed.length === 1);
  await exchange.run(50);
  bob.calls.readdress("192.0.2.88");
  bob.calls.answer();
  await exchange.until("alice speaks", () => (alice.voice.streams[0]?.started.length ?? 0) > 0);
  assert.is(alice.voice.streams[0].started[0].remoteAddress, "192.0.2.88");
  assert.is(alice.call()?.security.state, "secure");
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test("with precomputing off nothing is done before it has to be", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { precompute: false });
  const bob = exchange.phone(2, { precompute: false, verifiesAlone: true });
  alice.calls.expect(bob.uri);
  await exchange.run(200);
  assert.is(alice.voice.streams.length, 0);
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  await exchange.run(50);
  assert.equal(points(bob), ["invite-received", "offer-verified", "ringing-sent"]);
  assert.is(bob.voice.streams[0].keyed.length, 0);
  bob.calls.answer();
  await exchange.until("both are in the call", () => [alice, bob].every((phone) => phone.call()?.state === "active"));
  assert.is(bob.call()?.security.state, "secure");
  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test.run();
