// Certificates between phones that have seen them: named by a fingerprint, sent again when they are not known any more.

import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { printChain } from "../../../../firmware/crypto/certificate-chain.js";
import { certificatesFromPem } from "../../../../firmware/crypto/certificates.js";
import { createAuthority, issueIdentity } from "../../../../firmware/crypto/issue.js";
import type { Keying, KeyingAttributes, KeyingContext, KeyingSession } from "../../../../firmware/keying/keying.js";
import type { MikeyKeyingOptions } from "../../../../firmware/keying/mikey/index.js";
import { announced, PeerMemory } from "../../../../firmware/mikey/capabilities.js";
import { chainFingerprint, chainMark } from "../../../../firmware/mikey/certificate-names.js";
import { parseMessage, payloadsOf, printMessage } from "../../../../firmware/mikey/message.js";
import { CertificateType } from "../../../../firmware/mikey/numbers.js";
import { briefPolicy, mikeySuites, policyFor, readPolicy } from "../../../../firmware/mikey/srtp-policy.js";
import { good } from "../../../results.js";
import { hex } from "../../../vectors.js";
import { alice, attributesWith, bob, keyingFor, messageIn, Reports, valid } from "./phones.js";

const test = suite("certificates that are known");
const authority = await createAuthority({ ...valid, commonName: "Known CA" });
const [aliceIdentity, bobIdentity, newBobIdentity] = await Promise.all(
  [alice, bob, bob].map((uri) => issueIdentity(authority, { ...valid, uri, keyType: "p256" })),
);

const phone = (issued: typeof aliceIdentity, options: Partial<MikeyKeyingOptions> = {}) =>
  keyingFor(issued, { trustAnchorsPem: authority.certificatePem, ...options });

interface Called {
  readonly offer: KeyingAttributes;
  readonly answer: KeyingAttributes;
  readonly keys: number;
}

const caller = (keying: Keying, reports = new Reports()): KeyingSession =>
  keying.open("offerer", { localUri: alice, peerUri: bob, ssrc: 1 }, reports.events);
const callee = (keying: Keying, reports = new Reports(), ask?: KeyingContext["ask"]): KeyingSession =>
  keying.open("answerer", { localUri: bob, peerUri: alice, ssrc: 2, ...(ask ? { ask } : {}) }, reports.events);

/** One whole agreement; both ends have the same keys after it. */
async function call(from: Keying, to: Keying): Promise<Called> {
  const [here, there] = [new Reports(), new Reports()];
  const one = caller(from, here);
  const two = callee(to, there, async (type) => one.document!(type));
  const offer = good(await one.offer());
  const answer = good(await two.answer(offer));
  good(await one.accept(answer));
  assert.is(hex(here.keys[0].tx.masterKey), hex(there.keys[0].rx.masterKey));
  assert.is(hex(here.keys[0].rx.masterKey), hex(there.keys[0].tx.masterKey));
  assert.is(here.keys[0].peer.identity, bob);
  assert.is(there.keys[0].peer.identity, alice);
  one.close();
  two.close();
  return { offer, answer, keys: here.keys.length };
}

const parsed = (attributes: KeyingAttributes) => good(parseMessage(messageIn(attributes)));
/** "sent" or "named", for each certificate of a message. */
const certificates = (attributes: KeyingAttributes): string[] =>
  payloadsOf(parsed(attributes), "certificate").map(({ type }) => (type === CertificateType.named ? "named" : "sent"));

test("the name: SHA-256 over each certificate behind its length, cut to 16 bytes; its mark: the first four", () => {
  const chain = [Uint8Array.of(1, 2, 3), new Uint8Array(300)];
  const written = Buffer.concat([Buffer.from("00000003010203", "hex"), Buffer.from("0000012c", "hex"), chain[1]]);
  const digest = createHash("sha256").update(written).digest();
  assert.is(hex(chainFingerprint(chain)), digest.subarray(0, 16).toString("hex"));
  assert.is(chainMark(chainFingerprint(chain)), digest.readUInt32BE(0));
});

test("a second call names the certificates that the first has shown, in the offer and in the answer", async () => {
  const [a, b] = [phone(aliceIdentity), phone(bobIdentity)];
  const first = await call(a, b);
  assert.equal(certificates(first.offer), ["sent"]);
  assert.equal(certificates(first.answer), ["sent"]);
  assert.is(announced(parsed(first.offer)).certificate, 0, "Alice keeps certificates and has none of Bob's");
  assert.is(
    announced(parsed(first.answer)).certificate,
    chainMark(chainFingerprint(certificatesFromPem(aliceIdentity.chainPem))),
  );
  const second = await call(a, b);
  assert.equal(certificates(second.offer), ["named"]);
  assert.equal(certificates(second.answer), ["named"]);
  assert.ok(messageIn(second.offer).length < messageIn(first.offer).length - 400);
  const back = b.open("offerer", { localUri: bob, peerUri: alice, ssrc: 3 }, new Reports().events);
  assert.equal(certificates(good(await back.offer())), ["named"], "and Bob knows that Alice has his");
  for (const keying of [a, b]) keying.close();
});

