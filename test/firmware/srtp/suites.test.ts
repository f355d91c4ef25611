// Every suite, with both makers of ciphers: equal to the reference byte for byte, opened again, nothing damaged taken; flags and rates.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { packetCipherMaker, packetCipherMakers, usePacketCipherMaker } from "../../../firmware/crypto/index.js";
import {
  SRTCP_MAX_TRAILER,
  SRTP_MAX_TRAILER,
  type SrtpKeys,
  SrtpReceiver,
  SrtpSender,
  SrtpStatus,
  type SrtpSuiteName,
  srtpSuites,
  statusName,
} from "../../../firmware/srtp/index.js";
import { hex } from "../../vectors.js";
import { headerLength, type RtpShape, randomKeys, rtcpPacket, rtpPacket, shapes, withRoom } from "./packets.js";
import { referenceRtcp, referenceRtp } from "./reference.js";

const usual = packetCipherMaker();

const flags: { name: string; more: Partial<SrtpKeys> }[] = [
  { name: "", more: {} },
  { name: ", RTP unencrypted", more: { unencryptedRtp: true } },
  { name: ", RTCP unencrypted", more: { unencryptedRtcp: true } },
  { name: ", RTP unauthenticated", more: { unauthenticatedRtp: true } },
  { name: ", key derivation rate 1", more: { kdr: 1 } },
  { name: ", key derivation rate 4096", more: { kdr: 4096 } },
];

for (const maker of packetCipherMakers())
  for (const suite of Object.keys(srtpSuites) as SrtpSuiteName[])
    for (const { name, more } of flags) {
      if (more.unauthenticatedRtp && srtpSuites[suite].mode === "gcm") continue;
      test(`${maker}: ${suite}${name}`, () => {
        usePacketCipherMaker(maker);
        fc.assert(
          fc.property(
            shapes,
            fc.uint8Array({ maxLength: 128 }),
            fc.integer({ min: 0, max: 0xffffffff }),
            (shape, mki, roc) => {
              const keys = randomKeys({ suite, mki, roc, ...more });
              const [sender, receiver] = [new SrtpSender(keys), new SrtpReceiver(keys)];
              const packet = rtpPacket(shape);
              const buffer = withRoom(packet, SRTP_MAX_TRAILER);
              const length = sender.protectRtp(buffer, packet.length);
              const index = BigInt(roc) * 65536n + BigInt(shape.sequence);
              assert.is(
                hex(buffer.subarray(0, length)),
                referenceRtp(keys, packet, headerLength(shape), index).toString("hex"),
              );
              assert.is(receiver.unprotectRtp(buffer, length), packet.length);
              assert.is(hex(buffer.subarray(0, packet.length)), hex(packet));

              for (let n = 0; n < 2; n++) {
                const control = rtcpPacket(shape.ssrc, shape.csrcs);
                const room = withRoom(control, SRTCP_MAX_TRAILER);
                const size = sender.protectRtcp(room, control.length);
                const encrypted = more.unencryptedRtcp !== true && srtpSuites[suite].mode !== "null";
                const expected = referenceRtcp(keys, control, n, encrypted);
                assert.is(hex(room.subarray(0, size)), expected.toString("hex"));
                assert.is(receiver.unprotectRtcp(room, size), control.length);
                assert.is(hex(room.subarray(0, control.length)), hex(control));
              }
              sender.close();
              receiver.close();
            },
          ),
          { numRuns: 25 },
        );
        usePacketCipherMaker(usual);
      });
    }

for (const suite of Object.keys(srtpSuites) as SrtpSuiteName[])
  test(`${suite}: any flipped bit is refused and changes nothing; repeats are refused`, () => {
    const keys = randomKeys({ suite, mki: Uint8Array.of(7) });
    const shape: RtpShape = { sequence: 9, csrcs: 1, extensionWords: 1, payload: new Uint8Array(21).fill(3) };
    const packet = rtpPacket(shape);
    const good = new Uint8Array(referenceRtp(keys, packet, headerLength(shape), 9n));
    const control = rtcpPacket(1, 5);
    const goodControl = new Uint8Array(referenceRtcp(keys, control, 3, true));
    const receiver = new SrtpReceiver(keys);
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = good.slice();
      bad[bit >>> 3] ^= 1 << (bit & 7);
      const before = hex(bad);
      assert.ok(receiver.unprotectRtp(bad, bad.length) < 0, `bit ${bit}`);
      assert.is(hex(bad), before);
    }
    for (let bit = 0; bit < goodControl.length * 8; bit++) {
      const bad = goodControl.slice();
      bad[bit >>> 3] ^= 1 << (bit & 7);
      assert.ok(receiver.unprotectRtcp(bad, bad.length) < 0, `RTCP bit ${bit}`);
    }
    assert.equal(receiver.streams(), []);
    assert.is(receiver.unprotectRtp(good.slice(), good.length), packet.length);
    assert.is(statusName(receiver.unprotectRtp(good.slice(), good.length)), "replayed");
    assert.is(receiver.unprotectRtcp(goodControl.slice(), goodControl.length), control.length);
    assert.is(statusName(receiver.unprotectRtcp(goodControl.slice(), goodControl.length)), "replayed");
  });

test("RTCP is always authenticated, also where RTP is not", () => {
  const keys = randomKeys({ unauthenticatedRtp: true });
  const bytes = new Uint8Array(referenceRtcp(keys, rtcpPacket(1, 2), 0, true));
  bytes[bytes.length - 1] ^= 1;
  assert.is(new SrtpReceiver(keys).unprotectRtcp(bytes, bytes.length), SrtpStatus.badTag);
});

test("a key derivation rate changes keys on the way, over a wrap and for late packets too", () => {
  const keys = randomKeys({ kdr: 16, roc: 2 });
  const [sender, receiver] = [new SrtpSender(keys), new SrtpReceiver(keys)];
  const held: Uint8Array[] = [];
  let taken = 0;
  const take = (bytes: Uint8Array) => {
    assert.is(receiver.unprotectRtp(bytes, bytes.length), 32);
    taken++;
  };
  for (let n = 0; n < 300; n++) {
    const packet = rtpPacket({ sequence: (65400 + n) & 0xffff, payload: new Uint8Array(20).fill(n) });
    const buffer = withRoom(packet, 10);
    const length = sender.protectRtp(buffer, packet.length);
    assert.is(hex(buffer), referenceRtp(keys, packet, 12, 2n * 65536n + BigInt(65400 + n)).toString("hex"));
    // Every fifth packet arrives 40 packets late: two periods back.
    if (n % 5 === 0) held.push(buffer.slice(0, length));
    else take(buffer);
    if (held.length > 8) take(held.shift()!);
  }
  assert.ok(taken > 280);
});

test("keys that make no sense are refused", () => {
  const cases: [Partial<SrtpKeys>, RegExp][] = [
    [{ kdr: 3 }, /kdr/],
    [{ kdr: 2 ** 25 }, /kdr/],
    [{ from: -1 }, /from/],
    [{ from: 5, to: 4 }, /to must/],
    [{ to: 2 ** 48 }, /to must/],
    [{ lifetime: 0 }, /lifetime/],
    [{ suite: "AEAD_AES_128_GCM", unauthenticatedRtp: true }, /unauthenticatedRtp/],
  ];
  for (const [more, words] of cases) assert.throws(() => new SrtpSender(randomKeys(more)), words);
});

test.run();
