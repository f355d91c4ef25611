// Headsets: which has the voice, and what their buttons do.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { HeadsetEvent } from "../../../drivers/contract.js";
import { Phone } from "./support.js";

const test = suite("headsets");

test("a headset: the voice moves to it and back; what it asks for is done or refused", () => {
  const phone = new Phone();
  phone.wearer({ type: "connected", name: "Ear" });
  assert.is(phone.route, "headset");
  phone.call(4, "incoming", "ringing");
  assert.is(phone.wearer({ type: "answer", call: 4 }), true);
  phone.call(4, "incoming", "active");
  for (const event of [
    { type: "hold", call: 4 },
    { type: "digit", digit: "7" },
    { type: "hangup", call: 4 },
  ] as const)
    assert.is(phone.wearer(event), true);
  assert.is(phone.wearer({ type: "hangup", call: 99 }), false);
  assert.equal(phone.asked, ["answer 4", "hold 4", "digit 7 4", "hangup 4"]);
  phone.call(4, "incoming", "ended");
  assert.equal(
    [{ type: "redial" }, { type: "memory", location: 9 }, { type: "digit", digit: "1" }].map((event) =>
      phone.wearer(event as HeadsetEvent),
    ),
    [false, false, false],
  );
  assert.is(phone.wearer({ type: "memory", location: 1 }), true);
  assert.is(phone.asked.at(-1), "dial sip:ann@there.test");
  phone.wearer({ type: "disconnected", reason: "gone" });
  assert.is(phone.route, "handset");
});

test("the headset that came last has the voice; when it goes, the one before it", () => {
  const phone = new Phone();
  phone.wearer({ type: "connected", name: "Ear" });
  phone.wired({ type: "connected", name: "Wire" });
  assert.is(phone.route, "jack");
  phone.wearer({ type: "disconnected", reason: "out of reach" });
  assert.is(phone.route, "jack", "the other one stays");
  phone.wearer({ type: "connected", name: "Ear" });
  assert.is(phone.route, "headset");
  phone.wearer({ type: "disconnected", reason: "out of reach" });
  assert.is(phone.route, "jack");
  phone.wired({ type: "disconnected", reason: "pulled" });
  assert.is(phone.route, "handset");
});

test("what call control refuses is told to the headset and said on the screen; a weak battery is, too", () => {
  const phone = new Phone({
    calls: {
      dial: () => {
        throw new Error("a call is already in progress");
      },
      expect: () => {},
    } as never,
  });
  assert.is(phone.wearer({ type: "dial", number: "sip:ann@there.test" }), false);
  assert.match(phone.view.lines.join(), /already in progress/);
  phone.wearer({ type: "battery", percent: 80 });
  assert.not.match(phone.view.lines.join(), /battery/);
  phone.wearer({ type: "battery", percent: 10 });
  assert.match(phone.view.lines.join(), /battery is at 10 %/);
});

test.run();