test("a phone that has not got them asks whoever offers, and verifies what it is given as if the offer had brought it", async () => {
  const [a, b, other] = [phone(aliceIdentity), phone(bobIdentity), phone(newBobIdentity)];
  await call(a, b);
  const one = caller(a);
  assert.is(one.document!("application/pkix-pkipath"), undefined, "nothing before there is an offer");
  const offer = good(await one.offer());
  assert.equal(certificates(offer), ["named"]);
  assert.is(one.document!("application/pkix-cert"), undefined);
  const asked: string[] = [];
  const here = new Reports();
  const two = callee(other, here, async (type) => {
    asked.push(type);
    return one.document!(type);
  });
  assert.is(good(await two.verify(offer)).identity, alice);
  assert.equal(asked, ["application/pkix-pkipath"]);
  const answer = good(await two.answer(offer));
  assert.equal(certificates(answer), ["sent"], "it is another phone of Bob's, with a certificate of its own");
  assert.is(good(await one.accept(answer)).identity, bob);
  assert.is(here.keys.length, 1);
  // From now on it knows Alice.
  assert.is(good(await callee(other).verify(good(await caller(a).offer()))).identity, alice);
  const strangers = caller(phone(aliceIdentity));
  await strangers.offer();
  assert.is(strangers.document!("application/pkix-pkipath"), undefined, "what brings them has nothing to tell beside");
});

test("what it is given instead is no proof: nothing, rubbish, somebody else's, its own", async () => {
  const mallory = await issueIdentity(authority, { ...valid, uri: "sip:mallory@example.com", keyType: "p256" });
  const again = await issueIdentity(authority, { ...valid, uri: alice, keyType: "p256" });
  const [a, b] = [phone(aliceIdentity), phone(bobIdentity)];
  await call(a, b);
  const offer = good(await caller(a).offer());
  const chains = [mallory, again, bobIdentity].map(({ chainPem }) => printChain(certificatesFromPem(chainPem)));
  for (const given of [
    undefined,
    new Uint8Array(0),
    Uint8Array.of(1, 2, 3),
    new Uint8Array(5000).fill(0x30),
    ...chains,
  ]) {
    const result = await callee(phone(bobIdentity), new Reports(), async () => given).verify(offer);
    assert.is(result.ok ? "" : result.error.code, "unknown-certificate");
  }
  const rejecting = callee(phone(bobIdentity), new Reports(), () => Promise.reject(new Error("no network")));
  const result = await rejecting.verify(offer);
  assert.is(result.ok ? "" : result.error.code, "internal-error");
});

test("closed while it asks: it is over", async () => {
  const [a, b] = [phone(aliceIdentity), phone(bobIdentity)];
  await call(a, b);
  const one = caller(a);
  const offer = good(await one.offer());
  let give = (_document: Uint8Array | undefined): void => {};
  const two = callee(phone(bobIdentity), new Reports(), () => new Promise((resolve) => (give = resolve)));
  const verified = two.verify(offer);
  await new Promise((resolve) => setTimeout(resolve, 20));
  two.close();
  give(one.document!("application/pkix-pkipath"));
  const result = await verified;
  assert.is(result.ok ? "" : result.error.code, "closed");
});

test("peers can be forgotten: the next call is one between strangers", async () => {
  const [a, b] = [phone(aliceIdentity), phone(bobIdentity)];
  await call(a, b);
  for (const keying of [a, b]) keying.forgetPeers!();
  const { offer, answer } = await call(a, b);
  assert.equal([certificates(offer), certificates(answer)], [["sent"], ["sent"]]);
});

test("where nobody can be asked it refuses, and gets them with the next offer", async () => {
  const [a, b] = [phone(aliceIdentity), phone(bobIdentity)];
  await call(a, b);
  const anew = phone(bobIdentity);
  const one = caller(a);
  const offer = good(await one.offer());
  const refused = await callee(anew).verify(offer);
  assert.is(refused.ok ? "" : refused.error.code, "unknown-certificate");
  const said = refused.ok ? undefined : refused.error.attributes;
  assert.equal(
    payloadsOf(parsed(said!), "error").map(({ number }) => number),
    [8],
  );
  assert.is((await one.explain!(said!))?.code, "refused-by-peer");
  assert.is(one.recant!(), true);
  one.close();
  assert.equal(certificates((await call(a, anew)).offer), ["sent"]);
  assert.equal(certificates((await call(a, anew)).offer), ["named"]);
  const plain = caller(phone(aliceIdentity));
  await plain.offer();
  assert.is(plain.recant!(), false, "an offer that brought them has nothing to take back");
});

