// The telephone in the hand: what each key does, and that nothing rings or shakes longer than it should.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CallControl } from "../../../firmware/call/types.js";
import type { Handset } from "../../../firmware/handset/index.js";
import { Phone } from "./support.js";

const test = suite("handset");

test("an incoming call rings, shakes, lights; the call key answers", () => {
  const phone = new Phone();
  phone.call(1, "incoming", "ringing");
  assert.ok(phone.ringing && phone.vibrating);
  assert.is(phone.light, "ringing");
  assert.is(phone.headset, "incoming");
  assert.is(phone.view.title, "Incoming call");
  phone.press("call");
  assert.equal(phone.asked, ["answer 1"]);
  phone.call(1, "incoming", "answering");
  assert.ok(phone.quiet);
});

// Vibration that goes on after answering, or that buzzes on a dead call, is what people complain about: every way out is tried.
const exits: [string, (phone: Phone) => void][] = [
  ["answered", (phone) => phone.call(1, "incoming", "answering")],
  ["active", (phone) => phone.call(1, "incoming", "active")],
  [
    "cancelled by the caller",
    (phone) => phone.call(1, "incoming", "ended", { end: { by: "peer", code: "cancelled", text: "", user: "Missed" } }),
  ],
  [
    "declined",
    (phone) => phone.call(1, "incoming", "ended", { end: { by: "us", code: "declined", text: "", user: "Declined" } }),
  ],
  [
    "failed",
    (phone) => phone.call(1, "incoming", "ended", { end: { by: "error", code: "x", text: "", user: "Failed" } }),
  ],
  ["silenced by a volume key", (phone) => phone.press("volumeDown")],
  ["switched off", (phone) => phone.handset.close()],
];
for (const [name, leave] of exits)
  test(`nothing rings or shakes any more: ${name}`, () => {
    const phone = new Phone();
    phone.call(1, "incoming", "ringing");
    leave(phone);
    assert.ok(phone.quiet);
    phone.time.advance(60_000);
    assert.ok(phone.quiet);
    assert.is(phone.tone, undefined);
  });

test("volume keys repeat while held, others do not", () => {
  const phone = new Phone();
  for (let i = 0; i < 3; i++) phone.handset.key("repeat", "volumeDown");
  assert.match(phone.view.lines.join(), /Volume 50 %/);
  phone.handset.key("repeat", "5");
  assert.is(phone.view.title, "Ready");
});

test("a second call knocks instead of ringing while one is running", () => {
  const phone = new Phone();
  phone.call(1, "outgoing", "active");
  phone.call(2, "incoming", "ringing");
  assert.ok(phone.quiet);
  assert.is(phone.tone, "call-waiting");
  assert.is(phone.view.title, "Second call");
});

test("the hang-up key declines, cancels, hangs up", () => {
  for (const [direction, state] of [
    ["incoming", "ringing"],
    ["outgoing", "dialling"],
    ["outgoing", "ringing"],
    ["incoming", "active"],
    ["outgoing", "held"],
  ] as const) {
    const phone = new Phone();
    phone.call(7, direction, state);
    phone.press("hangup");
    assert.equal(phone.asked, ["hangup 7"], `${direction} ${state}`);
  }
});

test("ringback while the other phone rings, busy tone after, then silence", () => {
  const phone = new Phone();
  phone.call(1, "outgoing", "ringing");
  assert.is(phone.tone, "ringback");
  phone.call(1, "outgoing", "ended", { end: { by: "peer", status: 486, code: "busy", text: "", user: "Busy" } });
  assert.is(phone.tone, "busy");
  assert.ok(phone.view.lines.includes("Busy"));
  phone.time.advance(10_000);
  assert.is(phone.tone, undefined);
});

test("what was typed is dialled in our own domain", () => {
  const phone = new Phone();
  phone.press("4", "2", "#", "call");
  assert.equal(phone.asked, ["dial sip:42%23@here.test"]);
});

test("a call that was dialled is one for the next key, though nobody was told of it yet", () => {
  const phone = new Phone();
  phone.press("5", "call", "hangup");
  assert.equal(phone.asked, ["dial sip:5@here.test", "hangup 77"]);
});

test("contacts: arrows choose, call dials, a long press on the digit dials", () => {
  const phone = new Phone();
  phone.press("down", "down", "call");
  phone.dialledInVain();
  phone.handset.key("long", "1");
  assert.equal(phone.asked, ["dial sip:bob@there.test", "dial sip:ann@there.test"]);
});

