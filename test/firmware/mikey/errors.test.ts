// Failures have codes of their own, each documented with the number that the peer is told; those that no other suite meets are met here.

import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TrustStore } from "../../../firmware/crypto/certificates.js";
import { generateDhKeyPair } from "../../../firmware/crypto/dh.js";
import {
  CertificateDirectory,
  covered,
  createDhMethod,
  createPkeMethod,
  createPskMethod,
  errorNumbers,
  type KeyDirectory,
  type KeyTransport,
  MemoryReplayCache,
  MikeyAgent,
  type MikeyMethod,
  parseMessage,
  payloadsOf,
  printMessage,
  rsaPkcs1Sha1,
} from "../../../firmware/mikey/index.js";
import { fail } from "../../../firmware/runtime/result.js";
import { bad, good } from "../../results.js";
import { checkout } from "../../vectors.js";
import { agentOf, alice, aliceIdentity, atAlice, atBob, authority, bob, nowMs, psk, random } from "./people.js";

const test = suite("mikey errors");

const agent = (method: MikeyMethod) => new MikeyAgent({ methods: [method], replay: new MemoryReplayCache(), random });
const trust = new TrustStore(authority.certificatePem);
const nobody: KeyDirectory = { find: async () => fail("no-domain-key", "none") as never };

test("errors.md says every code with its number, and no other", () => {
  const text = readFileSync(join(checkout, "firmware", "mikey", "errors.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (\d+|–) \| (.+) \|$/gm)];
  assert.equal(
    rows.map(([, code, number]) => [code, number === "–" ? undefined : Number(number)]),
    Object.entries(errorNumbers),
  );
  assert.is(new Set(rows.map(([, , , when]) => when)).size, rows.length, "no two mean the same");
});

test("wrong-key-wrap: wrapped under another key", async () => {
  const open = (key: Uint8Array, transport: KeyTransport) => agent(createPskMethod({ key, name: "x", transport }));
  const sent = good(await open(psk, { encryption: 2, mac: 0 }).offer("psk", atAlice, [], nowMs, { verify: false }));
  const receiver = (key: Uint8Array) => open(key, { acceptedEncryptions: [2], trustsCarrier: true });
  bad(await receiver(psk.map((byte) => byte ^ 1)).receive(sent.message, atBob, [], nowMs), "wrong-key-wrap");
  good(await receiver(psk).receive(sent.message, atBob, [], nowMs));
});

const { certificatePem, privateKeyPem } = aliceIdentity;
const dh = { privateKeyPem, takeDhKeyPair: generateDhKeyPair };

test("missing-certificate: a signer whose key stands in a directory, to somebody without one", async () => {
  const sent = good(await agent(createDhMethod({ ...dh, directory: nobody })).offer("dh", atAlice, ["mikey"], nowMs));
  bad(await agentOf({ uri: bob }).receive(sent.message, atBob, ["mikey"], nowMs), "missing-certificate");
});

test("unsupported-certificate: certificates to somebody who has a directory only; a URL, which is never fetched", async () => {
  const withChain = { ...dh, certificateChainPem: certificatePem, trust };
  const sent = good(await agent(createDhMethod(withChain)).offer("dh", atAlice, ["mikey"], nowMs));
  const directoryOnly = agent(createDhMethod({ ...dh, directory: nobody }));
  bad(await directoryOnly.receive(sent.message, atBob, ["mikey"], nowMs), "unsupported-certificate");
  const parsed = good(parseMessage(sent.message));
  const data = new TextEncoder().encode("http://127.0.0.1:1/certificate");
  const payloads = parsed.payloads.map((one) => (one.kind === "certificate" ? { ...one, type: 1, data } : one));
  const message = printMessage({ header: parsed.header, payloads });
  message.set(await rsaPkcs1Sha1.sign(covered(message, 256), createPrivateKey(privateKeyPem)), message.length - 256);
  bad(await agentOf({ uri: bob }).receive(message, atBob, ["mikey"], nowMs), "unsupported-certificate");
});

test("unknown-recipient: an envelope for somebody whose certificate nobody has", async () => {
  const recipients = new CertificateDirectory(trust);
  const method = createPkeMethod({ privateKeyPem, certificateChainPem: certificatePem, trust, recipients });
  bad(await agent(method).offer("pke", atAlice, ["mikey"], nowMs), "unknown-recipient");
});

test("an error message is proved by whatever proves the method's answers, once the offer's sender is known", async () => {
  for (const [method, proof] of [
    ["psk", "verification"],
    ["dhhmac", "verification"],
    ["pke", "verification"],
    ["dh", "sign"],
    ["rsa-r", "sign"],
  ] as const) {
    const sent = good(await agentOf({ uri: alice }).offer(method, atAlice, ["mikey", "x"], nowMs));
    const { reply } = bad(await agentOf({ uri: bob }).receive(sent.message, atBob, ["mikey"], nowMs), "bidding-down");
    const message = good(parseMessage(reply ?? new Uint8Array()));
    assert.is(payloadsOf(message, proof).length, 1, method);
    assert.not.match(bad(await sent.accept(message.bytes, nowMs), "refused-by-peer").text, /not authenticated/);
    // Too early to be proved: the clock is wrong before anything was verified.
    const late = bad(
      await agentOf({ uri: bob }).receive(sent.message, atBob, ["mikey"], nowMs + 3_600_000),
      "clock-skew",
    );
    const early = good(parseMessage(late.reply ?? new Uint8Array()));
    assert.is(payloadsOf(early, proof).length, 0, method);
    assert.match(bad(await sent.accept(early.bytes, nowMs), "refused-by-peer").text, /not authenticated/);
  }
});

test.run();
