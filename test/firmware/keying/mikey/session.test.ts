// The keying contract with MIKEY behind it: calls that succeed, from offer to equal keys on both sides.

import { randomBytes } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generateOakley5KeyPair } from "../../../../firmware/crypto/dh.js";
import { KeyPairPool } from "../../../../firmware/keying/index.js";
import { parseMessage, payloadsOf } from "../../../../firmware/mikey/index.js";
import { Secret } from "../../../../firmware/runtime/secret.js";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import { bad, good } from "../../../results.js";
import {
  alice,
  aliceIdentity,
  bob,
  bobIdentity,
  identityOf,
  keyingFor,
  messageIn,
  NOON,
  openPair,
  psk,
} from "./phones.js";

const test = suite("mikey keying");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

for (const method of ["psk", "dh"] as const)
  test(`${method}: both ends get each other's keys and know who the other is`, async () => {
    const callerKeying = keyingFor(aliceIdentity, { offer: method });
    const calleeKeying = keyingFor(bobIdentity);
    await callerKeying.prepare();
    await calleeKeying.prepare();
    const { caller, callee, atCaller, atCallee } = openPair(callerKeying, calleeKeying);
    const offer = good(await caller.offer());
    assert.is(offer.session.length, 1);
    assert.is(offer.session[0].name, "key-mgmt");
    assert.match(offer.session[0].value ?? "", /^mikey [A-Za-z0-9+/]+=*$/);
    assert.ok(calleeKeying.recognises(offer));
    const who = good(await callee.verify(offer));
    assert.is(who.identity, alice);
    assert.equal(atCallee.order, ["verified"]);
    const answer = good(await callee.answer(offer));
    assert.equal(atCallee.order, ["verified", "keys"]);
    const peer = good(await caller.accept(answer));
    assert.is(peer.identity, bob);
    assert.is(peer.sinceMs, NOON);
    const [a] = atCaller.keys;
    const [b] = atCallee.keys;
    assert.is(a.tx.suite, "AES_CM_128_HMAC_SHA1_80");
    assert.is(a.tx.masterKey.length, 16);
    assert.is(a.tx.masterSalt.length, 14);
    assert.is(hex(a.tx.masterKey), hex(b.rx.masterKey));
    assert.is(hex(a.rx.masterKey), hex(b.tx.masterKey));
    assert.is(hex(a.tx.masterSalt), hex(b.rx.masterSalt));
    assert.is(hex(a.rx.masterSalt), hex(b.tx.masterSalt));
    assert.is.not(hex(a.tx.masterKey), hex(a.rx.masterKey), "each direction has a key of its own");
    assert.ok(a.tx.masterKey.some((byte) => byte !== 0));
    if (method === "psk") assert.equal(peer.proof, { kind: "shared-key", keyName: "office" });
    else {
      assert.is(peer.proof.kind, "certificate");
      if (peer.proof.kind === "certificate") {
        assert.is(peer.proof.ca, "Vector CA");
        assert.is(peer.proof.subject, bob);
        assert.match(peer.proof.fingerprint, /^[0-9a-f]{64}$/);
        assert.is(peer.proof.notAfter, "2046-01-01T00:00:00.000Z");
      }
    }
    caller.close();
    callee.close();
    assert.ok(
      a.tx.masterKey.some((byte) => byte !== 0),
      "keys handed over belong to their holder",
    );
  });

test("an answer without an earlier verify verifies by itself; asking twice gives the same answer", async () => {
  const { caller, callee, atCallee } = openPair(keyingFor(aliceIdentity), keyingFor(bobIdentity));
  const offer = good(await caller.offer());
  const [first, second] = await Promise.all([callee.answer(offer), callee.answer(offer)]);
  assert.equal(good(first), good(second));
  assert.equal(atCallee.order, ["verified", "keys"]);
});

test("the response echoes CSB ID and T, fills in our SSRC and clears V", async () => {
  const { caller, callee } = openPair(keyingFor(aliceIdentity, { offer: "psk" }), keyingFor(bobIdentity));
  const offer = good(await caller.offer());
  const i = good(parseMessage(messageIn(offer)));
  const r = good(parseMessage(messageIn(good(await callee.answer(offer)))));
  assert.ok(i.header.verify);
  assert.not(r.header.verify);
  assert.is(r.header.csbId, i.header.csbId);
  assert.equal(i.payloads[0], r.payloads[0]);
  assert.equal(
    i.header.sessions.map((session) => session.ssrc),
    [0x1111, 0],
  );
  assert.equal(
    r.header.sessions.map((session) => session.ssrc),
    [0x1111, 0x2222],
  );
});

