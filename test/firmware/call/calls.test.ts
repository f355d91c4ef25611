// Calls between two phones: set-up, every way to end, security policies, tampering on the way, hold, loss.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { between } from "../../../firmware/runtime/trace.js";
import { clean, Exchange, type PhoneOptions, type TestPhone } from "./support.js";

const test = suite("calls");

async function connect(exchange: Exchange, alice: TestPhone, bob: TestPhone): Promise<void> {
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing" || alice.call()?.state === "ended");
  await exchange.run(20);
  if (alice.call()?.state === "ended") return;
  bob.calls.answer();
  await exchange.until("both ends settled", () =>
    [alice, bob].every((phone) => ["active", "ended"].includes(phone.call()?.state ?? "")),
  );
  await exchange.run(200);
}

test("a secured call: both verify each other, keys fit crosswise, either voice starts once", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  await connect(exchange, alice, bob);
  for (const [phone, other] of [
    [alice, bob],
    [bob, alice],
  ]) {
    const security = phone.call()!.security;
    assert.is(security.state, "secure");
    if (security.state !== "secure") return;
    assert.is(security.suite, "AES_CM_128_HMAC_SHA1_80");
    assert.is(security.peer.identity, other.uri);
    assert.equal(security.peer.proof, { kind: "shared-key", keyName: "test key" });
    assert.is(phone.voice.streams[0].started.length, 1);
    assert.is(phone.voice.streams[0].started[0].security, "srtp");
  }
  const [a, b] = [alice.voice.streams[0].keyed[0], bob.voice.streams[0].keyed[0]];
  assert.is(a.tx, b.rx);
  assert.is(a.rx, b.tx);
  assert.is.not(a.tx, a.rx);
  assert.is(alice.voice.streams[0].started[0].remotePort, bob.voice.streams[0].rtpPort);

  alice.calls.hangup();
  await exchange.until("bob notices", () => bob.call()?.state === "ended");
  assert.is(bob.call()?.end?.by, "peer");
  await clean(exchange, alice, bob);
});

test("the trace has every step of figure 1 that a device sees, in order", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  await connect(exchange, alice, bob);
  const names = (phone: TestPhone) => phone.trace.read().map((entry) => entry.point);
  assert.equal(names(alice), [
    "dialled",
    "offer-ready",
    "invite-sent",
    "ringing-received",
    "ringing-shown",
    "ok-received",
    "ack-sent",
    "keys-ready",
    "answer-verified",
  ]);
  assert.equal(names(bob), [
    "invite-received",
    "offer-verified",
    "ringing-sent",
    // While it rings.
    "keys-ready",
    "picked-up",
    "answer-ready",
    "ok-sent",
    "ack-received",
  ]);
  // Two datagrams of 5 ms each way, nothing else takes (virtual) time.
  assert.is(between(alice.trace.read(), "dialled", "ringing-received"), 10);
  assert.is(between(bob.trace.read(), "picked-up", "ack-received"), 10);
});

test("while it rings the keys are agreed on, and nothing else: not called private, nothing sent or played", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.dial(bob.uri);
  await exchange.until("bob's keys", () => bob.voice.streams[0]?.keyed.length === 1);
  await exchange.run(50);
  assert.is(bob.call()?.state, "ringing");
  assert.is(bob.call()?.security.state, "pending");
  assert.equal(bob.calls.list()[0].security, bob.call()?.security);
  assert.is(bob.voice.streams[0].started.length, 0);
  assert.is(bob.events.filter((event) => event.type === "call" && event.call.state === "ringing").length, 1);
  bob.calls.answer();
  await exchange.until("both are in the call", () => [alice, bob].every((phone) => phone.call()?.state === "active"));
  assert.is(bob.call()?.security.state, "secure");
  assert.equal([bob.voice.streams[0].keyed.length, bob.voice.streams[0].started.length], [1, 1]);
  bob.calls.hangup();
  await exchange.until("alice is told", () => alice.call()?.state === "ended");
  await clean(exchange, alice, bob);
});

