// Exchanges made by minisip's library: MACs, signatures, key data, TGK and keys by our functions (its departures are known).

import { createPrivateKey, X509Certificate } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TrustStore } from "../../../firmware/crypto/certificates.js";
import type { DhKeyPair } from "../../../firmware/crypto/dh.js";
import {
  CertificateDirectory,
  type CertificateVerifier,
  computeMac,
  covered,
  createDhHmacMethod,
  createDhMethod,
  createPkeMethod,
  createPskMethod,
  createRsaRMethod,
  cryptKeyData,
  type Dialect,
  deriveFromTgk,
  deriveTransportKeys,
  MAC_BYTES,
  MemoryReplayCache,
  MikeyAgent,
  type MikeyMethod,
  type OfferFrame,
  type ParsedMessage,
  parseMessage,
  parsePayloads,
  payloadsOf,
  rsaPkcs1Sha1,
} from "../../../firmware/mikey/index.js";
import { fail, ok } from "../../../firmware/runtime/result.js";
import { bad, good } from "../../results.js";
import { haveShared, sharedFiles, sharedJson } from "../../shared.js";
import { bytes, hex } from "../../vectors.js";

const test = suite("minisip exchanges");

interface Exchange {
  readonly method: string;
  readonly pskHex: string;
  readonly iMessage: string;
  readonly rMessage: string;
  readonly tgk: string;
  readonly rand: string;
  readonly csbId: number;
  readonly alicePem: string;
  readonly aliceKeyPem: string;
  readonly bobPem: string;
  readonly caPem: string;
  readonly rfcPrf: boolean;
  readonly bobKeyPem: string;
  readonly group?: number;
  readonly envelopeKey?: string;
  readonly cs: {
    csId: number;
    ssrc: number;
    tek: string;
    salt: string;
    tekRfc: string;
    saltRfc: string;
    encrRfc: string;
    authRfc: string;
  }[];
  readonly transpEncrKey: string;
  readonly transpSaltKey: string;
  readonly transpAuthKey: string;
  readonly independentCheck: { transportKeysRfcEqual?: boolean };
}

function read(base64: string): ParsedMessage {
  return good(parseMessage(new Uint8Array(Buffer.from(base64, "base64"))));
}

function checkSessionKeys(exchange: Exchange): void {
  const tgk = bytes(exchange.tgk);
  const rand = bytes(exchange.rand);
  for (const cs of exchange.cs) {
    const derive = (kind: "tek" | "salt" | "encryption" | "authentication", length: number) =>
      hex(deriveFromTgk(tgk, kind, cs.csId, exchange.csbId, rand, length));
    assert.is(derive("tek", 16), cs.tekRfc);
    assert.is(derive("salt", 14), cs.saltRfc);
    assert.is(derive("encryption", 16), cs.encrRfc);
    assert.is(derive("authentication", 20), cs.authRfc);
  }
}

/** MAC, key data and V under transport keys; minisip's V leaves the identities out. */
function checkPsk(exchange: Exchange): void {
  const i = read(exchange.iMessage);
  const r = read(exchange.rMessage);
  const ours = deriveTransportKeys(bytes(exchange.pskHex), exchange.csbId, bytes(exchange.rand));
  if (exchange.independentCheck.transportKeysRfcEqual) {
    assert.is(hex(ours.encryption), exchange.transpEncrKey);
    assert.is(hex(ours.salt), exchange.transpSaltKey);
    assert.is(hex(ours.authentication), exchange.transpAuthKey);
  }
  // A 256-bit key meets minisip's PRF fault even here: its own keys then show that the message is put together right.
  const keys = {
    encryption: bytes(exchange.transpEncrKey),
    salt: bytes(exchange.transpSaltKey),
    authentication: bytes(exchange.transpAuthKey),
  };
  const [kemac] = payloadsOf(i, "kemac");
  const [t] = payloadsOf(i, "timestamp");
  const [v] = payloadsOf(r, "verification");
  assert.is(hex(computeMac(keys.authentication, covered(i.bytes, MAC_BYTES))), hex(kemac.mac));
  assert.is(hex(computeMac(keys.authentication, covered(r.bytes, MAC_BYTES), t.value)), hex(v.mac));
  const plain = kemac.encryption === 0 ? kemac.data : cryptKeyData(keys, exchange.csbId, t.value, kemac.data);
  const [key] = good(parsePayloads(plain, 20));
  assert.ok(key.kind === "key-data" && hex(key.key) === exchange.tgk);
}

