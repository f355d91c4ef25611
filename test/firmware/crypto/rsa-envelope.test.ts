// RSA envelopes against OpenSSL's own encryption, and what comes out of wrong ones.

import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { envelopeLength, openEnvelope, sealEnvelope } from "../../../firmware/crypto/rsa-envelope.js";
import { hex } from "../../vectors.js";

const test = suite("rsa envelope");
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const opened = (envelope: Uint8Array, padding: "pkcs1" | "oaep" = "pkcs1") => {
  const secret = openEnvelope(privateKey, envelope, padding);
  return secret && hex(secret);
};

/** A block with any padding, encrypted. */
const raw = (block: Uint8Array) => publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);

test("OpenSSL's envelopes are opened, ours are OpenSSL's to open", () => {
  for (const length of [1, 16, 32, 112, 245]) {
    const secret = randomBytes(length);
    assert.is(opened(publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, secret)), hex(secret));
    assert.is(opened(sealEnvelope(publicKey, secret, "pkcs1")), hex(secret));
  }
  const secret = randomBytes(32);
  const oaep = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" };
  assert.is(opened(publicEncrypt(oaep, secret), "oaep"), hex(secret));
  assert.is(opened(sealEnvelope(publicKey, secret, "oaep"), "oaep"), hex(secret));
});

test("a wrong padding gives a secret that says nothing, the same one each time", () => {
  const secret = randomBytes(32);
  const good = new Uint8Array(256).fill(7);
  good[0] = 0;
  good[1] = 2;
  good[223] = 0;
  good.set(secret, 224);
  assert.is(opened(raw(good)), hex(secret), "the block is right before it is made wrong");
  const wrong: [string, (block: Uint8Array) => void][] = [
    ["block type", (block) => (block[1] = 1)],
    ["first byte", (block) => (block[0] = 1)],
    ["padding of seven bytes", (block) => (block[9] = 0)],
    ["no separator", (block) => block.fill(7, 2)],
    ["nothing behind the separator", (block) => block.fill(7, 2, 255) && (block[255] = 0)],
  ];
  for (const [name, change] of wrong) {
    const block = good.slice();
    change(block);
    const envelope = raw(block);
    const once = opened(envelope);
    assert.is(once?.length, 64, name);
    assert.is(once, opened(envelope), name);
    assert.is.not(once, hex(secret), name);
  }
  const eight = good.slice();
  eight[10] = 0;
  assert.is(opened(raw(eight))?.length, 2 * (256 - 11), "eight bytes of padding are enough");
});

test("envelopes of another length, of another key, or for no RSA key", () => {
  assert.is(openEnvelope(privateKey, new Uint8Array(255), "pkcs1"), undefined);
  assert.is(openEnvelope(privateKey, new Uint8Array(256).fill(255), "pkcs1"), undefined, "not below the modulus");
  assert.is(openEnvelope(privateKey, sealEnvelope(publicKey, randomBytes(16), "pkcs1"), "oaep"), undefined);
  const ed = generateKeyPairSync("ed25519");
  assert.is(openEnvelope(ed.privateKey, new Uint8Array(256), "pkcs1"), undefined);
  assert.throws(() => sealEnvelope(ed.publicKey, new Uint8Array(16), "pkcs1"), RangeError);
  assert.throws(() => sealEnvelope(publicKey, new Uint8Array(246), "pkcs1"), RangeError);
  assert.throws(() => sealEnvelope(publicKey, new Uint8Array(16), "pkcs1", (n) => new Uint8Array(n)), /zeros/);
  assert.is(
    envelopeLength(createPublicKey(createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })))),
    256,
  );
});

test.run();