test("no work is done ahead for a caller who is turned away, or whose offer does not verify", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1);
  const wary = exchange.phone(2, { callers: { allow: [], block: [alice.uri], unknown: "ring" } });
  const stranger = exchange.phone(3, { psk: new Uint8Array(32).fill(9) });
  for (const caller of [alice, stranger]) {
    caller.calls.dial(wary.uri);
    await exchange.until("it is refused", () => caller.call()?.state === "ended");
  }
  for (const stream of wary.voice.streams) assert.is(stream.keyed.length, 0);
  await clean(exchange, alice, wary, stranger);
});

// Policy of the caller, of the callee, whether each has a key -> how the call ends up.
const policies: [string, PhoneOptions, PhoneOptions, "secure" | "open" | string][] = [
  ["required calls required", {}, {}, "secure"],
  ["required calls preferred", {}, { security: "preferred" }, "secure"],
  ["preferred calls required", { security: "preferred" }, {}, "secure"],
  ["preferred calls preferred", { security: "preferred" }, { security: "preferred" }, "secure"],
  ["preferred calls off: open, and said so", { security: "preferred" }, { security: "off" }, "open"],
  ["off calls preferred: open, and said so", { security: "off" }, { security: "preferred" }, "open"],
  ["off calls off", { security: "off" }, { security: "off" }, "open"],
  ["required calls off: refused", {}, { security: "off" }, "not-acceptable"],
  ["off calls required: refused", { security: "off" }, {}, "not-acceptable"],
  ["required without a key: never leaves the phone", { psk: null }, {}, "no-keying-configured"],
  ["required calls one without a key: refused", {}, { psk: null }, "not-acceptable"],
  ["wrong key: refused, no fall-back", { psk: new Uint8Array(32).fill(9) }, {}, "not-acceptable"],
  [
    "wrong key under preferred: refused, no fall-back",
    { security: "preferred", psk: new Uint8Array(32).fill(9) },
    { security: "preferred" },
    "not-acceptable",
  ],
  ["no common codec", { security: "off", codecs: ["PCMU"] }, { security: "off", codecs: ["PCMA"] }, "not-acceptable"],
];
for (const [name, caller, callee, outcome] of policies)
  test(`policy: ${name}`, async () => {
    const exchange = new Exchange();
    const [alice, bob] = [exchange.phone(1, caller), exchange.phone(2, callee)];
    await connect(exchange, alice, bob);
    const call = alice.call()!;
    const clear = exchange.network.sent.filter((sent) => /m=audio \d+ RTP\/AVP/.test(sent.text));
    if (outcome === "secure" || outcome === "open") {
      assert.is(call.state, "active");
      assert.is(call.security.state, outcome);
      assert.is(bob.call()?.security.state, outcome);
      for (const phone of [alice, bob])
        assert.is(phone.voice.streams[0].started[0].security, outcome === "secure" ? "srtp" : "clear");
      alice.calls.hangup();
    } else {
      assert.is(call.state, "ended");
      assert.is(call.end?.code, outcome);
      for (const stream of [...alice.voice.streams, ...bob.voice.streams]) assert.is(stream.started.length, 0);
      assert.not(
        bob.events.some((event) => event.type === "call" && event.call.state === "ringing"),
        "never rang",
      );
      if (outcome === "not-acceptable") {
        assert.is(call.end?.status, 488);
        assert.ok(
          exchange.network.sent.some((sent) => /^SIP\/2.0 488/.test(sent.first) && /^Warning: \d{3} /m.test(sent.text)),
        );
        assert.is(bob.calls.totals.refused, 1);
      }
    }
    if ((caller.security ?? "required") === "required")
      assert.is(clear.filter((sent) => sent.from === 1).length, 0, "no clear line left the phone");
    await clean(exchange, alice, bob);
  });

