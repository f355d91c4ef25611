// Everything that must not lead to keys: damaged, replayed, stale, misdirected and wrongly signed offers and answers.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAuthority, issueIdentity } from "../../../../firmware/crypto/issue.js";
import type { Keying, KeyingAttributes } from "../../../../firmware/keying/keying.js";
import { MemoryReplayCache, parseMessage } from "../../../../firmware/mikey/index.js";
import { bad, good } from "../../../results.js";
import {
  alice,
  aliceIdentity,
  attributesWith,
  authorityPem,
  bob,
  bobIdentity,
  identityOf,
  keyingFor,
  messageIn,
  NOON,
  openPair,
  psk,
  SetClock,
  valid,
} from "./phones.js";

const test = suite("mikey attacks");
const carol = "sip:carol@example.com";

/** A callee without memory of earlier offers, so that the very check under test answers. */
function freshCallee(options: Parameters<typeof keyingFor>[1] = {}): Keying {
  return keyingFor(bobIdentity, { replay: new MemoryReplayCache(), ...options });
}

for (const method of ["psk", "dh"] as const) {
  const callerKeying = keyingFor(aliceIdentity, { offer: method });

  test(`${method}: any bit flipped in an offer is refused`, async () => {
    const offer = messageIn(good(await openPair(callerKeying, freshCallee()).caller.offer()));
    const calleeKeying = freshCallee();
    const codes = new Set<string>();
    const dense = method === "psk" ? offer.length : 60;
    // Bytes of the certificate cost a path check each: every sixth of them.
    for (let at = 0; at < offer.length; at += at > dense && at < offer.length - 500 ? 6 : 1)
      for (const bit of method === "psk" ? [1, 2, 4, 8, 16, 32, 64, 128] : [1 << (at % 8)]) {
        const damaged = offer.slice();
        damaged[at] ^= bit;
        const { callee, atCallee } = openPair(callerKeying, calleeKeying);
        const result = await callee.answer(attributesWith(damaged));
        assert.not(result.ok, `byte ${at}, bit ${bit}`);
        assert.is(atCallee.order.length, 0);
        if (!result.ok) codes.add(result.error.code);
      }
    assert.ok(codes.has(method === "psk" ? "wrong-psk" : "bad-signature"));
    assert.not(codes.has("internal-error"), [...codes].join(" "));
    good(await openPair(callerKeying, calleeKeying).callee.answer(attributesWith(offer)));
  });

  test(`${method}: an offer cut anywhere is refused, and so is a damaged answer`, async () => {
    const calleeKeying = freshCallee();
    const { caller, callee, atCaller } = openPair(callerKeying, calleeKeying);
    const offer = good(await caller.offer());
    const whole = messageIn(offer);
    for (let length = 1; length < whole.length; length += whole.length > 500 ? 17 : 1)
      assert.not(
        (await openPair(callerKeying, calleeKeying).callee.answer(attributesWith(whole.subarray(0, length)))).ok,
      );
    const answer = messageIn(good(await callee.answer(offer)));
    answer[answer.length - 1] ^= 1;
    bad(await caller.accept(attributesWith(answer)), method === "psk" ? "wrong-psk" : "bad-signature");
    assert.is(atCaller.keys.length, 0);
  });

  test(`${method}: a replayed offer is refused by every later session, an answered one is not its own replay`, async () => {
    const calleeKeying = freshCallee();
    const { caller, callee } = openPair(callerKeying, calleeKeying);
    const offer = good(await caller.offer());
    good(await callee.verify(offer));
    good(await callee.answer(offer));
    const again = openPair(callerKeying, calleeKeying);
    const error = bad(await again.callee.verify(offer), "replayed");
    assert.is(error.sipStatus, 488);
    assert.is(error.attributes, undefined);
    assert.is(again.atCallee.order.length, 0);
    const padded = new Uint8Array(messageIn(offer).length + 1);
    padded.set(messageIn(offer));
    bad(await openPair(callerKeying, calleeKeying).callee.verify(attributesWith(padded)), "replayed");
    const both = openPair(callerKeying, calleeKeying);
    const twin = openPair(callerKeying, calleeKeying);
    const next = good(await both.caller.offer());
    const results = await Promise.all([both.callee.verify(next), twin.callee.verify(next)]);
    assert.is(results.filter((result) => result.ok).length, 1, "two at once: one is new");
  });

  test(`${method}: a clock too far off, either way, is refused; within the window it is not`, async () => {
    for (const [offMs, isGood] of [
      [299_000, true],
      [-299_000, true],
      [301_000, false],
      [-301_000, false],
    ] as const) {
      const clock = new SetClock(NOON + offMs);
      const { caller, callee } = openPair(callerKeying, freshCallee({ clock }));
      const result = await callee.verify(good(await caller.offer()));
      if (isGood) good(result);
      else {
        const error = bad(result, "clock-skew");
        assert.match(error.user, /clock/);
        assert.ok(error.attributes);
      }
    }
    const narrow = openPair(callerKeying, freshCallee({ clock: new SetClock(NOON + 2000), skewMs: 1000 }));
    bad(await narrow.callee.verify(good(await narrow.caller.offer())), "clock-skew");
  });

  test(`${method}: offers for another callee, from another caller, and reflected ones are refused`, async () => {
    const misdirected = openPair(callerKeying, freshCallee(), { dialled: carol });
    bad(await misdirected.callee.verify(good(await misdirected.caller.offer())), "identity-mismatch");
    const impostor = openPair(callerKeying, freshCallee(), { from: carol });
    bad(await impostor.callee.verify(good(await impostor.caller.offer())), "identity-mismatch");
    const { caller } = openPair(callerKeying, freshCallee());
    const offer = good(await caller.offer());
    const reflected = callerKeying.open("answerer", { localUri: alice, peerUri: bob, ssrc: 9 }, { keys() {} });
    bad(await reflected.verify(offer), "identity-mismatch");
    const notSip = openPair(callerKeying, freshCallee(), { from: "tel:+4670123" });
    bad(await notSip.callee.verify(offer), "unsupported-identity");
  });

  test(`${method}: an answer to another offer does not fit`, async () => {
    const calleeKeying = freshCallee();
    const first = openPair(callerKeying, calleeKeying);
    const second = openPair(callerKeying, calleeKeying);
    const answer = good(await first.callee.answer(good(await first.caller.offer())));
    good(await second.caller.offer());
    bad(await second.caller.accept(answer), "response-mismatch");
    assert.is(second.atCaller.keys.length, 0);
    const own = openPair(callerKeying, calleeKeying);
    const offer = good(await own.caller.offer());
    bad(await own.caller.accept(offer), "response-mismatch");
  });
}

