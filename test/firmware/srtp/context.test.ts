// Contexts: what they take as keys, that they copy them, that nothing prints them, that closing wipes; names of statuses.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { packetCipherMakers } from "../../../firmware/crypto/index.js";
import { type SrtpKeys, SrtpReceiver, SrtpSender, SrtpStatus, statusName } from "../../../firmware/srtp/index.js";
import { HEAP_FLAGS, type HeapRow } from "../../../scripts/benches/srtp/heap.js";
import { hex } from "../../vectors.js";
import { randomKeys, rtpPacket, withRoom } from "./packets.js";
import { referenceRtp } from "./reference.js";

test("keys out of range are refused with a text that names the member and holds no key", () => {
  const good = randomKeys();
  const cases: [Partial<Record<keyof SrtpKeys, unknown>>, RegExp][] = [
    [{ suite: "AES_CM_128_HMAC_SHA1_81" }, /suite/],
    [{ suite: "constructor" }, /suite/],
    [{ masterKey: new Uint8Array(15) }, /masterKey must have 16 bytes, has 15/],
    [{ masterKey: "0123456789abcdef" }, /masterKey must be a Uint8Array/],
    [{ masterSalt: new Uint8Array(12) }, /masterSalt must have 14 bytes, has 12/],
    [{ mki: new Uint8Array(129) }, /mki must have at most 128 bytes, has 129/],
    [{ roc: -1 }, /roc/],
    [{ roc: 2 ** 32 }, /roc/],
    [{ roc: 1.5 }, /roc/],
  ];
  for (const [change, words] of cases)
    for (const Context of [SrtpSender, SrtpReceiver])
      assert.throws(
        () => new Context({ ...good, ...change } as SrtpKeys),
        (error: Error) => words.test(error.message) && !error.message.includes("0123456789abcdef"),
      );
  assert.throws(() => new SrtpSender(good, { maxStreams: 0 }), /maxStreams/);
  assert.throws(() => new SrtpSender(good, { replayWindow: 100 }), /replayWindow/);
});

test("the caller may wipe its keys at once", () => {
  const keys = randomKeys({ mki: Uint8Array.of(4, 5) });
  const kept = {
    ...keys,
    masterKey: keys.masterKey.slice(),
    masterSalt: keys.masterSalt.slice(),
    mki: Uint8Array.of(4, 5),
  };
  const sender = new SrtpSender(keys);
  keys.masterKey.fill(0);
  keys.masterSalt.fill(0);
  keys.mki!.fill(0);
  const packet = rtpPacket({ sequence: 1, payload: new Uint8Array(9) });
  const buffer = withRoom(packet);
  const length = sender.protectRtp(buffer, packet.length);
  assert.is(hex(buffer.subarray(0, length)), referenceRtp(kept, packet, 12, 1n).toString("hex"));
});

test("constructing leaves the caller's keys alone", () => {
  const own = randomKeys({ mki: Uint8Array.of(1, 2) });
  // Buffers too, whose slice() is no copy.
  const buffers = {
    ...own,
    masterKey: Buffer.from(own.masterKey),
    masterSalt: Buffer.from(own.masterSalt),
    mki: Buffer.of(1, 2),
  };
  for (const keys of [own, buffers]) {
    const before = hex(keys.masterKey) + hex(keys.masterSalt) + hex(keys.mki!);
    new SrtpSender(keys).close();
    new SrtpReceiver(keys).close();
    assert.is(hex(keys.masterKey) + hex(keys.masterSalt) + hex(keys.mki!), before);
  }
});

test("printing a context or turning it into JSON shows no key, salt or state of the hash", () => {
  const sender = new SrtpSender(randomKeys());
  const packet = rtpPacket({ sequence: 1 });
  sender.protectRtp(withRoom(packet), packet.length);
  for (const text of [inspect(sender, { depth: 20, showHidden: true }), JSON.stringify(sender), String(sender)])
    assert.not.match(text, /schedule|salt:|inner|outer|masterKey/i);
});

test("every status has a name, and every length is ok", () => {
  const names = Object.entries(SrtpStatus).map(([key, code]) => {
    assert.ok(code < 0);
    // badTag -> bad-tag
    assert.is(
      statusName(code),
      key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    );
    return code;
  });
  assert.is(new Set(names).size, 8);
  assert.is(statusName(0), "ok");
  assert.is(statusName(1500), "ok");
  assert.throws(() => statusName(-9), RangeError);
});

test("no packet of any kind leaves anything on the heap, with either maker of ciphers", () => {
  // In a process whose collector stays away, so that nothing is hidden; SSRC and roll-over counter are as large as they come.
  const program = fileURLToPath(new URL("../../../scripts/benches/srtp/heap.js", import.meta.url));
  const suites = ["AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "NULL_HMAC_SHA1_32"];
  const output = execFileSync(process.execPath, [...HEAP_FLAGS, program, "5000", suites.join()], { encoding: "utf8" });
  const rows = JSON.parse(output) as HeapRow[];
  assert.is(rows.length, 10 * packetCipherMakers().length);
  for (const { maker, suite, packet, bytes, collections } of rows) {
    // The smallest object has 12 bytes.
    assert.ok(bytes < 3, `${maker}, ${suite}, ${packet}: ${bytes} bytes a packet`);
    assert.is(collections, 0, `${maker}, ${suite}, ${packet}: the collector ran`);
  }
});

test.run();
