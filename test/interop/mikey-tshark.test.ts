// tshark reads our MIKEY messages: no malformed field, and every field it shows is what we meant.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeVectors } from "../../firmware/cli/mikey/vectors.js";
import { certificatesFromPem } from "../../firmware/crypto/certificates.js";
import { type Payload, parseMessage, payloadsOf, printMessage } from "../../firmware/mikey/index.js";
import {
  aliceIdentity,
  attributesWith,
  bobIdentity,
  keyingFor,
  messageIn,
  openPair,
  psk,
} from "../firmware/keying/mikey/phones.js";
import {
  agentOf,
  atAlice,
  atBob,
  everyMethod,
  alice as mikeyAlice,
  bob as mikeyBob,
  nowMs,
} from "../firmware/mikey/people.js";
import { bad, good } from "../results.js";
import { bytes, hex } from "../vectors.js";
import { needTool } from "./tools.js";

const test = suite("mikey in tshark");
const tshark = needTool("tshark");
const text2pcap = needTool("text2pcap");

/** Fields of a message as tshark shows them, several values joined by commas. */
function decode(message: Uint8Array, fields: readonly string[]): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "mikey-"));
  try {
    const dump = join(folder, "dump");
    const capture = join(folder, "capture.pcap");
    writeFileSync(dump, `000000 ${hex(message).replace(/../g, "$& ")}\n`);
    // MIKEY's own UDP port (IANA: 2269).
    execFileSync(text2pcap ?? "", ["-q", "-u", "2269,2269", dump, capture], { stdio: "pipe" });
    const wanted = [...fields, "_ws.malformed", "_ws.expert.message", "frame.protocols"];
    const args = ["-r", capture, "-T", "fields", "-E", "separator=|", ...wanted.flatMap((field) => ["-e", field])];
    const line = execFileSync(tshark ?? "", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trimEnd();
    const values = line.split("|");
    return Object.fromEntries(wanted.map((field, i) => [field, values[i] ?? ""]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The types of messages that tshark decodes without complaint, all of them in one capture. */
function decodeAll(messages: readonly Uint8Array[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "mikey-"));
  try {
    const [dump, capture] = [join(folder, "dump"), join(folder, "capture.pcap")];
    writeFileSync(dump, messages.map((one) => `000000 ${hex(one).replace(/../g, "$& ")}\n`).join(""));
    execFileSync(text2pcap ?? "", ["-q", "-u", "2269,2269", dump, capture], { stdio: "pipe" });
    const fields = ["mikey.type", "_ws.malformed", "_ws.expert.message", "frame.protocols"];
    const args = ["-r", capture, "-T", "fields", "-E", "separator=|", ...fields.flatMap((field) => ["-e", field])];
    const text = execFileSync(tshark ?? "", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return text
      .trimEnd()
      .split("\n")
      .map((line) => {
        const values = line.split("|");
        wellFormed(Object.fromEntries(fields.map((field, i) => [field, values[i] ?? ""])));
        return values[0];
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function wellFormed(decoded: Record<string, string>): void {
  assert.match(decoded["frame.protocols"], /:mikey/);
  assert.is(decoded["_ws.malformed"], "");
  assert.is(decoded["_ws.expert.message"], "");
}

const headerFields = [
  "mikey.type",
  "mikey.csb_id",
  "mikey.cs_count",
  "mikey.srtp_id.ssrc",
  "mikey.t.ntp",
  "mikey.next_payload",
];

if (tshark && text2pcap)
  for (const method of ["psk", "dh"] as const)
    test(`${method}: offer and answer`, async () => {
      const { caller, callee } = openPair(keyingFor(aliceIdentity, { offer: method }), keyingFor(bobIdentity));
      const offer = messageIn(good(await caller.offer()));
      const answer = messageIn(good(await callee.answer(attributesWith(offer))));
      for (const [message, type, ssrcs] of [
        [offer, method === "psk" ? 0 : 4, ["0x00001111", "0x00000000"]],
        [answer, method === "psk" ? 1 : 5, ["0x00001111", "0x00002222"]],
      ] as const) {
        const parsed = good(parseMessage(message));
        const decoded = decode(message, [
          ...headerFields,
          "mikey.id.data",
          "mikey.rand.data",
          "mikey.dh.group",
          "mikey.dh.value",
        ]);
        wellFormed(decoded);
        assert.is(Number(decoded["mikey.type"]), type);
        assert.is(Number(decoded["mikey.csb_id"]), parsed.header.csbId);
        assert.is(decoded["mikey.cs_count"], "2");
        assert.equal(decoded["mikey.srtp_id.ssrc"].split(","), ssrcs);
        assert.match(decoded["mikey.t.ntp"], /Jun +1, 2026 12:00:00/);
        assert.equal(
          decoded["mikey.id.data"].split(","),
          payloadsOf(parsed, "id").map((id) => Buffer.from(id.data).toString()),
        );
        const dhs = payloadsOf(parsed, "dh").map((dh) => hex(dh.value));
        assert.equal(decoded["mikey.dh.value"].replaceAll(":", "").split(",").filter(Boolean), dhs);
        const rands = payloadsOf(parsed, "rand").map((one) => hex(one.rand));
        assert.equal(decoded["mikey.rand.data"].replaceAll(":", "").split(",").filter(Boolean), rands);
      }
    });

if (tshark && text2pcap) {
  test("policy parameters, key transport and verification are shown as we meant them", async () => {
    const { caller } = openPair(keyingFor(aliceIdentity, { offer: "psk" }), keyingFor(bobIdentity));
    const offer = messageIn(good(await caller.offer()));
    const wanted: Record<string, string> = {
      encr_alg: "1",
      encr_len: "16",
      auth_alg: "1",
      auth_key_len: "20",
      salt_len: "14",
      prf: "0",
      kd_rate: "0",
      srtp_encr: "1",
      srtcp_encr: "1",
      fec: "0",
      srtp_auth: "1",
      auth_tag_len: "10",
      srtp_prefix: "0",
    };
    const [kemac] = payloadsOf(good(parseMessage(offer)), "kemac");
    const others = [
      "mikey.sp.no",
      "mikey.kemac.encr_alg",
      "mikey.kemac.mac_alg",
      "mikey.kemac.key_data",
      "mikey.kemac.mac",
    ];
    const decoded = decode(offer, [
      ...Object.keys(wanted).map((name) => `mikey.sp.${name}`),
      ...others,
      "mikey.ext.value",
    ]);
    wellFormed(decoded);
    for (const [name, value] of Object.entries(wanted))
      assert.is(Number(decoded[`mikey.sp.${name}`]), Number(value), name);
    const plain = (text: string) => text.replaceAll(":", "");
    assert.equal(
      others.map((name) => plain(decoded[name])),
      ["0", "1", "1", hex(kemac.data), hex(kemac.mac)],
    );
    assert.is(decoded["mikey.ext.value"], "mikey");
  });

  test("error messages, with and without V", async () => {
    const other = keyingFor(bobIdentity, { psk: { ...psk, key: psk.key.map((byte) => byte ^ 1) } });
    const { caller, callee } = openPair(keyingFor(aliceIdentity, { offer: "psk" }), other);
    const result = await callee.verify(good(await caller.offer()));
    assert.not(result.ok);
    if (result.ok) return;
    const decoded = decode(messageIn(result.error.attributes ?? { session: [], media: [] }), [
      "mikey.type",
      "mikey.err.no",
    ]);
    wellFormed(decoded);
    assert.is(decoded["mikey.type"], "6");
    assert.is(decoded["mikey.err.no"], "0");
  });

  test("every kind of message: offers and answers of all methods, updates, errors", async () => {
    const messages: Uint8Array[] = [];
    const check = (message: Uint8Array) => messages.push(message);
    // tshark knows the groups of RFC 3830; a private one has a length it cannot know.
    for (const vector of await makeVectors())
      if (!vector.dh || vector.dh.group.startsWith("oakley"))
        for (const one of [vector, ...(vector.updates ?? [])]) {
          check(bytes(one.offer));
          if (one.answer) check(bytes(one.answer));
        }
    for (const method of everyMethod) {
      const [a, b] = [agentOf({ uri: mikeyAlice }), agentOf({ uri: mikeyBob })];
      const sent = good(await a.offer(method, atAlice, ["mikey"], nowMs));
      const received = good(await b.receive(sent.message, atBob, ["mikey"], nowMs));
      const { message, agreement } = good(await received.answer());
      check(message);
      const { bundle } = good(await sent.accept(message, nowMs));
      for (const rekey of [true, false]) {
        const update = good(await bundle!.update({ rekey }, ["mikey"], nowMs));
        check(update.message);
        check(good(await good(await agreement.bundle!.receive(update.message, ["mikey"], nowMs)).answer()).message);
      }
      const wish = { agent: { suites: ["AEAD_AES_128_GCM"] } } as const;
      const other = good(await agentOf({ uri: mikeyAlice, ...wish }).offer(method, atAlice, ["mikey"], nowMs));
      check(
        bad(await b.receive(other.message, atBob, ["mikey"], nowMs), "unsupported-policy").reply ?? new Uint8Array(),
      );
    }
    const kinds = decodeAll(messages);
    assert.is(kinds.length, messages.length);
    assert.equal(
      [...new Set(kinds)].map(Number).sort((x, y) => x - y),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
  });

  test("every other payload we can write", () => {
    const sessions = [{ policy: 0, ssrc: 1, roc: 2 }];
    const header = { dataType: 2, verify: false, prf: 0, csbId: 5, mapType: 0, sessionCount: 1, sessions };
    const payloads: Payload[] = [
      { kind: "timestamp", type: 2, value: new Uint8Array(4).fill(1) },
      { kind: "id", type: 0, data: new TextEncoder().encode("alice@example.com") },
      // Not a certificate URL: tshark reads every CERT payload as DER.
      { kind: "certificate", type: 3, data: certificatesFromPem(aliceIdentity.certificatePem)[0] },
      { kind: "certificate-hash", hashFunction: 0, hash: new Uint8Array(20) },
      { kind: "dh", group: 1, value: new Uint8Array(96), validity: { kind: "spi", spi: new Uint8Array(2) } },
      { kind: "extension", type: 0, data: new Uint8Array(3) },
      { kind: "kemac", encryption: 1, data: new Uint8Array(36), macAlgorithm: 1, mac: new Uint8Array(20) },
      { kind: "pke", cache: 2, data: new Uint8Array(64) },
      { kind: "sign", type: 1, signature: new Uint8Array(64) },
    ];
    const decoded = decode(printMessage({ header, payloads }), ["mikey.type", "mikey.sign.len"]);
    wellFormed(decoded);
  });
}

test.run();