test("redial: the first press shows, the second dials", () => {
  const phone = new Phone();
  phone.press("5", "call");
  phone.dialledInVain();
  phone.press("call");
  assert.is(phone.asked.length, 1);
  assert.equal(phone.view.lines[0], "sip:5@here.test");
  phone.press("call");
  assert.equal(phone.asked, ["dial sip:5@here.test", "dial sip:5@here.test"]);
});

test("in a call: digits, mute, hold and back", () => {
  const phone = new Phone();
  phone.call(3, "outgoing", "active");
  phone.press("5", "mute", "call");
  phone.call(3, "outgoing", "held", { muted: true });
  phone.press("mute", "call");
  assert.equal(phone.asked, ["digit 5 3", "mute true 3", "hold 3", "mute false 3", "resume 3"]);
});

test("the screen says how private a call is", () => {
  const phone = new Phone();
  const peer = {
    identity: "sip:bob@there.test",
    proof: { kind: "certificate", subject: "Bob", ca: "Test CA", fingerprint: "00", notAfter: "2030-01-01" },
    method: "MIKEY signed Diffie-Hellman",
    sinceMs: 0,
  } as const;
  phone.call(1, "outgoing", "active", {
    security: { state: "secure", suite: "AES_CM_128_HMAC_SHA1_80", peer, rekeys: 0 },
  });
  assert.is(phone.light, "secure");
  const screen = phone.view.lines.join("\n");
  for (const word of ["Private", "Diffie-Hellman", "AES_CM_128_HMAC_SHA1_80", "sip:bob@there.test", "Test CA"])
    assert.ok(screen.includes(word), word);
  assert.not(/began in the open|keys changed/i.test(screen));
  const changed = { state: "secure", suite: "AEAD_AES_128_GCM", peer, rekeys: 2, openBefore: true } as const;
  phone.call(1, "outgoing", "active", { security: changed });
  assert.match(phone.view.lines.join("\n"), /Keys changed 2 times\n?.*It began in the open/s);
  phone.handset.key("long", "call");
  phone.call(1, "outgoing", "active", { security: { state: "open" } });
  assert.is(phone.light, "open");
  assert.match(phone.view.lines.join("\n"), /NOT PRIVATE/);
  phone.handset.key("long", "call");
  assert.equal(phone.asked, ["rekey 1", "secure 1"]);
});

test("what call control refuses is said on the screen", () => {
  const phone = new Phone();
  (phone.handset as unknown as { options: { calls: CallControl } }).options.calls.dial = () => {
    throw new Error("no key or certificate is configured");
  };
  phone.press("1", "call");
  assert.ok(phone.view.lines.includes("no key or certificate is configured"));
  assert.is(phone.light, "error");
});

test("who is likely to be called is expected: a contact shown, a digit with a contact, a number, the last one; nobody during a call", () => {
  const phone = new Phone();
  const after = (...keys: Parameters<Handset["key"]>[1][]) => {
    phone.press(...keys);
    return phone.expected.splice(0);
  };
  assert.equal(after("down", "down"), ["sip:ann@there.test", "sip:bob@there.test"]);
  assert.equal(after("volumeUp"), ["sip:bob@there.test"], "a key shows that the wish still stands");
  assert.equal(after("back"), [undefined]);
  assert.equal(after("1"), ["sip:ann@there.test"]);
  assert.equal(after("2"), [undefined]);
  assert.equal(after("3"), ["sip:123@here.test"]);
  assert.equal(after("call"), [], "dialling takes it");
  assert.equal(phone.asked, ["dial sip:123@here.test"]);
  phone.dialledInVain();
  phone.expected.length = 0;
  assert.equal(after("call"), ["sip:123@here.test"], "to be dialled again");
  phone.call(1, "incoming", "ringing");
  assert.equal(phone.expected.splice(0), [undefined]);
  assert.equal(after("1"), []);
});

test("a contact that was shown when a call came in is not dialled by the next press of the call key", () => {
  const phone = new Phone();
  phone.press("down");
  phone.call(1, "incoming", "ringing");
  phone.call(1, "incoming", "ended", { end: { by: "peer", code: "cancelled", text: "", user: "Missed call" } });
  phone.press("call");
  assert.equal(phone.asked, []);
});

test.run();