async function checkDh(exchange: Exchange): Promise<void> {
  const trust = new TrustStore(exchange.caPem);
  const atMs = Date.UTC(2026, 10, 21);
  for (const [base64, pem, uri] of [
    [exchange.iMessage, exchange.alicePem, "sip:alice@127.0.0.1"],
    [exchange.rMessage, exchange.bobPem, "sip:bob@127.0.0.1"],
  ]) {
    const message = read(base64);
    const [sign] = payloadsOf(message, "sign");
    const chain = payloadsOf(message, "certificate").map((certificate) => certificate.data);
    const leaf = new X509Certificate(pem);
    assert.is(hex(chain[0]), hex(new Uint8Array(leaf.raw)));
    const data = covered(message.bytes, sign.signature.length);
    assert.ok(await rsaPkcs1Sha1.verify(data, leaf.publicKey, sign.signature));
    assert.not(await rsaPkcs1Sha1.verify(data.subarray(1), leaf.publicKey, sign.signature));
    const verified = good(await trust.verify(chain, uri, atMs));
    assert.is(verified.ca, "Test CA");
  }
  // RSA PKCS#1 v1.5 is deterministic: with Alice's key we must write her very signature.
  const offer = read(exchange.iMessage);
  const [sign] = payloadsOf(offer, "sign");
  const key = createPrivateKey(exchange.aliceKeyPem);
  assert.is(rsaPkcs1Sha1.length(key), sign.signature.length);
  assert.is(hex(await rsaPkcs1Sha1.sign(covered(offer.bytes, sign.signature.length), key)), hex(sign.signature));
  const [dhi] = payloadsOf(offer, "dh");
  assert.ok(payloadsOf(read(exchange.rMessage), "dh").some((dh) => hex(dh.value) === hex(dhi.value)));
}

/** A time between offer and answer: minisip's answers have a timestamp of their own. */
function timeOf(message: ParsedMessage): number {
  const [t] = payloadsOf(message, "timestamp");
  const view = new DataView(t.value.buffer, t.value.byteOffset);
  return (view.getUint32(0) - 2_208_988_800) * 1000;
}

/** A key pair that has the public value and the secret of the exchange; its private value was not written down. */
function pairWith(publicValue: Uint8Array, tgk: string): DhKeyPair {
  return { publicValue, secret: () => ok(bytes(tgk)), wipe() {} };
}

const groupNames = ["oakley5", "oakley1", "oakley2"] as const;

/** Our method for one end of the exchange. `value`: that end's own Diffie-Hellman value. */
function methodFor(exchange: Exchange, isInitiator: boolean, value: Uint8Array | undefined): MikeyMethod {
  const trust: CertificateVerifier = exchange.caPem
    ? new TrustStore(exchange.caPem)
    : { verify: async () => fail("unknown-ca", "none") };
  const group = groupNames[exchange.group ?? 0];
  const takeDhKeyPair = () => pairWith(value ?? new Uint8Array(0), exchange.tgk);
  const dh = { group, acceptedGroups: [...groupNames], takeDhKeyPair };
  const [pem, key, peerPem] = isInitiator
    ? [exchange.alicePem, exchange.aliceKeyPem, exchange.bobPem]
    : [exchange.bobPem, exchange.bobKeyPem, exchange.alicePem];
  const signer = () => ({ certificateChainPem: pem, privateKeyPem: key, trust });
  const shared = () => ({ key: bytes(exchange.pskHex), name: "minisip" });
  switch (exchange.method) {
    case "psk":
      return createPskMethod({ ...shared(), transport: { acceptedEncryptions: [0, 1] } });
    case "dhhmac":
      return createDhHmacMethod({ ...shared(), ...dh });
    case "dh":
      return createDhMethod({ ...signer(), ...dh });
    case "pke":
      return createPkeMethod({ ...signer(), recipients: new CertificateDirectory(trust, [peerPem]) });
    default:
      return createRsaRMethod(signer());
  }
}

const [aliceUri, bobUri] = ["sip:alice@127.0.0.1", "sip:bob@127.0.0.1"];

