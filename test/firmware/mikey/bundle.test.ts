// Running bundles: new keys, more sessions, keys for a group and for another device (RFC 3830 sections 4.5 and 8).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type Agreement,
  type Bundle,
  type MethodName,
  type MikeyAgent,
  newGroupKeys,
  parseMessage,
  payloadsOf,
  policyFor,
  type UpdateOptions,
  wipeSharedKeys,
} from "../../../firmware/mikey/index.js";
import { bad, good } from "../../results.js";
import { hex } from "../../vectors.js";
import { agentOf, alice, atAlice, atBob, bob, everyMethod, nowMs, random } from "./people.js";

const test = suite("mikey bundles");

async function call(method: MethodName, a: MikeyAgent, b: MikeyAgent): Promise<{ atA: Agreement; atB: Agreement }> {
  const sent = good(await a.offer(method, atAlice, ["mikey"], nowMs));
  const received = good(await b.receive(sent.message, atBob, ["mikey"], nowMs));
  const { message, agreement } = good(await received.answer());
  return { atA: good(await sent.accept(message, nowMs)), atB: agreement };
}

function bundleOf(agreement: Agreement): Bundle {
  if (!agreement.bundle) throw new Error("no bundle was kept");
  return agreement.bundle;
}

async function update(from: Bundle, to: Bundle, options: UpdateOptions, add?: readonly number[]) {
  const sent = good(await from.update(options, ["mikey"], nowMs));
  const received = good(await to.receive(sent.message, ["mikey"], nowMs, add));
  const { message, agreement } = good(await received.answer());
  return {
    message: good(parseMessage(sent.message)),
    atFrom: good(await sent.accept(message, nowMs)),
    atTo: agreement,
  };
}

const keysOf = (agreement: Agreement) => agreement.sessions.map(({ tek, salt }) => hex(tek) + hex(salt));

for (const method of everyMethod) {
  test(`${method}: new keys in the same bundle, from either end, again and again`, async () => {
    const first = await call(method, agentOf({ uri: alice }), agentOf({ uri: bob }));
    const seen = new Set(keysOf(first.atA));
    let [a, b] = [bundleOf(first.atA), bundleOf(first.atB)];
    for (const isFromB of [false, true, false]) {
      const [from, to] = isFromB ? [b, a] : [a, b];
      const { message, atFrom, atTo } = await update(from, to, {
        rekey: true,
        validity: { kind: "spi", spi: Uint8Array.of(seen.size) },
      });
      assert.is(message.header.csbId, first.atA.csbId);
      assert.is(payloadsOf(message, "rand").length, 0, "no new RAND");
      assert.equal(keysOf(atFrom), keysOf(atTo));
      assert.is(hex(atFrom.sent.tek), hex(atTo.received.tek));
      assert.is(atFrom.sent.mki?.[0], seen.size);
      assert.is(atFrom.sent.ssrc, (isFromB ? first.atB : first.atA).sent.ssrc, "directions stay");
      for (const key of keysOf(atFrom)) {
        assert.not(seen.has(key), "the keys are new");
        seen.add(key);
      }
      a.close();
      b.close();
      [a, b] = isFromB ? [bundleOf(atTo), bundleOf(atFrom)] : [bundleOf(atFrom), bundleOf(atTo)];
    }
  });

  test(`${method}: an update without a key keeps the keys, and may need no answer`, async () => {
    const first = await call(method, agentOf({ uri: alice }), agentOf({ uri: bob }));
    const before = keysOf(first.atA);
    const { message, atFrom, atTo } = await update(bundleOf(first.atB), bundleOf(first.atA), { rekey: false });
    assert.is(payloadsOf(message, "dh").length, 0);
    for (const agreement of [atFrom, atTo]) assert.equal(keysOf(agreement), before);
    if (method === "dh" || method === "dhhmac") return;
    const oneWay = good(await bundleOf(atTo).update({ rekey: false, verify: false }, ["mikey"], nowMs));
    const read = good(await bundleOf(atFrom).receive(oneWay.message, ["mikey"], nowMs));
    assert.not(read.isAnswerWanted);
    assert.equal(keysOf(good(read.assume())), before);
  });

  test(`${method}: a stream is added, with keys from the running TGK`, async () => {
    const first = await call(method, agentOf({ uri: alice }), agentOf({ uri: bob }));
    const { atFrom, atTo } = await update(
      bundleOf(first.atA),
      bundleOf(first.atB),
      { rekey: false, add: [0x3333] },
      [0x4444],
    );
    assert.equal(
      atFrom.sessions.map(({ ssrc }) => ssrc),
      [0x1111, 0x2222, 0x3333, 0x4444],
    );
    assert.equal(keysOf(atFrom).slice(0, 2), keysOf(first.atA));
    assert.equal(keysOf(atFrom), keysOf(atTo));
    assert.equal(
      atTo.sessions.map(({ direction }) => direction),
      ["received", "sent", "received", "sent"],
    );
  });

  test(`${method}: updates for no bundle, another bundle, or with something changed`, async () => {
    const [a, b] = [agentOf({ uri: alice }), agentOf({ uri: bob })];
    const [one, two] = [await call(method, a, b), await call(method, a, b)];
    const sent = good(await bundleOf(one.atA).update({ rekey: true }, ["mikey"], nowMs));
    bad(await b.receive(sent.message, atBob, ["mikey"], nowMs), "unknown-bundle");
    bad(await bundleOf(two.atB).receive(sent.message, ["mikey"], nowMs), "unknown-bundle");
    for (let at = 4; at < sent.message.length; at += Math.ceil(sent.message.length / 60)) {
      const damaged = sent.message.slice();
      damaged[at] ^= 0x10;
      assert.not((await bundleOf(one.atB).receive(damaged, ["mikey"], nowMs)).ok, `byte ${at}`);
    }
    good(await bundleOf(one.atB).receive(sent.message, ["mikey"], nowMs));
    bad(await bundleOf(one.atB).receive(sent.message, ["mikey"], nowMs), "replayed");
    const wrong = good(await a.offer(method, atAlice, ["mikey"], nowMs));
    assert.not((await bundleOf(one.atB).receive(wrong.message, ["mikey"], nowMs)).ok, "a new bundle is no update");
  });

  test(`${method}: a closed bundle has no keys and makes nothing`, async () => {
    const { atA } = await call(method, agentOf({ uri: alice }), agentOf({ uri: bob }));
    const bundle = bundleOf(atA);
    bundle.close();
    bad(await bundle.update({ rekey: true }, ["mikey"], nowMs), "internal-error");
    assert.throws(() => bundle.share(), /closed/);
    assert.ok(
      atA.sent.tek.some((byte) => byte !== 0),
      "what is in use stays",
    );
  });
}