test("psk: another key is refused, and the user reads why", async () => {
  const other = freshCallee({ psk: { key: psk.key.map((byte) => byte ^ 1), name: "office" } });
  const { caller, callee } = openPair(keyingFor(aliceIdentity, { offer: "psk" }), other);
  const error = bad(await callee.verify(good(await caller.offer())), "wrong-psk");
  assert.is(error.sipStatus, 488);
  assert.match(error.user, /shared key/);
  const reply = good(parseMessage(messageIn(error.attributes ?? { session: [], media: [] })));
  assert.equal(reply.payloads[1], { kind: "error", number: 0 });
});

test("dh: certificates of an unknown authority, expired, not yet valid, for another URI", async () => {
  const day = 86_400_000;
  const authority = await createAuthority({ ...valid, commonName: "Test CA" });
  const otherCa = await createAuthority({ ...valid, commonName: "Test CA" });
  const trusted = { trustAnchorsPem: [authorityPem, authority.certificatePem] };
  const cases = [
    ["unknown-ca", await issueIdentity(otherCa, { ...valid, uri: alice }), NOON],
    [
      "certificate-expired",
      await issueIdentity(authority, { ...valid, uri: alice, notAfterMs: NOON - 1000 }),
      NOON - 2000,
    ],
    [
      "certificate-not-yet-valid",
      await issueIdentity(authority, { notBeforeMs: NOON + 1000, notAfterMs: NOON + day, uri: alice }),
      NOON + 2000,
    ],
    ["identity-mismatch", await issueIdentity(authority, { ...valid, uri: carol }), NOON],
    ["bad-key-usage", await issueIdentity(authority, { ...valid, uri: alice, keyUsage: ["keyEncipherment"] }), NOON],
  ] as const;
  for (const [code, issued, callerMs] of cases) {
    // The caller's clock is set so that its own certificate looks fine to itself: the callee has to notice.
    const callerUri = code === "identity-mismatch" ? carol : alice;
    const callerKeying = keyingFor(issued, { clock: new SetClock(callerMs) });
    const pair = openPair(callerKeying, freshCallee(trusted), { callerLocal: callerUri });
    const error = bad(await pair.callee.verify(good(await pair.caller.offer())), code);
    assert.is(error.sipStatus, 488);
    assert.is(pair.atCallee.order.length, 0);
  }
  const mallory = await issueIdentity(authority, { ...valid, uri: carol });
  const calleeKeying = freshCallee({ identity: identityOf(mallory) });
  const pair = openPair(keyingFor(aliceIdentity, trusted), calleeKeying, { calleeLocal: carol, dialled: carol });
  const answer = good(await pair.callee.answer(good(await pair.caller.offer())));
  good(await pair.caller.accept(answer));
  const own = openPair(keyingFor(aliceIdentity), calleeKeying);
  bad(await own.callee.verify(good(await own.caller.offer())), "own-identity-mismatch");
});

