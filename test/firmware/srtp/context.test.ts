// Contexts: what they take as keys, that they copy them, that nothing prints them, that closing wipes; names of statuses.

import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type SrtpKeys, SrtpReceiver, SrtpSender, SrtpStatus, statusName } from "../../../firmware/srtp/index.js";
import { hex } from "../../vectors.js";
import { randomKeys, rtcpPacket, rtpPacket, withRoom } from "./packets.js";
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

test("packets leave nothing on the heap", () => {
  const keys = randomKeys();
  const sender = new SrtpSender(keys);
  const receiver = new SrtpReceiver(keys);
  const packet = rtpPacket({ sequence: 0, payload: new Uint8Array(20) });
  const buffer = withRoom(packet, 20);
  const control = withRoom(rtcpPacket(1, 3), 20);
  const plainControl = rtcpPacket(1, 3);
  let sequence = 0;
  const run = (count: number) => {
    for (let n = 0; n < count; n++, sequence++) {
      buffer.set(packet);
      buffer[2] = sequence >>> 8;
      buffer[3] = sequence;
      if (receiver.unprotectRtp(buffer, sender.protectRtp(buffer, packet.length)) !== packet.length)
        throw new Error("RTP");
      control.set(plainControl);
      if (receiver.unprotectRtcp(control, sender.protectRtcp(control, plainControl.length)) !== plainControl.length)
        throw new Error("RTCP");
    }
  };
  run(20_000);
  const before = process.memoryUsage().heapUsed;
  run(100_000);
  const grown = process.memoryUsage().heapUsed - before;
  // One object of the smallest size per packet and call would be over 6 MB or a collection in between. An RTCP packet may cost one number
  // on the heap (E flag and index are more than 31 bits): 1.6 MB; a voice packet costs nothing.
  assert.ok(grown < 2_400_000, `${grown} bytes grown over 100,000 packets of each kind`);
  assert.is(sender.streams()[0].roc, 1);
});

test.run();
