// Receiving: what the reference protected comes out, whatever the network did; nothing unauthenticated changes any state.

import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SrtpReceiver, SrtpSender, SrtpStatus, statusName } from "../../../firmware/srtp/index.js";
import { hex } from "../../vectors.js";
import { headerLength, randomKeys, rtcpPacket, rtpPacket, shapes, withRoom } from "./packets.js";
import { referenceRtcp, referenceRtp } from "./reference.js";

const keys = randomKeys();
const other = randomKeys();

/** A packet of the reference with the given 48-bit index, through `receiver`. */
function receive(receiver: SrtpReceiver, index: number, ssrc = 7, under = keys): number {
  const packet = rtpPacket({ sequence: index % 65536, ssrc, payload: new Uint8Array(4).fill(index) });
  const bytes = new Uint8Array(referenceRtp(under, packet, 12, BigInt(index)));
  const length = receiver.unprotectRtp(bytes, bytes.length);
  if (length >= 0) assert.is(hex(bytes.subarray(0, length)), hex(packet));
  return length;
}

function receiveRtcp(receiver: SrtpReceiver, index: number, ssrc = 7, encrypt = true): number {
  const packet = rtcpPacket(ssrc, 5);
  const bytes = new Uint8Array(referenceRtcp(keys, packet, index, encrypt));
  const length = receiver.unprotectRtcp(bytes, bytes.length);
  if (length >= 0) assert.is(hex(bytes.subarray(0, length)), hex(packet));
  return length;
}

test("unprotect(protect(p)) = p for any payload, contributing sources, extension and MKI", () => {
  fc.assert(
    fc.property(
      shapes,
      fc.uint8Array({ maxLength: 128 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      (shape, mki, roc) => {
        const both = randomKeys({ mki, roc });
        const packet = rtpPacket(shape);
        const buffer = withRoom(packet);
        const length = new SrtpSender(both).protectRtp(buffer, packet.length);
        assert.is(length, packet.length + mki.length + 10);
        assert.is(new SrtpReceiver(both).unprotectRtp(buffer, length), packet.length);
        assert.is(hex(buffer.subarray(0, packet.length)), hex(packet));
      },
    ),
    { numRuns: 300 },
  );
});

test("every payload length from 0 to 1400 comes through, at any offset in a larger buffer", () => {
  const sender = new SrtpSender(keys);
  const receiver = new SrtpReceiver(keys);
  const whole = new Uint8Array(2000);
  for (let size = 0; size <= 1400; size++) {
    const packet = rtpPacket({ sequence: size, payload: new Uint8Array(size).fill(size) });
    const view = whole.subarray(size % 17, (size % 17) + packet.length + 10);
    view.set(packet);
    assert.is(sender.protectRtp(view, packet.length), packet.length + 10);
    assert.is(receiver.unprotectRtp(view, packet.length + 10), packet.length);
    assert.is(hex(view.subarray(0, packet.length)), hex(packet));
  }
});

test("the longest payload a keystream covers comes through", () => {
  const packet = rtpPacket({ sequence: 1, payload: new Uint8Array(2 ** 20).fill(9) });
  const bytes = new Uint8Array(referenceRtp(keys, packet, 12, 1n));
  assert.is(new SrtpReceiver(keys).unprotectRtp(bytes, bytes.length), packet.length);
  assert.ok(Buffer.from(packet).equals(bytes.subarray(0, packet.length)));
  const longer = rtpPacket({ sequence: 1, payload: new Uint8Array(2 ** 20 + 1) });
  assert.is(new SrtpReceiver(keys).unprotectRtp(withRoom(longer, 10), longer.length + 10), SrtpStatus.malformed);
  const control = new Uint8Array(referenceRtcp(keys, rtcpPacket(7, 2 ** 18), 0, true));
  assert.is(new SrtpReceiver(keys).unprotectRtcp(control, control.length), control.length - 14);
  const longerControl = new Uint8Array(referenceRtcp(keys, rtcpPacket(7, 2 ** 18 + 1), 0, true));
  assert.is(new SrtpReceiver(keys).unprotectRtcp(longerControl, longerControl.length), SrtpStatus.malformed);
});

test("any flipped bit of an RTP packet is refused and changes nothing", () => {
  const marked = randomKeys({ mki: Uint8Array.of(0xa0, 0x0b) });
  const shape = { sequence: 500, csrcs: 2, extensionWords: 1, payload: new Uint8Array(33) };
  const packet = rtpPacket(shape);
  const good = new Uint8Array(referenceRtp(marked, packet, headerLength(shape), 500n));
  for (const fresh of [true, false]) {
    const receiver = new SrtpReceiver(marked);
    if (!fresh) {
      const first = rtpPacket({ ...shape, sequence: 499 });
      const bytes = new Uint8Array(referenceRtp(marked, first, headerLength(shape), 499n));
      assert.is(receiver.unprotectRtp(bytes, bytes.length), first.length);
    }
    const before = receiver.streams();
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = good.slice();
      bad[bit >>> 3] ^= 1 << (bit & 7);
      const damaged = bad.slice();
      const status = receiver.unprotectRtp(bad, bad.length);
      assert.ok(status < 0, `bit ${bit} was not noticed`);
      assert.is(hex(bad), hex(damaged), `bit ${bit}: the packet changed`);
    }
    assert.equal(receiver.streams(), before);
    assert.is(receiver.unprotectRtp(good.slice(), good.length), packet.length, "the undamaged one still comes through");
  }
});

test("any flipped bit of an RTCP packet is refused and changes nothing", () => {
  const packet = rtcpPacket(7, 6);
  for (const encrypt of [true, false]) {
    const receiver = new SrtpReceiver(keys);
    const good = new Uint8Array(referenceRtcp(keys, packet, 77, encrypt));
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = good.slice();
      bad[bit >>> 3] ^= 1 << (bit & 7);
      const damaged = bad.slice();
      assert.ok(receiver.unprotectRtcp(bad, bad.length) < 0, `bit ${bit} was not noticed`);
      assert.is(hex(bad), hex(damaged));
    }
    assert.is(receiver.unprotectRtcp(good.slice(), good.length), packet.length);
  }
});