const attacks: [string, (text: string) => string, string][] = [
  [
    "the answer's key-mgmt is taken out",
    (text) => (/^SIP\/2.0 200/.test(text) ? text.replace(/a=key-mgmt:.*\r\n/, "") : text),
    "missing-key-mgmt",
  ],
  [
    "the answer is turned into RTP/AVP",
    (text) => (/^SIP\/2.0 200/.test(text) ? text.replace("RTP/SAVP", "RTP/AVP") : text),
    "answer-mismatch",
  ],
  [
    "the answer's message is corrupted",
    (text) =>
      /^SIP\/2.0 200/.test(text)
        ? text.replace(/(a=key-mgmt:mikey .{60})(.)/, (_, before, c) => before + (c === "A" ? "B" : "A"))
        : text,
    "",
  ],
  [
    "the answer has another number of media lines",
    (text) => (/^SIP\/2.0 200/.test(text) ? text.replace(/$/, "m=audio 5 RTP/AVP 0\r\n") : text),
    "answer-mismatch",
  ],
  ["the answer is no SDP", (text) => (/^SIP\/2.0 200/.test(text) ? text.replace(/v=0/, "v=9") : text), "bad-sdp"],
];
for (const [name, tamper, code] of attacks)
  test(`on the way, ${name}: ACK, then BYE with a reason; nothing was ever played`, async () => {
    const exchange = new Exchange();
    const [alice, bob] = [exchange.phone(1), exchange.phone(2, { tamper })];
    await connect(exchange, alice, bob);
    assert.is(alice.call()?.state, "ended");
    if (code) assert.is(alice.call()?.end?.code, code);
    assert.is(alice.call()?.end?.by, "error");
    assert.is(alice.voice.streams[0].started.length, 0);
    const ladder = exchange.network.ladder();
    assert.ok(
      ladder.indexOf("1>2 ACK") >= 0 && ladder.indexOf("1>2 ACK") < ladder.indexOf("1>2 BYE"),
      ladder.join(", "),
    );
    assert.ok(
      exchange.network.sent.some(
        (sent) => sent.first.startsWith("BYE") && /^Reason: SIP;cause=\d+;text="/m.test(sent.text),
      ),
    );
    assert.is(bob.call()?.state, "ended");
    await clean(exchange, alice, bob);
  });

test("the offer's key-mgmt is taken out on the way: refused, never rings", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { tamper: (text) => text.replace(/a=key-mgmt:.*\r\n/, "") });
  const bob = exchange.phone(2);
  await connect(exchange, alice, bob);
  assert.is(alice.call()?.end?.status, 488);
  assert.equal(
    bob.events.filter((event) => event.type === "refused").map((event) => event.type === "refused" && event.code),
    ["missing-key-mgmt"],
  );
  await clean(exchange, alice, bob);
});

test("busy: the second caller gets 486, the call in progress goes on", async () => {
  const exchange = new Exchange();
  const [alice, bob, carol] = [exchange.phone(1), exchange.phone(2), exchange.phone(3)];
  await connect(exchange, alice, bob);
  carol.calls.dial(bob.uri);
  await exchange.until("carol is told", () => carol.call()?.state === "ended");
  assert.is(carol.call()?.end?.code, "busy");
  assert.is(carol.call()?.end?.status, 486);
  assert.is(bob.calls.list()[0].state, "active");
  bob.calls.hangup();
  await clean(exchange, alice, bob, carol);
});

test("declined: 603", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  bob.calls.hangup();
  await exchange.until("alice is told", () => alice.call()?.state === "ended");
  assert.equal([alice.call()?.end?.status, alice.call()?.end?.code], [603, "declined"]);
  await clean(exchange, alice, bob);
});

test("cancelled while it rings: 487, and bob's phone falls silent", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  alice.calls.hangup();
  await exchange.until("bob is told", () => bob.call()?.state === "ended");
  assert.is(bob.call()?.end?.code, "cancelled");
  assert.ok(exchange.network.ladder().includes("2>1 487"));
  await clean(exchange, alice, bob);
});

