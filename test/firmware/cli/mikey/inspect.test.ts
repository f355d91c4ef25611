// `sotto mikey inspect`: every byte accounted for, and what keys prove and open.

import { createPrivateKey } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { explain } from "../../../../firmware/cli/mikey/explain.js";
import { inspectionText, messagesIn, readMessage } from "../../../../firmware/cli/mikey/index.js";
import { type InspectKeys, inspectMessages } from "../../../../firmware/cli/mikey/inspect.js";
import { makeVectors } from "../../../../firmware/cli/mikey/vectors.js";
import { TrustStore } from "../../../../firmware/crypto/certificates.js";
import { haveShared, sharedFiles, sharedJson } from "../../../shared.js";
import { bytes } from "../../../vectors.js";

const test = suite("mikey inspect");
const nowMs = Date.UTC(2026, 10, 20, 12);
const none: InspectKeys = { privateKeys: [], certificates: [], nowMs };
const vectors = await makeVectors();

for (const vector of vectors) {
  const messages = [vector.offer, ...(vector.answer ? [vector.answer] : [])].map(bytes);
  const { certificates, psk } = vector;
  const keys: InspectKeys = {
    ...none,
    ...(psk ? { psk: bytes(psk) } : {}),
    ...(certificates
      ? {
          trust: new TrustStore(certificates.authority),
          privateKeys: [certificates.initiator, certificates.responder].map((one) =>
            createPrivateKey(one.privateKeyPem),
          ),
        }
      : {}),
  };

  test(`${vector.name}: every byte belongs to one field, in order`, () => {
    for (const message of messages) {
      const { parts, error } = explain(message);
      assert.is(error, undefined);
      let at = 0;
      for (const { fields } of parts)
        for (const { offset, length, hex } of fields) {
          assert.is(offset, at);
          assert.is(hex, Buffer.from(message.subarray(at, at + length)).toString("hex"));
          at += length;
        }
      assert.is(at, message.length);
    }
  });

  test(`${vector.name}: what the keys prove, and the keys it carries`, async () => {
    const done = await inspectMessages(messages, keys);
    for (const { checks } of done) {
      assert.ok(checks.length > 0);
      for (const { what, result, text } of checks) assert.is(result, true, `${what}: ${text}`);
    }
    if (vector.method === "dh" || vector.method === "dhhmac") return;
    assert.ok(done.some((one) => one.keys.some(({ key }) => key === vector.tgk)));
    assert.equal(
      done[done.length - 1].sessions.map(({ tek, salt }) => [tek, salt]),
      vector.sessions.map(({ tek, salt }) => [tek, salt]),
    );
  });

  if (vector.updates)
    test(`${vector.name}: updates of the bundle, behind its first exchange`, async () => {
      const all = [...messages, ...(vector.updates ?? []).flatMap((one) => [one.offer, one.answer ?? ""]).map(bytes)];
      const done = await inspectMessages(all, keys);
      assert.is(done.length, 6);
      for (const [i, { checks }] of done.entries()) {
        assert.ok(checks.length > 0);
        for (const { what, result, text } of checks) assert.is(result, true, `message ${i + 1}, ${what}: ${text}`);
      }
      if (vector.method === "dh" || vector.method === "dhhmac") return;
      for (const [i, update] of (vector.updates ?? []).entries())
        assert.equal(
          done[2 * i + 3].sessions.map(({ tek, salt, mki }) => [tek, salt, mki]),
          update.sessions.map(({ tek, salt, mki }) => [tek, salt, mki]),
        );
    });

  test(`${vector.name}: damage is said, missing keys are said, nothing throws`, async () => {
    const damaged = messages.map((message) => message.slice());
    for (const message of damaged) message[message.length - 1] ^= 1;
    const wrong = await inspectMessages(damaged, keys);
    assert.ok(wrong.every(({ checks }) => checks.some(({ result }) => result === false)));
    for (const one of await inspectMessages(messages, none))
      assert.ok(one.checks.every(({ result }) => result !== false));
    assert.match(inspectionText((await inspectMessages(messages, none))[0]), /HDR common header[\s\S]*T timestamp/);
  });
}

