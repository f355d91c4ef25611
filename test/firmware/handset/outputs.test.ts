// What people see, hear and feel: that it begins and ends when it should, whatever device fails.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Phone } from "./support.js";

const test = suite("handset outputs");

test("a broken ringer does not keep the vibrator from running or stopping", () => {
  const phone = new Phone();
  phone.broken = "ringer";
  phone.call(1, "incoming", "ringing");
  assert.ok(phone.vibrating);
  phone.call(1, "incoming", "answering");
  assert.not(phone.vibrating);
});

test("vibrate-only shakes without a sound, silent does neither; holding # changes it while idle", () => {
  const phone = new Phone({ mode: "vibrate", vibrate: false });
  phone.call(1, "incoming", "ringing");
  assert.equal([phone.ringing, phone.vibrating, phone.light], [false, true, "ringing"]);
  phone.call(1, "incoming", "ended");
  for (const [words, rings, shakes] of [
    [/silent/, false, false],
    [/rings/, true, false],
    [/vibrates/, false, true],
  ] as const) {
    phone.handset.key("press", "#");
    phone.handset.key("long", "#");
    assert.match(phone.view.lines.join(), words);
    phone.call(2, "incoming", "ringing");
    assert.equal([phone.ringing, phone.vibrating], [rings, shakes]);
    phone.call(2, "incoming", "ended");
  }
});

test("the ringer is told whose call it is: the proved identity before the stated address", () => {
  const phone = new Phone();
  phone.call(1, "incoming", "ringing");
  phone.call(1, "incoming", "ended");
  const proof = { kind: "shared-key", keyName: "k" } as const;
  const caller = { identity: "sip:carol@there.test", proof, method: "MIKEY", sinceMs: 0 };
  phone.call(2, "incoming", "ringing", { security: { state: "pending", caller } });
  assert.equal(phone.rang, ["ring sip:bob@there.test", "ring sip:carol@there.test"]);
});

test("a message sounds and shakes once, not in a call, and does not stop what rings meanwhile", () => {
  const phone = new Phone();
  const message = { type: "message", account: "sip:me@here.test", from: "sip:x@y.test", text: "hi" } as const;
  phone.handset.onCall(message);
  assert.equal([phone.rang, phone.shaken.length, phone.vibrating], [["message"], 1, false]);
  phone.time.advance(1000);
  phone.call(1, "incoming", "ringing");
  phone.time.advance(10_000);
  assert.ok(phone.ringing && phone.vibrating);
  phone.call(1, "incoming", "active");
  phone.handset.onCall(message);
  assert.equal([phone.rang.length, phone.shaken.length], [2, 2]);
});

test("a key is felt where that is wanted, and never in place of the ringing pattern", () => {
  const phone = new Phone({ keyClick: true });
  phone.press("5");
  assert.equal(phone.shaken, [[20]]);
  phone.call(1, "incoming", "ringing");
  phone.press("left");
  assert.is(phone.shaken.length, 2);
  assert.ok(phone.vibrating);
});

test("the screen is lit by keys and calls, dark a while after", () => {
  const phone = new Phone({ lightMs: 5000 });
  phone.time.advance(6000);
  assert.is(phone.lit, 0);
  phone.press("5");
  assert.is(phone.lit, 1);
  phone.time.advance(6000);
  assert.is(phone.lit, 0);
  phone.call(1, "incoming", "ringing");
  phone.time.advance(60_000);
  assert.is(phone.lit, 1);
  phone.call(1, "incoming", "active");
  phone.time.advance(6000);
  assert.is(phone.lit, 0);
});

test.run();