test("dh: our own expired certificate is said before anything is sent", async () => {
  const authority = await createAuthority({ ...valid, commonName: "Test CA" });
  const old = await issueIdentity(authority, { ...valid, uri: alice, notAfterMs: NOON - 1000 });
  bad(await openPair(keyingFor(old), freshCallee()).caller.offer(), "own-certificate-expired");
});

test("SDP: missing, doubled, foreign, malformed and huge attributes", async () => {
  const offer = good(await openPair(keyingFor(aliceIdentity), freshCallee()).caller.offer());
  const [attribute] = offer.session;
  const verify = (attributes: KeyingAttributes) =>
    openPair(keyingFor(aliceIdentity, { offer: "psk" }), freshCallee()).callee.verify(attributes);
  bad(await verify({ session: [], media: [] }), "missing-key-mgmt");
  bad(await verify({ session: [{ name: "key-mgmt", value: "keyp1 AAAA" }], media: [] }), "missing-key-mgmt");
  bad(await verify({ session: [{ name: "key-mgmt" }], media: [] }), "missing-key-mgmt");
  bad(await verify({ session: [attribute, attribute], media: [] }), "bidding-down");
  for (const data of ["", "A", "AAA=A", "AA AA", "AAA*", `${"A".repeat(30_000)}`])
    bad(await verify({ session: [{ name: "key-mgmt", value: `mikey ${data}` }], media: [] }), "malformed-key-mgmt");
  bad(await verify(attributesWith(Uint8Array.of(1, 2, 3))), "malformed-message");
  // RFC 4567 section 4.1.4: a second protocol added to, or taken from, what the offerer listed.
  const added = { session: [attribute, { name: "key-mgmt", value: "keyp1 AAAA" }], media: [] };
  bad(await verify(added), "bidding-down");
});

test("full replay cache: nothing new is let in until old offers have run out", async () => {
  const clock = new SetClock();
  const calleeKeying = keyingFor(bobIdentity, { replay: new MemoryReplayCache(2), clock });
  const callerKeying = keyingFor(aliceIdentity, { offer: "psk", clock });
  const call = async () => {
    const pair = openPair(callerKeying, calleeKeying);
    return pair.callee.verify(good(await pair.caller.offer()));
  };
  good(await call());
  good(await call());
  assert.is(bad(await call(), "replay-cache-full").sipStatus, 480);
  clock.ms += 600_001;
  good(await call());
});

test("no error carries a secret or a line break", async () => {
  const { caller, callee } = openPair(keyingFor(aliceIdentity, { offer: "psk" }), freshCallee(), { dialled: carol });
  const error = bad(await callee.verify(good(await caller.offer())), "identity-mismatch");
  assert.match(error.text, /^[\x20-\x7e]+$/);
  assert.not(JSON.stringify(error).includes(Buffer.from(psk.key).toString("hex")));
});

test.run();