test("an offer at media level is answered there, and hides the session's", async () => {
  const { caller, callee, atCaller } = openPair(keyingFor(aliceIdentity), keyingFor(bobIdentity));
  const offer = good(await caller.offer());
  const moved = { session: [{ name: "key-mgmt", value: "mikey AAAA" }], media: offer.session };
  const answer = good(await callee.answer(moved));
  assert.is(answer.session.length, 0);
  assert.is(answer.media.length, 1);
  good(await caller.accept(answer));
  assert.is(atCaller.keys.length, 1);
});

test("a phone with only a shared key answers psk and refuses dh with 488 and Invalid DT", async () => {
  const onlyPsk = keyingFor(bobIdentity, {
    offer: "psk",
    identity: undefined,
    psk: { ...psk, key: new Secret(psk.key.slice()) },
  });
  const first = openPair(keyingFor(aliceIdentity, { offer: "psk" }), onlyPsk);
  good(await first.callee.answer(good(await first.caller.offer())));
  const second = openPair(keyingFor(aliceIdentity, { offer: "dh" }), onlyPsk);
  const refused = await second.callee.verify(good(await second.caller.offer()));
  assert.is(refused.ok, false);
  if (refused.ok) return;
  assert.is(refused.error.code, "unsupported-method");
  assert.is(refused.error.sipStatus, 488);
  const reply = good(parseMessage(messageIn(refused.error.attributes ?? { session: [], media: [] })));
  assert.is(reply.header.dataType, 6);
  assert.equal(reply.payloads[1], { kind: "error", number: 11 });
  const told = await second.caller.accept(refused.error.attributes ?? { session: [], media: [] });
  assert.is(told.ok, false);
  if (!told.ok) {
    assert.is(told.error.code, "refused-by-peer");
    assert.match(told.error.text, /data type not supported/);
  }
});

test("psk: the TGK is gone once the answer is in, and when a call is given up", async () => {
  const given: Uint8Array[] = [];
  const random = (length: number) => {
    const bytes = new Uint8Array(randomBytes(length));
    given.push(bytes);
    return bytes;
  };
  const callerKeying = keyingFor(aliceIdentity, { offer: "psk", random });
  const answered = openPair(callerKeying, keyingFor(bobIdentity));
  good(await answered.caller.accept(good(await answered.callee.answer(good(await answered.caller.offer())))));
  const abandoned = openPair(callerKeying, keyingFor(bobIdentity));
  good(await abandoned.caller.offer());
  const tgks = given.filter((bytes) => bytes.length === 32);
  assert.is(tgks.length, 2);
  assert.ok(tgks[0].every((byte) => byte === 0));
  assert.ok(
    tgks[1].some((byte) => byte !== 0),
    "still needed",
  );
  abandoned.caller.close();
  assert.ok(tgks[1].every((byte) => byte === 0));
});

test("dh: private values and secrets are gone once they were used, and when a call is given up", async () => {
  const pairs: { wiped: boolean; secrets: Uint8Array[] }[] = [];
  const takeDhKeyPair = () => {
    const pair = generateOakley5KeyPair();
    const seen = { wiped: false, secrets: [] as Uint8Array[] };
    pairs.push(seen);
    return {
      publicValue: pair.publicValue,
      secret: (peer: Uint8Array) => {
        const result = pair.secret(peer);
        if (result.ok) seen.secrets.push(result.value);
        return result;
      },
      wipe: () => {
        seen.wiped = true;
        pair.wipe();
      },
    };
  };
  const callerKeying = keyingFor(aliceIdentity, { takeDhKeyPair });
  const calleeKeying = keyingFor(bobIdentity, { takeDhKeyPair });
  const { caller, callee } = openPair(callerKeying, calleeKeying);
  good(await caller.accept(good(await callee.answer(good(await caller.offer())))));
  assert.is(pairs.length, 2);
  for (const pair of pairs) {
    assert.ok(pair.wiped);
    assert.is(pair.secrets.length, 1);
    assert.ok(pair.secrets[0].every((byte) => byte === 0));
  }
  const abandoned = openPair(callerKeying, calleeKeying);
  good(await abandoned.callee.verify(good(await abandoned.caller.offer())));
  assert.not(pairs[2].wiped);
  abandoned.caller.close();
  assert.ok(pairs[2].wiped);
  assert.is(pairs.length, 3, "a callee takes a key pair only to answer");
});

