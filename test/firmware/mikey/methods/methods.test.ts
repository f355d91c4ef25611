// Every method between two of our agents: what both ends get, and what must not pass.

import { createPrivateKey } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generateDhKeyPair } from "../../../../firmware/crypto/dh.js";
import {
  type Agreement,
  type Bundle,
  covered,
  createDhHmacMethod,
  createPskMethod,
  MemoryCounters,
  MemoryReplayCache,
  type MethodName,
  MikeyAgent,
  mikeySuites,
  type OfferOptions,
  type ParsedMessage,
  parseMessage,
  payloadsOf,
  printMessage,
  rsaPkcs1Sha1,
  srtpKeys,
} from "../../../../firmware/mikey/index.js";
import { bad, good } from "../../../results.js";
import { hex } from "../../../vectors.js";
import {
  agentOf,
  alice,
  aliceIdentity,
  atAlice,
  atBob,
  bob,
  everyMethod,
  identityFor,
  methodsOf,
  nowMs,
  type Person,
  psk,
  random,
} from "../people.js";

const test = suite("mikey methods");

interface Exchanged {
  readonly offer: ParsedMessage;
  readonly answer: ParsedMessage;
  readonly atA: Agreement;
  readonly atB: Agreement;
}

async function exchange(
  method: MethodName,
  a: MikeyAgent,
  b: MikeyAgent,
  options: OfferOptions = {},
): Promise<Exchanged> {
  const sent = good(await a.offer(method, atAlice, ["mikey"], nowMs, options));
  const received = good(await b.receive(sent.message, atBob, ["mikey"], nowMs));
  const { message, agreement } = good(await received.answer());
  received.wipe();
  const atA = good(await sent.accept(message, nowMs));
  sent.end();
  return { offer: good(parseMessage(sent.message)), answer: good(parseMessage(message)), atA, atB: agreement };
}

function sameKeys({ atA, atB }: Exchanged): void {
  assert.is(atA.sessions.length, atB.sessions.length);
  for (const [i, one] of atA.sessions.entries()) {
    const other = atB.sessions[i];
    assert.equal(
      [one.csId, one.ssrc, one.suite, hex(one.tek), hex(one.salt)],
      [other.csId, other.ssrc, other.suite, hex(other.tek), hex(other.salt)],
    );
    assert.is.not(one.direction, other.direction);
    assert.ok(one.tek.some((byte) => byte !== 0));
  }
  assert.is.not(hex(atA.sent.tek), hex(atA.received.tek));
}

const a = (more: Partial<Person> = {}) => agentOf({ uri: alice, ...more });
const b = (more: Partial<Person> = {}) => agentOf({ uri: bob, ...more });

for (const method of everyMethod)
  test(`${method}: both ends agree, and know each other`, async () => {
    const done = await exchange(method, a(), b());
    sameKeys(done);
    const { atA, atB } = done;
    assert.is(atA.sent.ssrc, 0x1111);
    assert.is(atA.received.ssrc, 0x2222);
    assert.is(atA.peer.identity, bob);
    assert.is(atB.peer.identity, alice);
    assert.is(atA.method, method);
  });

for (const method of everyMethod)
  test(`${method}: an answer can go out before its keys are worked out; wiped, it never has any`, async () => {
    const write = async () => {
      const sent = good(await a().offer(method, atAlice, ["mikey"], nowMs));
      const received = good(await b().receive(sent.message, atBob, ["mikey"], nowMs));
      return { sent, received, written: good(await received.write()) };
    };
    const { sent, written } = await write();
    const atA = good(await sent.accept(written.message, nowMs));
    const atB = good(written.agree());
    assert.equal([hex(atB.sent.tek), hex(atB.received.tek)], [hex(atA.received.tek), hex(atA.sent.tek)]);
    const abandoned = await write();
    abandoned.received.wipe();
    bad(abandoned.written.agree(), "internal-error");
    const offered = good(await a().offer(method, atAlice, ["mikey"], nowMs));
    const received = good(await b().receive(offered.message, atBob, ["mikey"], nowMs));
    const writing = received.write();
    received.wipe();
    bad(await writing, "internal-error");
  });