test("any truncation or addition is refused", () => {
  const packet = rtpPacket({ sequence: 9, payload: new Uint8Array(30) });
  const good = withRoom(new Uint8Array(referenceRtp(keys, packet, 12, 9n)), 8);
  const control = withRoom(new Uint8Array(referenceRtcp(keys, rtcpPacket(7, 4), 0, true)), 8);
  const receiver = new SrtpReceiver(keys);
  for (let length = 0; length <= good.length; length++)
    if (length !== good.length - 8) assert.ok(receiver.unprotectRtp(good.slice(), length) < 0, `${length}`);
  for (let length = 0; length <= control.length; length++)
    if (length !== control.length - 8) assert.ok(receiver.unprotectRtcp(control.slice(), length) < 0, `${length}`);
});

test("loss, repeats and reordering over wraps: each packet is taken once, as a simple oracle says", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 0x7fff_fffe, 0xffff_fff0),
      fc.integer({ min: 32768, max: 65535 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 4000 }), fc.integer({ min: -140, max: 0 })), {
        maxLength: 60,
        size: "max",
      }),
      (roc, start, moves) => {
        const receiver = new SrtpReceiver({ ...keys, roc });
        const accepted = new Set<number>();
        let front = roc * 65536 + start;
        let highest = -1;
        const offer = (index: number) => {
          if (index < 0 || index >= 2 ** 48) return;
          const status = receive(receiver, index);
          const expected = accepted.has(index) || (highest >= 0 && highest - index >= 128) ? SrtpStatus.replayed : 16;
          assert.is(statusName(status), statusName(expected), `index ${index}, highest ${highest}`);
          if (status < 0) return;
          accepted.add(index);
          highest = Math.max(highest, index);
        };
        offer(front);
        for (const [step, late] of moves) {
          front += step;
          offer(front);
          // An early packet of the stream may lie below its first one, in the counter before: only where there is one.
          if (front + late >= roc * 65536) offer(front + late);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("a long walk, 40 wraps in steps of up to 2^15", () => {
  const receiver = new SrtpReceiver(keys);
  let index = 60000;
  for (let n = 0; n < 100; n++) {
    assert.is(receive(receiver, index), 16);
    assert.is(receive(receiver, index), SrtpStatus.replayed);
    index += 32767 - (n % 5) * 1000;
  }
  assert.ok(receiver.streams()[0].roc > 40);
});

test("2^15 lost packets in a row are one too many, as RFC 3711 section 3.3.1 says, and do no harm", () => {
  const receiver = new SrtpReceiver(keys);
  assert.is(receive(receiver, 40000), 16);
  assert.is(
    receive(receiver, 40000 + 32769),
    SrtpStatus.replayed,
    "estimated one cycle too low: far behind the window",
  );
  assert.is(receive(receiver, 40001 + 65536), SrtpStatus.badTag, "estimated as the next packet");
  assert.is(receive(receiver, 40001), 16);
});

test("a stream first seen behind its first wrap is taken, and goes on right", () => {
  const receiver = new SrtpReceiver(keys);
  assert.is(receive(receiver, 65536 + 2), 16);
  assert.equal(receiver.streams(), [{ ssrc: 7, roc: 1, sequence: 2 }]);
  assert.is(receive(receiver, 65535), 16, "a late one from before the wrap");
  assert.is(receive(receiver, 65536 + 3), 16);
  assert.is(receive(new SrtpReceiver(keys), 2 * 65536 + 2), SrtpStatus.badTag, "two wraps are not guessed at");
  assert.is(receive(new SrtpReceiver(keys), 65536 + 40000), SrtpStatus.badTag, "nor half a cycle");
});

test("a late joiner is told the roll-over counter", () => {
  assert.is(receive(new SrtpReceiver(keys), 70000 * 65536 + 40000), SrtpStatus.badTag);
  assert.is(receive(new SrtpReceiver({ ...keys, roc: 70000 }), 70000 * 65536 + 40000), 16);
});

test("the index space ends", () => {
  const receiver = new SrtpReceiver({ ...keys, roc: 0xffffffff });
  assert.is(receive(receiver, 2 ** 48 - 1), 16);
  const packet = rtpPacket({ sequence: 0, ssrc: 7, payload: new Uint8Array(4) });
  const bytes = new Uint8Array(referenceRtp(keys, packet, 12, 0n));
  assert.is(receiver.unprotectRtp(bytes, bytes.length), SrtpStatus.keyLimit);
  const late = new SrtpReceiver({ ...keys, roc: 0xffffffff });
  assert.is(receive(late, 5), SrtpStatus.badTag, "a fresh stream tries no counter beyond the last");
});

test("RTCP: order is free within the window, repeats are refused, E flag 0 is taken", () => {
  const receiver = new SrtpReceiver(keys);
  const order = [0, 2, 1, 2, 130, 2, 3, 2 ** 31 - 1, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31 - 128, 2 ** 31 - 129];
  const expected = ["ok", "ok", "ok", "replayed", "ok", "replayed", "ok", "ok", "ok", "replayed", "ok", "replayed"];
  assert.equal(
    order.map((index) => statusName(receiveRtcp(receiver, index, 7, index % 2 === 0))),
    expected,
  );
  assert.is(receiveRtcp(receiver, 1, 8), 28, "another SSRC has a window of its own");
  assert.equal(receiver.streams(), [], "and RTP knows nothing of all that");
});

test("RTP keys do not open RTCP packets, nor the other way round", () => {
  const packet = rtpPacket({ sequence: 1, payload: new Uint8Array(20) });
  const rtp = new Uint8Array(referenceRtp(keys, packet, 12, 1n));
  assert.is(new SrtpReceiver(keys).unprotectRtcp(rtp, rtp.length), SrtpStatus.badTag);
  const rtcp = new Uint8Array(referenceRtcp(keys, rtcpPacket(7, 4), 1, true));
  assert.is(new SrtpReceiver(keys).unprotectRtp(rtcp, rtcp.length), SrtpStatus.badTag);
});

test("MKI: another one, a missing one and an unexpected one are refused", () => {
  const packet = rtpPacket({ sequence: 1, payload: new Uint8Array(20) });
  const with1 = { ...keys, mki: Uint8Array.of(0, 0, 0, 1) };
  const with2 = { ...keys, mki: Uint8Array.of(0, 0, 0, 2) };
  const bytes = (k: typeof with1 | typeof keys) => new Uint8Array(referenceRtp(k, packet, 12, 1n));
  const control = (k: typeof with1 | typeof keys) => new Uint8Array(referenceRtcp(k, rtcpPacket(7, 4), 1, true));
  const take = (own: typeof keys, data: Uint8Array) =>
    statusName(new SrtpReceiver(own).unprotectRtp(data, data.length));
  const takeControl = (own: typeof keys, data: Uint8Array) =>
    statusName(new SrtpReceiver(own).unprotectRtcp(data, data.length));
  assert.is(take(with1, bytes(with1)), "ok");
  assert.is(take(with1, bytes(with2)), "unknown-mki");
  assert.is(take(with1, bytes(keys)), "unknown-mki");
  assert.is(take(keys, bytes(with1)), "bad-tag");
  assert.is(takeControl(with1, control(with1)), "ok");
  assert.is(takeControl(with1, control(with2)), "unknown-mki");
  assert.is(takeControl(keys, control(with1)), "bad-tag");
});

test("streams are bounded, and only an authenticated packet opens one", () => {
  const receiver = new SrtpReceiver(keys, { maxStreams: 3 });
  for (let ssrc = 100; ssrc < 200; ssrc++) assert.is(receive(receiver, 1, ssrc, other), SrtpStatus.badTag);
  assert.equal(receiver.streams(), []);
  for (const ssrc of [1, 2, 3]) assert.is(receive(receiver, 1, ssrc), 16);
  assert.is(receive(receiver, 1, 4), SrtpStatus.tooManyStreams);
  assert.is(receive(receiver, 2, 3), 16);
  for (const ssrc of [1, 2, 3]) assert.is(receiveRtcp(receiver, 0, ssrc), 28);
  assert.is(receiveRtcp(receiver, 0, 4), SrtpStatus.tooManyStreams);
  assert.is(receiveRtcp(receiver, 1, 3), 28);
});

test("replaced keys keep roll-over counters and replay windows", () => {
  const receiver = new SrtpReceiver(keys);
  for (const index of [65535, 65536, 65537]) receive(receiver, index);
  receiveRtcp(receiver, 5);
  receiver.replaceKeys(other);
  assert.is(receive(receiver, 65538), 16, "a packet that was on its way under the old keys");
  assert.is(receive(receiver, 65539, 7, other), 16);
  receiver.dropOldKeys();
  assert.is(receive(receiver, 65540), SrtpStatus.badTag, "the old keys are gone");
  assert.is(receive(receiver, 65540, 7, other), 16);
  assert.is(receive(receiver, 65537, 7, other), SrtpStatus.replayed);
  receiver.replaceKeys(keys);
  assert.is(receive(receiver, 65541), 16);
  assert.is(receiveRtcp(receiver, 5), SrtpStatus.replayed);
  assert.is(receiveRtcp(receiver, 6), 28);
  assert.throws(() => receiver.replaceKeys({ ...keys, masterKey: new Uint8Array(5) }), /masterKey/);
  assert.is(receive(receiver, 65542), 16, "keys that were refused changed nothing");
});

test("random bytes never throw and never pass", () => {
  const receiver = new SrtpReceiver(randomKeys({ mki: Uint8Array.of(1) }));
  const plain = new SrtpReceiver(keys);
  receive(plain, 1);
  for (let n = 0; n < 20_000; n++) {
    const data = new Uint8Array(randomBytes(n % 120));
    if (data.length > 0 && n % 2 === 0) data[0] = 0x80 | (data[0] & 0x3f);
    for (const target of [receiver, plain]) {
      assert.ok(target.unprotectRtp(data.slice(), data.length) < 0);
      assert.ok(target.unprotectRtcp(data.slice(), data.length) < 0);
    }
  }
  assert.equal(receiver.streams(), []);
  assert.is(receive(plain, 2), 16);
});

test("a length beyond the buffer is the caller's mistake", () => {
  const receiver = new SrtpReceiver(keys);
  for (const length of [101, -1, 0.5, Number.NaN]) {
    assert.throws(() => receiver.unprotectRtp(new Uint8Array(100), length), RangeError);
    assert.throws(() => receiver.unprotectRtcp(new Uint8Array(100), length), RangeError);
  }
});

test("a closed receiver answers closed", () => {
  const receiver = new SrtpReceiver(keys);
  receive(receiver, 1);
  receiver.close();
  receiver.close();
  assert.ok(receiver.closed);
  assert.is(receive(receiver, 2), SrtpStatus.closed);
  assert.is(receiveRtcp(receiver, 2), SrtpStatus.closed);
  assert.throws(() => receiver.replaceKeys(keys), /closed/);
});

test.run();
