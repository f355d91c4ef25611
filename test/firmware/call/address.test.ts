// The device moves to another address in a call: Via, Contact and the media line say so, and the answer to the old address is still taken.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Exchange } from "./support.js";

for (const security of ["off", "required"] as const)
  test(`another address in a call (security ${security}): the other side is told by re-INVITE, keys stay`, async () => {
    const exchange = new Exchange();
    const [alice, bob] = [1, 2].map((number) => exchange.phone(number, { security }));
    alice.calls.dial(bob.uri);
    await exchange.until("ringing", () => bob.call()?.state === "ringing");
    bob.calls.answer();
    await exchange.until("active", () => alice.call()?.state === "active" && bob.call()?.state === "active");
    const keys = bob.voice.streams[0].keyed.length;
    // The old address goes on working in this network: what counts is what the messages say.
    exchange.network.bind("192.0.2.77").start({ message: () => {}, failed: () => {} });
    alice.userAgent.readdress("192.0.2.77");
    alice.calls.readdress("192.0.2.77");
    await exchange.until(
      "the new media address",
      () => bob.voice.streams[0].started.at(-1)?.remoteAddress === "192.0.2.77",
    );
    const invite = exchange.network.sent.findLast(({ text }) => text.startsWith("INVITE"))!.text;
    assert.match(invite, /^Via: SIP\/2\.0\/UDP 192\.0\.2\.77:5060/m);
    assert.match(invite, /^Contact: <sip:192\.0\.2\.77:5060>/m);
    assert.is(bob.voice.streams[0].keyed.length, keys);
    assert.is(alice.call()?.state, "active");
  });

test.run();
