// Exchanges made by minisip's library: MACs, signatures, key data, TGK and keys by our functions (its departures are known).

import { createPrivateKey, X509Certificate } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TrustStore } from "../../../firmware/crypto/certificates.js";
import {
  computeMac,
  covered,
  cryptKeyData,
  deriveFromTgk,
  deriveTransportKeys,
  MAC_BYTES,
  type ParsedMessage,
  parseMessage,
  parsePayloads,
  payloadsOf,
  rsaPkcs1Sha1,
} from "../../../firmware/mikey/index.js";
import { good } from "../../results.js";
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
  readonly cs: { csId: number; tekRfc: string; saltRfc: string; encrRfc: string; authRfc: string }[];
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

if (haveShared("vectors/mikey"))
  for (const file of sharedFiles("vectors/mikey").filter((name) => /^minisip-.*\.json$/.test(name))) {
    const exchange = sharedJson<Exchange>(`vectors/mikey/${file}`);
    test(`${file}: keys of every crypto session`, () => checkSessionKeys(exchange));
    if (exchange.method === "psk") test(`${file}: MAC, key data, V`, () => checkPsk(exchange));
    if (exchange.method === "dh") test(`${file}: signatures and certificates`, () => checkDh(exchange));
  }

test.run();