test("who has another certificate than the one that is known brings it", async () => {
  const [a, b] = [phone(aliceIdentity), phone(bobIdentity)];
  await call(a, b);
  const renewed = phone(newBobIdentity);
  await call(a, renewed);
  const { answer } = await call(a, renewed);
  assert.equal(certificates(answer), ["named"]);
  const { answer: old } = await call(a, b);
  assert.equal(certificates(old), ["sent"]);
});

test("who keeps to RFC 3830's signatures, or to another implementation's dialect, brings and gets them each time", async () => {
  const rsa = await Promise.all([alice, bob].map((uri) => issueIdentity(authority, { ...valid, uri, keyType: "rsa" })));
  for (const more of [{ signatures: "rfc3830" }, { compat: "minisip" }] as const) {
    const [a, b] = rsa.map((identity) => phone(identity, more));
    for (let i = 0; i < 2; i++) {
      const { offer, answer } = await call(a, b);
      assert.equal([certificates(offer), certificates(answer)], [["sent"], ["sent"]]);
      assert.is(announced(parsed(offer)).certificate, undefined);
    }
  }
});

test("a name proves nothing: another's, a wrong one, two, one of another length", async () => {
  const mallory = await issueIdentity(authority, { ...valid, uri: "sip:mallory@example.com", keyType: "p256" });
  const [a, b] = [phone(aliceIdentity), phone(bobIdentity)];
  const { offer: first } = await call(a, b);
  const { offer } = await call(a, b);
  const message = parsed(offer);
  const [named] = payloadsOf(message, "certificate");
  const [sent] = payloadsOf(parsed(first), "certificate");
  const signed = await phone(mallory).open(
    "offerer",
    { localUri: "sip:mallory@example.com", peerUri: bob, ssrc: 9 },
    new Reports().events,
  );
  const hers = parsed(good(await signed.offer()));
  const codeOf = async (change: typeof message, replacement: readonly object[]) => {
    const payloads = change.payloads.flatMap((one) => (one.kind === "certificate" ? replacement : [one]));
    const bytes = printMessage({ header: change.header, payloads: payloads as typeof message.payloads });
    const result = await callee(b).verify(attributesWith(bytes));
    return result.ok ? "" : result.error.code;
  };
  // Mallory signs, and says that she is Alice by naming her certificate.
  assert.is(await codeOf(hers, [named]), "bad-signature");
  assert.is(await codeOf(message, [{ ...named, data: new Uint8Array(16) }]), "unknown-certificate");
  assert.is(await codeOf(message, [named, named]), "unsupported-certificate");
  assert.is(await codeOf(message, [named, sent]), "unsupported-certificate");
  assert.is(await codeOf(message, [{ ...named, data: named.data.subarray(0, 15) }]), "unsupported-certificate");
  assert.is(await codeOf(message, [{ ...named, data: new Uint8Array(0) }]), "unsupported-certificate");
});

test("no bit of an offer that names them can be changed", async () => {
  const [a, b] = [phone(aliceIdentity), phone(bobIdentity)];
  await call(a, b);
  const one = caller(a);
  const bytes = messageIn(good(await one.offer()));
  for (let i = 0; i < bytes.length; i++) {
    const changed = bytes.slice();
    changed[i] ^= 1 << (i % 8);
    const result = await callee(b).verify(attributesWith(changed));
    assert.not.ok(result.ok, `byte ${i}`);
  }
  good(await callee(b).verify(attributesWith(bytes)));
});

test("what is known of peers is bounded, and can be forgotten", () => {
  const memory = new PeerMemory(2);
  const said = { signatures: [], choosesPolicy: false, offers: [], certificate: 7 };
  memory.learn("sip:one@example.com", said, 1);
  memory.learn("sip:two@example.com", said, 2);
  memory.learn("sip:three@example.com", said, 3);
  assert.is(memory.markOf("sip:one@example.com"), 0);
  assert.is(memory.markOf("sip:two@example.com"), 2);
  memory.learn("sip:two@example.com", { ...said, signatures: [13] }, 2);
  memory.forgetCertificate("sip:two@example.com");
  memory.forgetCertificate("sip:nobody@example.com");
  assert.is(memory.markOf("sip:two@example.com"), 2);
  assert.equal(memory.get("sip:two@example.com"), { ...said, signatures: [13], certificate: undefined });
  assert.is(memory.get("sip:three@example.com").certificate, 7);
});

test("a policy without what SRTP takes for granted means the same (RFC 3711 section 8.2, RFC 7714 section 14.3)", () => {
  for (const name of mikeySuites) {
    for (const terms of [{}, { kdr: 16 }, { unencryptedRtcp: true }]) {
      const full = policyFor(name, 3, terms);
      const brief = briefPolicy(full);
      assert.equal(good(readPolicy(brief)), good(readPolicy(full)), name);
      assert.ok(brief.parameters.length < full.parameters.length / 2, name);
      assert.is(brief.number, 3);
    }
  }
  assert.equal(briefPolicy(policyFor("AES_CM_128_HMAC_SHA1_80", 0)).parameters, []);
});

test.run();