for (const method of ["pke", "rsa-r"] as const)
  test(`${method}: an envelope key that may not be kept: updates are proved as the first exchange was`, async () => {
    const person = (uri: string) => agentOf({ uri, envelope: { cache: "none" } });
    const first = await call(method, person(alice), person(bob));
    const { message, atFrom, atTo } = await update(bundleOf(first.atA), bundleOf(first.atB), { rekey: true });
    assert.is(payloadsOf(message, "sign").length, 1);
    assert.is(payloadsOf(message, "rand").length, 0);
    assert.equal(keysOf(atFrom), keysOf(atTo));
    assert.not.equal(keysOf(atFrom), keysOf(first.atA));
    assert.is(atFrom.csbId, first.atA.csbId);
  });

test("a running call's keys for another device: same keys, and its place in the streams", async () => {
  for (const method of ["psk", "dh", "dhhmac"] as const) {
    const { atA } = await call(method, agentOf({ uri: alice }), agentOf({ uri: bob }));
    const share = bundleOf(atA).share(new Map([[0x2222, 7]]));
    // Bob's other device takes his stream over: it names his SSRC as its own.
    const sent = good(await agentOf({ uri: alice }).offer("pke", atAlice, ["mikey"], nowMs, { share }));
    wipeSharedKeys(share);
    const received = good(
      await agentOf({ uri: bob }).receive(sent.message, { ...atBob, map: "any" }, ["mikey"], nowMs),
    );
    const { message, agreement } = good(await received.answer());
    assert.equal(keysOf(agreement), keysOf(atA));
    assert.is(agreement.sent.ssrc, 0x2222);
    assert.is(agreement.sent.roc, 7);
    assert.is(agreement.received.ssrc, 0x1111);
    assert.equal(keysOf(good(await sent.accept(message, nowMs))), keysOf(atA));
  }
});

test("a group: one TGK, CSB ID and map for every member, by shared key or envelope", async () => {
  const sessions = [{ policy: 0, ssrc: 0x1111, roc: 3 }];
  const share = newGroupKeys(random, sessions, [policyFor("AES_CM_128_HMAC_SHA1_80", 0)]);
  const sender = agentOf({ uri: alice });
  const seen = new Set<string>();
  for (const method of ["psk", "pke", "psk"] as const) {
    const sent = good(await sender.offer(method, atAlice, ["mikey"], nowMs, { share, verify: false }));
    seen.add(hex(good(sent.assume(nowMs)).sent.tek));
    const received = good(
      await agentOf({ uri: bob }).receive(sent.message, { ...atBob, map: "any" }, ["mikey"], nowMs),
    );
    const agreement = good(received.assume());
    seen.add(hex(agreement.received.tek));
    assert.is(agreement.csbId, share.csbId);
    assert.is(agreement.received.roc, 3);
  }
  assert.is(seen.size, 1);
});

test("RSA-R: a member asks for a group's keys and gets its CSB ID, RAND, sessions and policy", async () => {
  const sessions = [
    { policy: 2, ssrc: 0x7777, roc: 1 },
    { policy: 2, ssrc: 0x8888, roc: 0 },
  ];
  const group = newGroupKeys(random, sessions, [policyFor("AES_CM_128_HMAC_SHA1_80", 2)]);
  const teks = new Set<string>();
  for (let member = 0; member < 2; member++) {
    const sent = good(await agentOf({ uri: alice }).offer("rsa-r", atAlice, ["mikey"], nowMs, { asksForGroup: true }));
    assert.is(good(parseMessage(sent.message)).header.sessionCount, 0);
    const received = good(await agentOf({ uri: bob }).receive(sent.message, atBob, ["mikey"], nowMs));
    const { message } = good(await received.answer(group));
    const agreement = good(await sent.accept(message, nowMs));
    assert.equal(
      agreement.sessions.map(({ ssrc, roc, direction }) => [ssrc, roc, direction]),
      [
        [0x7777, 1, "received"],
        [0x8888, 0, "received"],
      ],
    );
    teks.add(hex(agreement.received.tek));
  }
  assert.is(teks.size, 1);
});

test.run();