for (const method of ["dh", "dhhmac"] as const)
  test(`${method}: an X25519 point of small order is refused before anything is answered`, async () => {
    // RFC 7748 section 6.1: with a point of order 8 the secret is zero..
    const point = Buffer.from("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "hex");
    const evil = new MikeyAgent({
      methods: methodsOf({
        uri: alice,
        group: "x25519",
        takeDhKeyPair: () => ({ ...generateDhKeyPair("x25519"), publicValue: new Uint8Array(point) }),
      }),
      replay: new MemoryReplayCache(),
      random,
    });
    const sent = good(await evil.offer(method, atAlice, ["mikey"], nowMs));
    const received = good(await b().receive(sent.message, atBob, ["mikey"], nowMs));
    bad(await received.write(), "bad-dh-value");
  });

for (const method of ["dh", "dhhmac"] as const)
  for (const group of ["modp2048", "modp3072", "x25519"] as const)
    test(`${method} in ${group}`, async () => {
      const done = await exchange(method, a({ group }), b());
      sameKeys(done);
      assert.is(payloadsOf(done.offer, "dh")[0].group, { modp2048: 241, modp3072: 242, x25519: 243 }[group]);
    });

for (const group of ["oakley1", "oakley2"] as const)
  test(`${group} only where the policy names it`, async () => {
    const offered = a({ group, acceptedGroups: [group] });
    const sent = good(await offered.offer("dhhmac", atAlice, ["mikey"], nowMs));
    const refused = bad(await b().receive(sent.message, atBob, ["mikey"], nowMs), "unsupported-dh-group");
    const reply = good(parseMessage(refused.reply ?? new Uint8Array()));
    assert.is(payloadsOf(reply, "error")[0].number, 6);
    sameKeys(await exchange("dhhmac", offered, b({ acceptedGroups: [group] })));
  });

test("signatures: RFC 3830's to strangers, SHA-256 in the answer and from then on", async () => {
  const [one, two] = [a(), b()];
  const typeOf = (message: ParsedMessage) => payloadsOf(message, "sign")[0].type;
  const first = await exchange("dh", one, two);
  assert.equal([typeOf(first.offer), typeOf(first.answer)], [0, 13]);
  const second = await exchange("dh", one, two);
  assert.equal([typeOf(second.offer), typeOf(second.answer)], [13, 13]);
  const plain = await exchange("dh", a({ signatures: "rfc3830" }), b());
  assert.equal([typeOf(plain.offer), typeOf(plain.answer)], [0, 0]);
  assert.is(payloadsOf(plain.offer, "extension").filter(({ type }) => type === 0).length, 0);
  assert.is(typeOf((await exchange("dh", a({ signatures: "rfc3830-pss" }), b())).offer), 1);
  const sent = good(await a().offer("dh", atAlice, ["mikey"], nowMs));
  bad(await b({ signatures: "sotto" }).receive(sent.message, atBob, ["mikey"], nowMs), "unsupported-signature");
  const strong = await exchange("dh", a({ signatures: "sotto" }), b());
  assert.equal([typeOf(strong.offer), typeOf(strong.answer)], [13, 13]);
});

for (const [keyType, type] of [
  ["p256", 14],
  ["ed25519", 15],
] as const)
  test(`certificates with ${keyType} keys sign and verify`, async () => {
    const done = await exchange(
      "dh",
      a({ identity: await identityFor(alice, keyType) }),
      b({ identity: await identityFor(bob, keyType) }),
    );
    sameKeys(done);
    assert.is(payloadsOf(done.offer, "sign")[0].type, type);
    assert.is(payloadsOf(done.answer, "sign")[0].type, type);
    const rfc = b({ signatures: "rfc3830" });
    const sent = good(await a({ identity: await identityFor(alice, keyType) }).offer("dh", atAlice, ["mikey"], nowMs));
    bad(await rfc.receive(sent.message, atBob, ["mikey"], nowMs), "unsupported-signature");
  });

for (const method of ["psk", "pke"] as const) {
  test(`${method} without the verification message: keys at once, at both ends`, async () => {
    const sent = good(await a().offer(method, atAlice, ["mikey"], nowMs, { verify: false, isOneWay: true }));
    const atA = good(sent.assume(nowMs));
    const received = good(await b().receive(sent.message, { ...atBob, map: "any" }, ["mikey"], nowMs));
    assert.not(received.isAnswerWanted);
    const atB = good(received.assume());
    assert.is(hex(atA.sent.tek), hex(atB.received.tek));
    assert.throws(() => atB.sent, /no session that is sent/);
  });

  test(`${method}: an answer is needed where it was asked for`, async () => {
    const sent = good(await a().offer(method, atAlice, ["mikey"], nowMs));
    bad(sent.assume(nowMs), "internal-error");
  });
}

for (const method of ["dh", "dhhmac", "rsa-r"] as const)
  test(`${method} cannot do without an answer, nor carry a given key`, async () => {
    bad(await a().offer(method, atAlice, ["mikey"], nowMs, { verify: false }), "key-not-shareable");
    const { bundle } = (await exchange("psk", a(), b())).atA;
    const share = bundle?.share();
    assert.ok(share);
    if (share) bad(await a().offer(method, atAlice, ["mikey"], nowMs, { share }), "key-not-shareable");
  });

for (const name of mikeySuites)
  test(`suite ${name}: key and salt of its lengths`, async () => {
    const done = await exchange("psk", a({ agent: { suites: [name] } }), b({ agent: { suites: [name] } }));
    sameKeys(done);
    const bits = /256/.test(name) ? 32 : /192/.test(name) ? 24 : 16;
    assert.equal([done.atA.sent.tek.length, done.atA.sent.salt.length], [bits, /GCM/.test(name) ? 12 : 14]);
  });

test("suites in preference order: the responder takes the first both have; RSA-R as RFC 4738 says", async () => {
  const wants = {
    agent: { suites: ["AEAD_AES_256_GCM", "AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80"] },
  } as const;
  const has = { agent: { suites: ["AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"] } } as const;
  for (const method of everyMethod) {
    const done = await exchange(method, a(wants), b(has));
    sameKeys(done);
    assert.is(done.atA.sent.suite, "AES_256_CM_HMAC_SHA1_80", method);
  }
  const only = { agent: { suites: ["AEAD_AES_128_GCM"] } } as const;
  const sent = good(await a(only).offer("psk", atAlice, ["mikey"], nowMs));
  const { reply } = bad(await b(has).receive(sent.message, atBob, ["mikey"], nowMs), "unsupported-policy");
  const told = await sent.accept(reply ?? new Uint8Array(), nowMs);
  assert.not(told.ok);
  if (!told.ok) assert.is(told.error.policies?.length, 2, "the responder's own policies come back");
});

test("envelopes: OAEP, AES key wrap with its NULL MAC, CHASH of the certificate", async () => {
  for (const envelope of [{ padding: "oaep" }, { encryption: 2 }, { padding: "oaep", encryption: 2 }] as const)
    for (const method of ["pke", "rsa-r"] as const) sameKeys(await exchange(method, a({ envelope }), b({ envelope })));
  const wrapped = await exchange("pke", a({ envelope: { encryption: 2 } }), b());
  const [kemac] = payloadsOf(wrapped.offer, "kemac");
  assert.equal([kemac.encryption, kemac.macAlgorithm, kemac.data.length % 8], [2, 0, 0]);
  assert.is(payloadsOf(wrapped.offer, "certificate-hash").length, 1);
  const oaep = good(await a({ envelope: { padding: "oaep" } }).offer("pke", atAlice, ["mikey"], nowMs));
  bad(await b().receive(oaep.message, atBob, ["mikey"], nowMs), "bad-envelope");
});

test("an envelope key that both keep saves the public-key operations of the next call", async () => {
  const envelope = { cache: "peer" } as const;
  const [one, two] = [a({ envelope }), b({ envelope })];
  const first = await exchange("pke", one, two);
  assert.is(payloadsOf(first.offer, "pke")[0].cache, 1);
  const second = await exchange("pke", one, two);
  assert.is(second.offer.header.dataType, 0, "a pre-shared key message");
  sameKeys(second);
  assert.is(second.atA.peer.kind, "certificate");
  assert.is(second.atB.peer.identity, alice);
  const late = good(await one.offer("pke", atAlice, ["mikey"], nowMs + 3_600_001));
  assert.is(good(parseMessage(late.message)).header.dataType, 2, "not for ever");
});

test("an envelope addressed to another certificate of ours is opened with its key, to a strange one refused", async () => {
  const sent = good(await a().offer("pke", atAlice, ["mikey"], nowMs));
  const message = good(parseMessage(sent.message));
  const payloads = message.payloads.map((payload) =>
    payload.kind === "certificate-hash" ? { ...payload, hash: payload.hash.map((byte) => byte ^ 1) } : payload,
  );
  bad(
    await b().receive(printMessage({ header: message.header, payloads }), atBob, ["mikey"], nowMs),
    "unknown-certificate-hash",
  );
});

test("V flag 0 where the method cannot do without an answer: it is wanted all the same (signed Diffie-Hellman, DHHMAC, RSA-R)", async () => {
  for (const method of ["dh", "rsa-r"] as const) {
    const sent = good(await a({ signatures: "rfc3830" }).offer(method, atAlice, ["mikey"], nowMs));
    const { header, payloads } = good(parseMessage(sent.message));
    const message = printMessage({ header: { ...header, verify: false }, payloads });
    const key = createPrivateKey(aliceIdentity.privateKeyPem);
    message.set(await rsaPkcs1Sha1.sign(covered(message, 256), key), message.length - 256);
    const received = good(await b().receive(message, atBob, ["mikey"], nowMs));
    assert.ok(received.isAnswerWanted);
    bad(received.assume(), "internal-error");
    good(await sent.accept(good(await received.answer()).message, nowMs));
  }
  for (const method of ["dh", "dhhmac", "rsa-r"] as const)
    bad(await a().offer(method, atAlice, ["mikey"], nowMs, { verify: false }), "key-not-shareable");
  for (const method of ["psk", "pke"] as const) {
    const sent = good(await a().offer(method, atAlice, ["mikey"], nowMs, { verify: false }));
    const received = good(await b().receive(sent.message, atBob, ["mikey"], nowMs));
    assert.not(received.isAnswerWanted);
    assert.is(hex(good(received.assume()).received.tek), hex(good(sent.assume(nowMs)).sent.tek));
  }
});

for (const method of everyMethod)
  test(`${method}: the key derivation rate of the offer is that of both ends, in updates as well`, async () => {
    const { atA, atB } = await exchange(method, a({ agent: { srtp: { kdr: 2 ** 16 } } }), b());
    for (const agreement of [atA, atB])
      for (const session of agreement.sessions) assert.is(srtpKeys(session).kdr, 2 ** 16);
    const sent = good(await (atB.bundle as Bundle).update({ rekey: true }, ["mikey"], nowMs));
    const received = good(await (atA.bundle as Bundle).receive(sent.message, ["mikey"], nowMs));
    const { message, agreement } = good(await received.answer());
    for (const one of [agreement, good(await sent.accept(message, nowMs))]) assert.is(one.sent.kdr, 2 ** 16);
  });

test("counters as timestamps: each larger than the last, or the message is a replay", async () => {
  const counters = () => new MemoryCounters();
  const one = a({ agent: { timestamps: "counter", counters: counters() } });
  const two = b({ agent: { counters: counters() } });
  for (const method of everyMethod) sameKeys(await exchange(method, one, two));
  const late = good(await one.offer("psk", atAlice, ["mikey"], nowMs));
  const next = good(await one.offer("psk", atAlice, ["mikey"], nowMs));
  good(await two.receive(next.message, atBob, ["mikey"], nowMs));
  bad(await two.receive(late.message, atBob, ["mikey"], nowMs), "replayed");
  bad(await b().receive(late.message, atBob, ["mikey"], nowMs), "unsupported-timestamp");
  sameKeys(await exchange("psk", a({ agent: { timestamps: "ntp" } }), b()));
});

test("NULL encryption and NULL MAC only where the carrier is trusted", async () => {
  const open = (transport: object) =>
    new MikeyAgent({
      methods: [createPskMethod({ key: new Uint8Array(16), name: "none", transport })],
      replay: new MemoryReplayCache(),
      random,
    });
  const sent = good(await open({ encryption: 0, mac: 0 }).offer("psk", atAlice, [], nowMs, { verify: false }));
  const trusting = open({ acceptedEncryptions: [0], trustsCarrier: true });
  const agreement = good(good(await trusting.receive(sent.message, atBob, [], nowMs)).assume());
  assert.is(agreement.peer.kind, "carrier");
  assert.is(hex(agreement.received.tek), hex(good(sent.assume(nowMs)).sent.tek));
  bad(await open({ acceptedEncryptions: [0] }).receive(sent.message, atBob, [], nowMs), "unsupported-mac");
  const wrap = good(await open({ encryption: 2 }).offer("psk", atAlice, [], nowMs));
  sameKeysOfWrap(
    good(await good(await open({ acceptedEncryptions: [2] }).receive(wrap.message, atBob, [], nowMs)).answer())
      .agreement,
  );
});

function sameKeysOfWrap(agreement: Agreement): void {
  assert.is(agreement.sent.tek.length, 16);
}

test("the empty map: sessions and policy agreed outside (RFC 4563 section 5)", async () => {
  const outside = {
    suite: "AES_CM_128_HMAC_SHA1_80",
    sessions: [
      { policy: 0, ssrc: 0x1111, roc: 0 },
      { policy: 0, ssrc: 0x2222, roc: 0 },
    ],
  } as const;
  for (const method of everyMethod) {
    const sent = good(await a().offer(method, { ...atAlice, outside }, ["mikey"], nowMs));
    const parsed = good(parseMessage(sent.message));
    assert.equal([parsed.header.mapType, payloadsOf(parsed, "policy").length], [1, 0]);
    const received = good(await b().receive(sent.message, { ...atBob, outside }, ["mikey"], nowMs));
    const { message, agreement } = good(await received.answer());
    const atA = good(await sent.accept(message, nowMs));
    assert.is(hex(atA.sent.tek), hex(agreement.received.tek), method);
    bad(await b().receive(sent.message, atBob, ["mikey"], nowMs), "unsupported-cs-map");
  }
});

test("several streams: a pair of sessions for each", async () => {
  const sent = good(await a().offer("dh", { ...atAlice, moreSsrcs: [0x1112] }, ["mikey"], nowMs));
  bad(await b().receive(sent.message, atBob, ["mikey"], nowMs), "unsupported-crypto-sessions");
  const two = { ...atBob, moreSsrcs: [0x2223] };
  const { message, agreement } = good(await good(await b().receive(sent.message, two, ["mikey"], nowMs)).answer());
  const atA = good(await sent.accept(message, nowMs));
  assert.equal(
    atA.sessions.map(({ ssrc }) => ssrc),
    [0x1111, 0x2222, 0x1112, 0x2223],
  );
  for (const [i, one] of atA.sessions.entries()) assert.is(hex(one.tek), hex(agreement.sessions[i].tek));
});

test("errors are authenticated wherever the offer was", async () => {
  const suites = { agent: { suites: ["AEAD_AES_128_GCM"] } } as const;
  for (const method of everyMethod) {
    const sent = good(await a(suites).offer(method, atAlice, ["mikey"], nowMs));
    const { reply } = bad(await b().receive(sent.message, atBob, ["mikey"], nowMs), "unsupported-policy");
    const told = bad(await sent.accept(reply ?? new Uint8Array(), nowMs), "refused-by-peer");
    assert.match(told.text, /parameters not supported$/, method);
    const forged = (reply ?? new Uint8Array()).slice();
    forged[forged.length - 1] ^= 1;
    assert.match(bad(await sent.accept(forged, nowMs), "refused-by-peer").text, /not authenticated/);
  }
});

test("a replayed offer is refused, whatever its method", async () => {
  for (const method of everyMethod) {
    const callee = b();
    const sent = good(await a().offer(method, atAlice, ["mikey"], nowMs));
    good(await callee.receive(sent.message, atBob, ["mikey"], nowMs));
    bad(await callee.receive(sent.message, atBob, ["mikey"], nowMs), "replayed");
  }
});

test("a wiped shared key is no key: neither zeros in its place nor the key itself are believed or used", async () => {
  for (const method of ["psk", "dhhmac"] as const) {
    const made = (key: Uint8Array) => {
      const shared = { key, name: "shared", takeDhKeyPair: generateDhKeyPair };
      const methods = [method === "psk" ? createPskMethod(shared) : createDhHmacMethod(shared)];
      return new MikeyAgent({ methods, replay: new MemoryReplayCache(), random });
    };
    const closed = made(psk);
    closed.close();
    for (const key of [new Uint8Array(32), psk]) {
      const offer = await made(key).offer(method, atAlice, ["mikey"], nowMs);
      assert.ok(offer.ok);
      const received = await closed.receive(offer.value.message, atBob, ["mikey"], nowMs);
      assert.is(received.ok ? "taken" : received.error.code, "internal-error");
    }
    const offer = await closed.offer(method, atBob, ["mikey"], nowMs);
    assert.is(offer.ok ? "made" : offer.error.code, "internal-error");
  }
});

test.run();
