// Whatever bytes arrive, for every suite, flag and number of keys: no exception, no packet taken, no state moved, no memory kept.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { packetCipherMaker, packetCipherMakers, usePacketCipherMaker } from "../../../firmware/crypto/index.js";
import {
  type SrtpKeys,
  SrtpReceiver,
  SrtpSender,
  type SrtpSuiteName,
  srtpSuites,
} from "../../../firmware/srtp/index.js";
import { hex } from "../../vectors.js";
import { headerLength, randomKeys, rtcpPacket, rtpPacket, shapes } from "./packets.js";
import { referenceRtcp, referenceRtp } from "./reference.js";

const suites = Object.keys(srtpSuites) as SrtpSuiteName[];
const usual = packetCipherMaker();

/** Bytes out of nowhere, half of them with the version of RTP. */
const datagrams = fc
  .tuple(fc.uint8Array({ maxLength: 300 }), fc.boolean())
  .map(([bytes, versioned]) => bytes.map((byte, i) => (versioned && i === 0 ? 0x80 | (byte & 0x3f) : byte)));

/** Offers a datagram as RTP and as RTCP; both must refuse it and leave it alone. */
function refused(receiver: SrtpReceiver, datagram: Uint8Array): void {
  const before = hex(datagram);
  assert.ok(receiver.unprotectRtp(datagram, datagram.length) < 0);
  assert.ok(receiver.unprotectRtcp(datagram, datagram.length) < 0);
  assert.is(hex(datagram), before);
}

for (const maker of packetCipherMakers())
  for (const suite of suites)
    test(`${maker}: ${suite}: random bytes are refused, and change nothing`, () => {
      usePacketCipherMaker(maker);
      for (const more of [{}, { mki: Uint8Array.of(1) }, { kdr: 1 }, { unencryptedRtp: true }] as Partial<SrtpKeys>[]) {
        const keys = randomKeys({ suite, ...more });
        const receiver = new SrtpReceiver(keys, { maxStreams: 2 });
        receiver.addKeys(randomKeys({ suite: "AEAD_AES_128_GCM", mki: Uint8Array.of(2) }));
        const known = rtpPacket({ sequence: 9, ssrc: 7, payload: new Uint8Array(20) });
        const good = new Uint8Array(referenceRtp(keys, known, 12, 9n));
        assert.is(receiver.unprotectRtp(good, good.length), known.length);
        const before = receiver.streams();
        fc.assert(
          fc.property(datagrams, (datagram) => refused(receiver, datagram)),
          { numRuns: 120 },
        );
        assert.equal(receiver.streams(), before);
        receiver.close();
      }
      usePacketCipherMaker(usual);
    });

for (const maker of packetCipherMakers())
  for (const suite of suites)
    test(`${maker}: ${suite}: any flipped bit of any packet is refused, the packet itself is taken`, () => {
      usePacketCipherMaker(maker);
      fc.assert(
        fc.property(
          shapes,
          fc.uint8Array({ maxLength: 8 }),
          fc.array(fc.nat(), { minLength: 1, maxLength: 25, size: "max" }),
          (shape, mki, bits) => {
            const keys = randomKeys({ suite, mki });
            const receiver = new SrtpReceiver(keys);
            const packet = rtpPacket(shape);
            const good = new Uint8Array(referenceRtp(keys, packet, headerLength(shape), BigInt(shape.sequence)));
            const control = rtcpPacket(shape.ssrc, shape.csrcs);
            const goodControl = new Uint8Array(referenceRtcp(keys, control, 5, true));
            for (const bit of bits)
              for (const [bytes, take] of [
                [good, (damaged: Uint8Array) => receiver.unprotectRtp(damaged, damaged.length)],
                [goodControl, (damaged: Uint8Array) => receiver.unprotectRtcp(damaged, damaged.length)],
              ] as const) {
                const damaged = bytes.slice();
                damaged[(bit >>> 3) % bytes.length] ^= 1 << (bit & 7);
                const before = hex(damaged);
                assert.ok(take(damaged) < 0, `bit ${bit}`);
                assert.is(hex(damaged), before, `bit ${bit} changed the packet`);
              }
            assert.equal(receiver.streams(), []);
            assert.is(receiver.unprotectRtp(good, good.length), packet.length);
            assert.is(receiver.unprotectRtcp(goodControl, goodControl.length), control.length);
            receiver.close();
          },
        ),
        { numRuns: 25 },
      );
      usePacketCipherMaker(usual);
    });

for (const maker of packetCipherMakers())
  test(`${maker}: forgeries at line rate keep no memory, also where each asks for other session keys`, () => {
    usePacketCipherMaker(maker);
    const keys = randomKeys({ kdr: 1 });
    const receiver = new SrtpReceiver(keys, { maxStreams: 4 });
    const forged = rtpPacket({ sequence: 0, payload: new Uint8Array(40) });
    const flood = (count: number) => {
      for (let n = 0; n < count; n++) {
        forged[2] = n >>> 8;
        forged[3] = n;
        forged[8] = n % 251;
        assert.ok(receiver.unprotectRtp(forged, forged.length) < 0);
        assert.ok(receiver.unprotectRtcp(forged, forged.length) < 0);
      }
    };
    flood(500);
    const before = process.memoryUsage().external;
    flood(5000);
    // A set of session keys is more than 500 bytes, the kernel's memory grows only: 5000 sets that were not wiped would be 5 MB.
    const grown = process.memoryUsage().external - before;
    assert.ok(grown < 1_500_000, `${grown} bytes grown`);
    assert.equal(receiver.streams(), []);
    receiver.close();
    usePacketCipherMaker(usual);
  });

test("a sender of random bytes never throws, and what it takes is taken at the other end", () => {
  for (const suite of suites)
    fc.assert(
      fc.property(datagrams, (datagram) => {
        const keys = randomKeys({ suite });
        const [sender, receiver] = [new SrtpSender(keys), new SrtpReceiver(keys)];
        const buffer = new Uint8Array(datagram.length + 20);
        for (const rtcp of [false, true]) {
          buffer.set(datagram);
          const size = datagram.length;
          const length = rtcp ? sender.protectRtcp(buffer, size) : sender.protectRtp(buffer, size);
          if (length < 0) continue;
          const end = rtcp ? receiver.unprotectRtcp(buffer, length) : receiver.unprotectRtp(buffer, length);
          assert.is(end, size);
          assert.is(hex(buffer.subarray(0, end)), hex(datagram));
        }
        sender.close();
        receiver.close();
      }),
      { numRuns: 100 },
    );
});

test.run();