test("cancelled before the INVITE is out: nothing is sent", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.dial(bob.uri);
  alice.calls.hangup();
  await clean(exchange, alice, bob);
  assert.equal(exchange.network.ladder(), []);
  assert.is(alice.call()?.state, "ended");
});

test("nobody of that name: 404; nobody there at all: no answer; an address that is none: said at once", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.dial("sip:nobody@192.0.2.2");
  await exchange.until("404", () => alice.call()?.state === "ended");
  assert.is(alice.call()?.end?.code, "not-found");
  await exchange.run(50);
  alice.calls.dial("sip:u9@192.0.2.99");
  await exchange.until("no answer", () => alice.call()?.state === "ended", 40_000);
  assert.is(alice.call()?.end?.code, "no-answer");
  for (const wrong of ["bob", "", "mailto:bob@example.com", "sip:", "sips:u2@192.0.2.2"])
    assert.throws(() => alice.calls.dial(wrong), /address/);
  await clean(exchange, alice, bob);
});

test("rings too long: the call is given up", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  alice.calls.dial(bob.uri);
  await exchange.until("given up", () => alice.call()?.state === "ended" && bob.call()?.state === "ended", 70_000);
  assert.is(alice.call()?.end?.status, 480);
  await clean(exchange, alice, bob);
});

test("hold and resume from each side: directions change, keys and contexts stay", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  await connect(exchange, alice, bob);
  for (const [here, there] of [
    [alice, bob],
    [bob, alice],
  ]) {
    here.calls.hold();
    await exchange.until("held", () => here.call()?.state === "held" && there.call()?.heldByPeer === true);
    assert.is(here.voice.streams[0].started.at(-1)?.direction, "sendonly");
    assert.is(there.voice.streams[0].started.at(-1)?.direction, "recvonly");
    here.calls.resume();
    await exchange.until("resumed", () => here.call()?.state === "active" && there.call()?.heldByPeer === false);
    assert.is(here.voice.streams[0].started.at(-1)?.direction, "sendrecv");
    assert.is(there.voice.streams[0].started.at(-1)?.direction, "sendrecv");
  }
  for (const phone of [alice, bob]) {
    assert.is(phone.voice.streams[0].keyed.length, 1);
    assert.ok(phone.voice.streams[0].started.every((parameters) => parameters.security === "srtp"));
  }
  alice.calls.hangup();
  await clean(exchange, alice, bob);
});

test("a re-INVITE that would make a secured call clear is refused, the call stays", async () => {
  const exchange = new Exchange();
  let attack = false;
  const alice = exchange.phone(1, {
    tamper: (text) => (attack && text.startsWith("INVITE") ? text.replace("RTP/SAVP", "RTP/AVP") : text),
  });
  const bob = exchange.phone(2);
  await connect(exchange, alice, bob);
  attack = true;
  alice.calls.hold();
  await exchange.run(300);
  assert.ok(exchange.network.ladder().includes("2>1 488"));
  assert.is(bob.calls.list()[0].state, "active");
  assert.is(bob.voice.streams[0].started.length, 1);
  alice.calls.hangup();
  await clean(exchange, alice, bob);
});

test("the phone answers by itself when told to", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2, { autoAnswerMs: 500 })];
  alice.calls.dial(bob.uri);
  await exchange.until("answered", () => alice.call()?.state === "active" && bob.call()?.state === "active", 2000);
  assert.is(bob.call()?.state, "active");
  alice.calls.hangup();
  await clean(exchange, alice, bob);
});

