// Several key agreements in one offer: which is taken, and that nobody on the way can choose (RFC 4567 sections 3.1 and 4.1.4).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAuthority, issueIdentity } from "../../../../firmware/crypto/issue.js";
import type { KeyingAttributes } from "../../../../firmware/keying/index.js";
import { createMikeyKeying, type MikeyKeyingOptions } from "../../../../firmware/keying/mikey/index.js";
import {
  createPskMethod,
  MemoryReplayCache,
  type MethodName,
  MikeyAgent,
  parseMessage,
  payloadsOf,
} from "../../../../firmware/mikey/index.js";
import { bad, good } from "../../../results.js";
import { hex } from "../../../vectors.js";
import { random } from "../../mikey/people.js";
import { alice, bob, identityOf, openPair, psk, SetClock, valid } from "./phones.js";

const test = suite("several offers");
const authority = await createAuthority({ ...valid, commonName: "Offers CA" });
const keyUsage = ["digitalSignature", "keyEncipherment"] as const;
const [aliceIdentity, bobIdentity] = [
  await issueIdentity(authority, { ...valid, uri: alice, keyUsage }),
  await issueIdentity(authority, { ...valid, uri: bob, keyUsage }),
];

function phone(issued: typeof aliceIdentity | undefined, options: Partial<MikeyKeyingOptions>) {
  return createMikeyKeying({
    offer: "psk",
    psk,
    ...(issued ? { identity: identityOf(issued), trustAnchorsPem: authority.certificatePem } : {}),
    clock: new SetClock(),
    random,
    keepsBundles: true,
    ...options,
  });
}
const all: readonly MethodName[] = ["dh", "rsa-r", "pke", "dhhmac", "psk"];
const typesOf = ({ session, media }: KeyingAttributes) =>
  [...session, ...media].map(({ value }) => {
    const parsed = parseMessage(new Uint8Array(Buffer.from(value!.split(" ")[1], "base64")));
    if (!parsed.ok) throw new Error(parsed.error.text);
    return parsed.value.header.dataType;
  });