/** The whole exchange, we in Bob's place: the keys must be those minisip derived, and RFC 3830's where its PRF was repaired. */
async function answerAlice(exchange: Exchange, compat: Dialect): Promise<void> {
  const offer = read(exchange.iMessage);
  const answer = read(exchange.rMessage);
  const mine = payloadsOf(answer, "dh").find(
    (one) => !payloadsOf(offer, "dh").some((two) => hex(one.value) === hex(two.value)),
  );
  const method = methodFor(exchange, false, mine?.value);
  // RSA-R: the responder chooses the TGK; minisip's is given to ours.
  const random = (length: number) => new Uint8Array(length).fill(5);
  const agent = new MikeyAgent({ methods: [method], replay: new MemoryReplayCache(), random });
  const [ssrc, ...moreSsrcs] = exchange.cs.filter((_, i) => i % 2 === 1).map((cs) => cs.ssrc);
  const parties = { localUri: bobUri, peerUri: aliceUri, ssrc, moreSsrcs, compat };
  const nowMs = timeOf(offer);
  if (exchange.method === "dhhmac" && payloadsOf(offer, "kemac")[0].macAlgorithm === 0) {
    bad(await agent.receive(offer.bytes, parties, ["mikey"], nowMs), "unsupported-mac");
    return;
  }
  const strict = await agent.receive(
    offer.bytes,
    { localUri: bobUri, peerUri: aliceUri, ssrc, moreSsrcs },
    ["mikey"],
    nowMs,
  );
  if (exchange.method !== "rsar") assert.not(strict.ok, "its form is refused unless the peer is known for it");
  const fresh = new MikeyAgent({ methods: [method], replay: new MemoryReplayCache(), random });
  const received = good(await fresh.receive(offer.bytes, parties, ["mikey"], nowMs));
  const { message, agreement } = good(await received.answer());
  assert.is(hex(good(parseMessage(message)).bytes), hex(message));
  if (exchange.method === "rsar") return;
  for (const [i, cs] of exchange.cs.entries()) {
    assert.equal([hex(agreement.sessions[i].tek), hex(agreement.sessions[i].salt)], [cs.tek, cs.salt]);
    if (exchange.rfcPrf) assert.equal([cs.tek, cs.salt], [cs.tekRfc, cs.saltRfc]);
  }
}

/** We in Alice's place, with her very offer (its payloads stand in another order than ours): Bob's answer is believed. */
async function readBob(exchange: Exchange, compat: Dialect): Promise<void> {
  const offer = read(exchange.iMessage);
  const answer = read(exchange.rMessage);
  if (exchange.method === "dhhmac" && payloadsOf(offer, "kemac")[0].macAlgorithm === 0) return;
  const method = methodFor(exchange, true, payloadsOf(offer, "dh")[0]?.value);
  const [timestamp] = payloadsOf(offer, "timestamp");
  const given: Uint8Array[] = exchange.method === "pke" ? [bytes(exchange.envelopeKey ?? "")] : [];
  const frame: OfferFrame = {
    localUri: aliceUri,
    peerUri: bobUri,
    compat,
    header: offer.header,
    timestamp,
    rand: bytes(exchange.rand),
    isUpdate: false,
    keys:
      exchange.method === "psk" || exchange.method === "pke"
        ? { kind: "given", keys: [{ kind: "tgk", key: bytes(exchange.tgk), validity: { kind: "none" } }] }
        : { kind: "fresh", validity: { kind: "none" } },
    policies: payloadsOf(offer, "policy"),
    extensions: [],
    random: (length) => given.shift() ?? new Uint8Array(length).fill(3),
    nowMs: timeOf(offer),
  };
  const open = good(await method.offer(frame));
  const done = good(await open.finish(answer, timeOf(answer)));
  assert.is(hex(done.keys[0].key), exchange.tgk);
  assert.is(done.peer.identity, bobUri);
  for (const at of [1, 30, answer.bytes.length - 1]) {
    const damaged = answer.bytes.slice();
    damaged[at] ^= 4;
    const parsed = parseMessage(damaged);
    if (parsed.ok && at !== 1) assert.not((await open.finish(parsed.value, timeOf(answer))).ok);
  }
}

if (haveShared("vectors/mikey"))
  for (const file of sharedFiles("vectors/mikey").filter((name) => /^minisip-.*\.json$/.test(name))) {
    const exchange = sharedJson<Exchange>(`vectors/mikey/${file}`);
    test(`${file}: keys of every crypto session`, () => checkSessionKeys(exchange));
    const compat = exchange.rfcPrf ? "minisip-rfc-prf" : "minisip";
    test(`${file}: ours answers minisip's offer`, () => answerAlice(exchange, compat));
    test(`${file}: ours reads minisip's answer`, () => readBob(exchange, compat));
    if (exchange.method === "psk") test(`${file}: MAC, key data, V`, () => checkPsk(exchange));
    if (exchange.method === "dh") test(`${file}: signatures and certificates`, () => checkDh(exchange));
  }

test.run();