for (const method of ["psk", "dh"] as const)
  test(`${method}: an answer need not wait for its keys`, async () => {
    const { caller, callee, atCaller, atCallee } = openPair(
      keyingFor(aliceIdentity, { offer: method }),
      keyingFor(bobIdentity),
    );
    const answer = good(await callee.answer(good(await caller.offer()), { keysLater: true }));
    assert.equal(atCallee.order, ["verified"]);
    good(await caller.accept(answer));
    good(callee.conclude!());
    assert.equal(atCallee.order, ["verified", "keys"]);
    assert.is(hex(atCallee.keys[0].tx.masterKey), hex(atCaller.keys[0].rx.masterKey));
    assert.is(hex(atCallee.keys[0].rx.masterKey), hex(atCaller.keys[0].tx.masterKey));
    good(callee.conclude!());
    assert.is(atCallee.keys.length, 1, "once");
  });

test("an answer given up before its keys were worked out has none, and its private value is gone", async () => {
  for (const offer of ["psk", "dh"] as const) {
    let wiped = 0;
    const takeDhKeyPair = () => {
      const pair = generateOakley5KeyPair();
      return {
        ...pair,
        wipe() {
          wiped++;
          pair.wipe();
        },
      };
    };
    const { caller, callee, atCallee } = openPair(
      keyingFor(aliceIdentity, { offer }),
      keyingFor(bobIdentity, { takeDhKeyPair }),
    );
    good(await callee.answer(good(await caller.offer()), { keysLater: true }));
    callee.close();
    assert.is(wiped, offer === "dh" ? 1 : 0);
    assert.is(bad(callee.conclude!(), "closed").code, "closed");
    assert.equal(atCallee.order, ["verified"]);
  }
});

test("a key pair of a pool is used for one offer only", async () => {
  const pool = new KeyPairPool({ timers: new VirtualTime(), size: 2 });
  await pool.fill("oakley5");
  const callerKeying = keyingFor(aliceIdentity, { takeDhKeyPair: (group) => pool.take(group) });
  const values: string[] = [];
  for (let i = 0; i < 3; i++) {
    const { caller } = openPair(callerKeying, keyingFor(bobIdentity));
    const message = messageIn(good(await caller.offer()));
    values.push(hex(payloadsOf(good(parseMessage(message)), "dh")[0].value));
    caller.close();
  }
  assert.is(new Set(values).size, 3);
  assert.equal([pool.status.hits, pool.status.misses], [2, 1]);
  pool.close();
});

test("a closed session says so, whatever is asked", async () => {
  const { caller, callee, atCallee } = openPair(keyingFor(aliceIdentity), keyingFor(bobIdentity));
  const offer = good(await caller.offer());
  const pending = callee.answer(offer);
  callee.close();
  caller.close();
  for (const result of [await pending, await callee.verify(offer), await caller.offer(), await caller.accept(offer)]) {
    assert.is(result.ok, false);
    if (!result.ok) assert.is(result.error.code, "closed");
  }
  assert.is(atCallee.keys.length, 0);
});

test("wrong use of the interface is an error, not a crash", async () => {
  const { caller, callee } = openPair(keyingFor(aliceIdentity), keyingFor(bobIdentity));
  const offer = good(await caller.offer());
  for (const result of [await callee.offer(), await caller.verify(offer), await callee.accept(offer)]) {
    assert.is(result.ok, false);
    if (!result.ok) assert.is(result.error.code, "unexpected-message");
  }
  const another = good(await openPair(keyingFor(aliceIdentity), keyingFor(bobIdentity)).caller.offer());
  const fresh = openPair(keyingFor(aliceIdentity), keyingFor(bobIdentity));
  good(await fresh.callee.verify(offer));
  const second = await fresh.callee.answer(another);
  assert.is(second.ok, false);
});

test("keys that cannot be used are refused when the keying is made", () => {
  const both = identityOf(aliceIdentity);
  assert.throws(() => keyingFor(aliceIdentity, { psk: { key: new Uint8Array(15), name: "short" } }), /16 bytes/);
  assert.throws(() => keyingFor(aliceIdentity, { offer: "psk", psk: undefined }), /no keys/);
  assert.throws(() => keyingFor(aliceIdentity, { trustAnchorsPem: undefined }), /trust anchors/);
  assert.throws(() => keyingFor(aliceIdentity, { trustAnchorsPem: "nothing" }), /trust anchors/);
  assert.throws(
    () => keyingFor(aliceIdentity, { identity: { ...both, privateKeyPem: bobIdentity.privateKeyPem } }),
    /does not belong/,
  );
  assert.throws(() => keyingFor(aliceIdentity, { identity: { ...both, certificateChainPem: "" } }), /no certificate/);
  assert.throws(
    () => keyingFor(aliceIdentity).open("offerer", { localUri: alice, peerUri: bob, ssrc: 0 }, { keys() {} }),
    /SSRC/,
  );
});

test.run();