test("messages come as people have them", () => {
  const [{ offer }] = vectors;
  const base64 = Buffer.from(offer, "hex").toString("base64");
  for (const text of [base64, offer, `a=key-mgmt:mikey ${base64}\r\n`, `mikey ${base64}`])
    assert.is(Buffer.from(readMessage(text)).toString("hex"), offer);
  assert.throws(() => readMessage("?"), /base64/);
});

test("a text holds a message a line, one in broken lines, or a whole SIP message around them", () => {
  const [{ offer, answer }] = vectors;
  const [one, two] = [offer, answer!].map((hex) => Buffer.from(hex, "hex").toString("base64"));
  assert.equal(messagesIn(`${one}\n${two}\n`), [one, two]);
  for (const width of [64, 76]) {
    const broken = one.replace(new RegExp(`.{${width}}`, "g"), "$&\n");
    assert.equal(messagesIn(`${broken}\r\n${two}`), [one, two]);
  }
  assert.equal(messagesIn(`${one.slice(0, 50)}\n ${one.slice(50)}\n`), [one]);
  const invite = `INVITE sip:bob@example.com SIP/2.0\r\n\r\nv=0\r\na=key-mgmt:mikey ${one}\r\nm=audio 4000 RTP/SAVP 0\r\na=key-mgmt:mikey ${two}\r\n`;
  assert.equal(
    messagesIn(invite).map((line) => Buffer.from(readMessage(line)).toString("hex")),
    [offer, answer],
  );
  assert.equal(messagesIn(" \n\n"), []);
});

test("numbers are said in words", async () => {
  const text = inspectionText((await inspectMessages([bytes(vectors[0].offer)], none))[0]);
  for (const words of [
    "data type: 00  pre-shared key, offer",
    "CS ID map type: 00  SRTP-ID",
    "policy protocol: 00  SRTP",
    "policy parameter: 01  AES-CM",
    "policy parameter: 01  HMAC-SHA-1",
    "policy parameter: 0e  14 bytes",
    "MAC algorithm: 01  HMAC-SHA-1-160",
  ])
    assert.ok(text.includes(words), words);
  for (const vector of vectors)
    for (const message of [vector.offer, vector.answer ?? vector.offer])
      assert.not.match(inspectionText((await inspectMessages([bytes(message)], none))[0]), /unknown/);
});

test("a message that breaks off is explained as far as it goes", async () => {
  const [{ offer }] = vectors;
  for (const length of [0, 1, 9, 30, 60]) {
    const [one] = await inspectMessages([bytes(offer).subarray(0, length)], none);
    assert.ok(one.explained.error);
    assert.match(inspectionText(one), /breaks off/);
  }
});

if (haveShared("vectors/mikey"))
  test("minisip's exchanges, with its keys and dialect", async () => {
    interface Exchange {
      readonly iMessage: string;
      readonly rMessage: string;
      readonly pskHex?: string;
      readonly rfcPrf: boolean;
      readonly tgk: string;
      readonly method: string;
      readonly aliceKeyPem?: string;
      readonly bobKeyPem?: string;
      readonly caPem?: string;
    }
    for (const file of sharedFiles("vectors/mikey").filter((name) => /^minisip-(psk|pke|rsar|dh-).*json$/.test(name))) {
      const one = sharedJson<Exchange>(`vectors/mikey/${file}`);
      const pems = [one.aliceKeyPem, one.bobKeyPem].filter((pem) => pem !== undefined && pem !== "");
      const done = await inspectMessages([one.iMessage, one.rMessage].map(readMessage), {
        ...none,
        ...(one.pskHex ? { psk: bytes(one.pskHex) } : {}),
        ...(one.caPem ? { trust: new TrustStore(one.caPem) } : {}),
        privateKeys: pems.map((pem) => createPrivateKey(pem ?? "")),
        compat: one.rfcPrf ? "minisip-rfc-prf" : "minisip",
        nowMs: Date.UTC(2026, 10, 21),
      });
      for (const { checks } of done)
        for (const { what, result, text } of checks) assert.is.not(result, false, `${file} ${what}: ${text}`);
      if (one.method !== "dh")
        assert.ok(
          done.some(({ keys }) => keys.some(({ key }) => key === one.tgk)),
          file,
        );
    }
  });

test.run();