test("no voice path: the call is refused with 503, or fails with a sentence", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  bob.voice.broken = "no free RTP port between 40000 and 40999";
  await connect(exchange, alice, bob);
  assert.is(alice.call()?.end?.status, 503);
  alice.voice.broken = "no free RTP port between 40000 and 40999";
  alice.calls.dial(bob.uri);
  await exchange.until("fails", () => alice.call()?.state === "ended");
  assert.match(alice.call()?.end?.user ?? "", /no free RTP port/);
  await clean(exchange, alice, bob);
});

test("switching the phone off hangs up and refuses new calls", async () => {
  const exchange = new Exchange();
  const [alice, bob, carol] = [exchange.phone(1), exchange.phone(2), exchange.phone(3)];
  await connect(exchange, alice, bob);
  const closed = bob.calls.close();
  carol.calls.dial(bob.uri);
  await exchange.until("ended everywhere", () => alice.call()?.state === "ended" && carol.call()?.state === "ended");
  await closed;
  assert.is(carol.call()?.end?.status, 480);
  assert.throws(() => bob.calls.dial(alice.uri), /switched off/);
  await clean(exchange, alice, bob, carol);
});

test("lost, doubled and late datagrams: the call still comes up and ends, nothing is left over", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const exchange = new Exchange();
    let state = seed * 7919;
    const chance = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
    exchange.network.fate = () => ({
      copies: chance() < 0.2 ? 0 : chance() < 0.15 ? 2 : 1,
      extraMs: chance() < 0.2 ? 40 : 0,
    });
    const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
    alice.calls.dial(bob.uri);
    await exchange.until(`seed ${seed}: rings`, () => bob.call()?.state === "ringing", 20_000);
    bob.calls.answer();
    await exchange.until(
      `seed ${seed}: up`,
      () => alice.call()?.state === "active" && bob.call()?.state === "active",
      30_000,
    );
    assert.is(alice.voice.streams[0].keyed[0].tx, bob.voice.streams[0].keyed[0].rx);
    bob.calls.hangup();
    await exchange.until(
      `seed ${seed}: over`,
      () => alice.call()?.state === "ended" && bob.call()?.state === "ended",
      60_000,
    );
    await clean(exchange, alice, bob);
  }
});

test("a source of offers that do not verify runs out of budget, another caller does not; a good caller never does", async () => {
  const exchange = new Exchange();
  const bad = exchange.phone(3, { psk: new Uint8Array(32).fill(7) });
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  const statuses: (number | undefined)[] = [];
  for (let i = 0; i < 8; i++) {
    bad.calls.dial(bob.uri);
    await exchange.until("refused", () => bad.call()?.state === "ended");
    statuses.push(bad.call()?.end?.status);
    await exchange.run(20);
  }
  assert.equal(statuses, [488, 488, 488, 488, 488, 503, 503, 503]);
  assert.ok(
    exchange.network.sent.some((sent) => /^SIP\/2.0 503/.test(sent.first) && /^Retry-After: \d+/m.test(sent.text)),
  );
  assert.is(bob.calls.refusals.get("over-budget"), 3);
  for (let i = 0; i < 8; i++) {
    await connect(exchange, alice, bob);
    assert.is(alice.call()?.state, "active");
    alice.calls.hangup();
    await exchange.until(
      "over",
      () => bob.call()?.state === "ended" && alice.calls.list().length === 0 && bob.calls.list().length === 0,
    );
  }
  await clean(exchange, alice, bob, bad);
});

test("call control says what is wrong with a request", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1), exchange.phone(2)];
  assert.throws(() => alice.calls.answer(), /no call is ringing/);
  assert.throws(() => alice.calls.hangup(), /no call/);
  assert.throws(() => alice.calls.hangup(7), /no call 7/);
  assert.throws(() => alice.calls.digit("x"), /not a digit/);
  assert.throws(() => alice.calls.dial(bob.uri, "sip:someone@else"), /no account/);
  await connect(exchange, alice, bob);
  assert.throws(() => alice.calls.dial(bob.uri), /already in progress/);
  alice.calls.hangup();
  await clean(exchange, alice, bob);
});

test.run();