// What the callee can do, and what becomes of an offer of everything.
const taken: [string, boolean, Partial<MikeyKeyingOptions>, RegExp][] = [
  ["everything", true, {}, /Diffie-Hellman \(/],
  ["shared keys only", false, {}, /shared key.*Diffie|Diffie.*shared key/i],
  ["a shared key as it is", false, { accepts: [] }, /[Pp]re-shared|shared key/],
  ["RSA-R and a shared key", true, { accepts: ["rsa-r"] }, /RSA-R/],
];
for (const [name, hasIdentity, options, label] of taken)
  test(`the first that the other phone can do: ${name}`, async () => {
    const caller = phone(aliceIdentity, { offer: all, peerCertificatesPem: [bobIdentity.certificatePem] });
    const pair = openPair(caller, phone(hasIdentity ? bobIdentity : undefined, options));
    const offer = good(await pair.caller.offer());
    assert.equal(typesOf(offer), [4, 9, 2, 7, 0]);
    const answer = good(await pair.callee.answer(offer));
    const peer = good(await pair.caller.accept(answer));
    assert.match(peer.method, label);
    assert.is(answer.session.length, 1);
    const [a, b] = [pair.atCaller.keys[0], pair.atCallee.keys[0]];
    assert.is(hex(a.tx.masterKey), hex(b.rx.masterKey));
    assert.is(hex(a.rx.masterKey), hex(b.tx.masterKey));
    // What was agreed on can be renewed, whichever of the offers it was.
    const update = good(await pair.callee.update!({ rekey: true }));
    good(await pair.callee.acceptUpdate!(good(await pair.caller.answerUpdate!(update))));
    assert.is(pair.atCaller.keys.length, 2);
    pair.caller.close();
    pair.callee.close();
  });

test("at media level, which hides the session's", async () => {
  const caller = phone(aliceIdentity, { offer: ["dh", "psk"], level: "media" });
  const pair = openPair(caller, phone(bobIdentity, {}));
  const offer = good(await pair.caller.offer());
  assert.is(offer.session.length, 0);
  assert.is(offer.media.length, 2);
  const noise = { name: "key-mgmt", value: "mikey AAAA" };
  const answer = good(await pair.callee.answer({ session: [noise], media: offer.media }));
  assert.is(answer.session.length, 0);
  good(await pair.caller.accept(answer));
});

test("a method that cannot be made for this peer is left out, and the list says so", async () => {
  const caller = phone(aliceIdentity, { offer: ["pke", "dh", "psk"] });
  const pair = openPair(caller, phone(undefined, {}));
  const offer = good(await pair.caller.offer());
  assert.equal(typesOf(offer), [4, 0]);
  good(await pair.caller.accept(good(await pair.callee.answer(offer))));
  const only = openPair(phone(aliceIdentity, { offer: ["pke"] }), phone(bobIdentity, {}));
  bad(await only.caller.offer(), "unknown-recipient");
});

test("bidding down: an offer taken away, moved, doubled, made unreadable or of another method is noticed, whoever answers", async () => {
  const changes: [string, (lines: KeyingAttributes["session"]) => KeyingAttributes["session"]][] = [
    ["the first taken away", (lines) => lines.slice(1)],
    ["the last alone", (lines) => lines.slice(-1)],
    ["the first alone", (lines) => lines.slice(0, 1)],
    ["turned round", (lines) => [...lines].reverse()],
    ["two swapped", ([one, two, ...rest]) => [two, one, ...rest]],
    ["one doubled", (lines) => [...lines, lines[0]]],
    ["another protocol's name", ([one, ...rest]) => [{ ...one, value: one.value!.replace("mikey", "keyp1") }, ...rest]],
    [
      "the first of a method nobody has",
      ([one, ...rest]) => {
        const message = Buffer.from(one.value!.split(" ")[1], "base64");
        message[1] = 99;
        return [{ ...one, value: `mikey ${message.toString("base64")}` }, ...rest];
      },
    ],
  ];
  for (const accepts of [["psk"], ["dhhmac"], ["dh"]] as const)
    for (const [what, change] of changes) {
      const offered: MethodName[] = ["dh", "dhhmac", "psk"];
      const pair = openPair(
        phone(aliceIdentity, { offer: offered }),
        phone(bobIdentity, { offer: accepts[0], accepts: [...accepts] }),
      );
      const { session } = good(await pair.caller.offer());
      const verified = await pair.callee.verify({ session: change(session), media: [] });
      assert.not(verified.ok, `${what}, ${accepts[0]} answers`);
      if (!verified.ok)
        assert.ok(
          ["bidding-down", "unsupported-method", "malformed-message", "bad-signature"].includes(verified.error.code),
          `${what}, ${accepts[0]}: ${verified.error.code}`,
        );
      assert.is(pair.atCallee.keys.length, 0);
    }
});

test("the failure of the first is not made up for by the second", async () => {
  const pair = openPair(phone(aliceIdentity, { offer: ["dh", "psk"] }), phone(bobIdentity, {}));
  const { session } = good(await pair.caller.offer());
  const message = Buffer.from(session[0].value!.split(" ")[1], "base64");
  message[message.length - 3] ^= 4;
  const spoiled = { ...session[0], value: `mikey ${message.toString("base64")}` };
  bad(await pair.callee.verify({ session: [spoiled, session[1]], media: [] }), "bad-signature");
});

test("other protocols beside MIKEY are passed over, where the list names them", async () => {
  const clock = new SetClock();
  const { key } = psk;
  const agent = new MikeyAgent({
    methods: [createPskMethod({ key, name: "x" })],
    replay: new MemoryReplayCache(),
    random,
  });
  const parties = { localUri: alice, peerUri: bob, ssrc: 7 };
  const sent = good(await agent.offer("psk", parties, ["keyp1", "mikey", "keyp2"], clock.wallMs()));
  const mikey = { name: "key-mgmt", value: `mikey ${Buffer.from(sent.message).toString("base64")}` };
  const [one, two] = ["keyp1 AAAA", "keyp2 BBBB"].map((value) => ({ name: "key-mgmt", value }));
  const answerer = () => openPair(phone(undefined, {}), phone(undefined, {})).callee;
  good(await answerer().verify({ session: [one, mikey, two], media: [] }));
  bad(await answerer().verify({ session: [mikey, two], media: [] }), "bidding-down");
  // Two offers of a phone that lists protocols but no methods: the first counts, and nobody may choose the second.
  const two_ = good(await agent.offer("psk", parties, ["mikey", "mikey"], clock.wallMs()));
  const line = { name: "key-mgmt", value: `mikey ${Buffer.from(two_.message).toString("base64")}` };
  const other = Buffer.from(two_.message);
  other[1] = 4;
  const unknown = { name: "key-mgmt", value: `mikey ${other.toString("base64")}` };
  good(await answerer().verify({ session: [line, unknown], media: [] }));
  bad(await answerer().verify({ session: [unknown, line], media: [] }), "bidding-down");
});

test("a single offer says nothing of others", async () => {
  const { caller } = openPair(phone(aliceIdentity, { offer: ["psk"] }), phone(bobIdentity, {}));
  const { session } = good(await caller.offer());
  const parsed = parseMessage(new Uint8Array(Buffer.from(session[0].value!.split(" ")[1], "base64")));
  if (!parsed.ok) throw new Error(parsed.error.text);
  for (const { data } of payloadsOf(parsed.value, "extension")) assert.not.match(Buffer.from(data).toString(), /;o=/);
});

test.run();
