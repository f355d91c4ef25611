// Sending: bytes equal the reference's, indices follow the sequence numbers, none is used twice.

import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  SRTCP_MAX_TRAILER,
  SRTP_MAX_TRAILER,
  type SrtpKeyEvent,
  SrtpReceiver,
  SrtpSender,
  SrtpStatus,
} from "../../../firmware/srtp/index.js";
import { hex } from "../../vectors.js";
import { headerLength, type RtpShape, randomKeys, rtcpPacket, rtpPacket, withRoom } from "./packets.js";
import { referenceRtcp, referenceRtp } from "./reference.js";

test("protectRtp equals the reference for every header shape and many payload lengths", () => {
  for (const mki of [undefined, new Uint8Array(randomBytes(1)), new Uint8Array(randomBytes(128))]) {
    const keys = randomKeys({ mki, roc: 0xfffe });
    const sender = new SrtpSender(keys);
    let sequence = 65000;
    for (let csrcs = 0; csrcs <= 15; csrcs += 5)
      for (const extensionWords of [undefined, 0, 1, 7])
        for (const size of [0, 1, 15, 16, 17, 159, 160, 1400]) {
          sequence += 7;
          const payload = new Uint8Array(randomBytes(size));
          const shape: RtpShape = { sequence: sequence & 0xffff, csrcs, extensionWords, payload, ssrc: 0xfedcba98 };
          const packet = rtpPacket(shape);
          const buffer = withRoom(packet, SRTP_MAX_TRAILER);
          const length = sender.protectRtp(buffer, packet.length);
          const index = 0xfffen * 65536n + BigInt(sequence);
          const expected = referenceRtp(keys, packet, headerLength(shape), index);
          assert.is(hex(buffer.subarray(0, length)), expected.toString("hex"));
        }
    assert.ok(sequence > 65536, "the sequence number wrapped in between");
  }
});

test("protectRtcp equals the reference, encrypted or not, its index counting from 0 per SSRC", () => {
  for (const mki of [undefined, new Uint8Array(randomBytes(4))]) {
    const keys = randomKeys({ mki });
    const sender = new SrtpSender(keys);
    for (let index = 0; index < 40; index++)
      for (const ssrc of [1, 0xffffffff]) {
        const encrypt = index % 3 !== 0;
        const packet = rtcpPacket(ssrc, index);
        const buffer = withRoom(packet, SRTCP_MAX_TRAILER);
        const length = sender.protectRtcp(buffer, packet.length, encrypt);
        assert.is(
          hex(buffer.subarray(0, length)),
          referenceRtcp(keys, packet, index, encrypt).toString("hex"),
          `index ${index}`,
        );
      }
  }
});

test("the bytes behind the trailer and a buffer's neighbours stay as they are", () => {
  const sender = new SrtpSender(randomKeys());
  const whole = new Uint8Array(400).fill(0xee);
  const view = whole.subarray(100, 300);
  const packet = rtpPacket({ sequence: 1, payload: new Uint8Array(21) });
  view.set(packet);
  const length = sender.protectRtp(view, packet.length);
  assert.is(length, packet.length + 10);
  assert.ok(whole.subarray(0, 100).every((byte) => byte === 0xee));
  assert.ok(whole.subarray(100 + length).every((byte) => byte === 0xee));
});

function send(sender: SrtpSender, sequence: number, ssrc = 7): number {
  const packet = rtpPacket({ sequence, ssrc, payload: new Uint8Array(3) });
  return sender.protectRtp(withRoom(packet), packet.length);
}

test("an index is never protected twice; late ones within the window are", () => {
  const sender = new SrtpSender(randomKeys(), { replayWindow: 64 });
  assert.is(send(sender, 100), 25);
  assert.is(send(sender, 100), SrtpStatus.indexUsed);
  assert.is(send(sender, 103), 25);
  assert.is(send(sender, 101), 25);
  assert.is(send(sender, 101), SrtpStatus.indexUsed);
  assert.is(send(sender, 102), 25);
  assert.is(send(sender, 39), SrtpStatus.indexUsed, "64 behind: unknown, so refused");
  assert.is(send(sender, 40), 25);
  assert.is(send(sender, 100, 8), 25, "another SSRC has indices of its own");
});

test("the roll-over counter counts wraps, and is reported", () => {
  const sender = new SrtpSender(randomKeys({ roc: 4 }));
  for (const sequence of [65534, 65535, 0, 1]) assert.is(send(sender, sequence), 25);
  assert.is(send(sender, 40000), SrtpStatus.indexUsed, "nearer from before the wrap, and far behind the window");
  assert.is(send(sender, 2), 25);
  assert.equal(sender.streams(), [{ ssrc: 7, roc: 5, sequence: 2 }]);
});

test("at the end of the index space nothing is protected any more", () => {
  const sender = new SrtpSender(randomKeys({ roc: 0xffffffff }));
  assert.is(send(sender, 65534), 25);
  assert.is(send(sender, 65535), 25);
  const packet = rtpPacket({ sequence: 0, ssrc: 7 });
  const buffer = withRoom(packet);
  assert.is(sender.protectRtp(buffer, packet.length), SrtpStatus.keyLimit);
  assert.equal(buffer, withRoom(packet), "unchanged");
  assert.is(send(sender, 65533), 25, "a late one still has an index of its own");
  assert.is(send(sender, 65535), SrtpStatus.indexUsed);
});

test("RTCP ends after 2^31 packets", () => {
  class Aged extends SrtpSender {
    /** As if all packets but one had been sent. */
    age(ssrc: number): void {
      const { rtcpStreams } = this;
      rtcpStreams.index[0] = 2 ** 31 - 2;
      rtcpStreams.mark(rtcpStreams.open(rtcpPacket(ssrc), 4));
    }
  }
  const keys = randomKeys();
  const sender = new Aged(keys);
  sender.age(7);
  const packet = rtcpPacket(7, 2);
  const buffer = withRoom(packet);
  const length = sender.protectRtcp(buffer, packet.length);
  assert.is(hex(buffer.subarray(0, length)), referenceRtcp(keys, packet, 2 ** 31 - 1, true).toString("hex"));
  const next = withRoom(packet);
  assert.is(sender.protectRtcp(next, packet.length), SrtpStatus.keyLimit);
  assert.equal(next, withRoom(packet), "unchanged");
});

test("without a lifetime of its own a master key ends where RFC 3711 section 9.2 ends it, and says so ahead", () => {
  class Aged extends SrtpSender {
    /** As if so many packets had been sent under the key. */
    age(rtp: number, rtcp: number): void {
      this.keys[0].rtpUsage.used = rtp;
      this.keys[0].rtcpUsage.used = rtcp;
    }
  }
  const events: string[] = [];
  const onKeyAge = ({ kind, protocol, used, limit }: SrtpKeyEvent) => {
    events.push(`${protocol} ${kind} ${Math.log2(limit)} ${used / limit}`);
  };
  const sender = new Aged(randomKeys(), { onKeyAge });
  const control = () => sender.protectRtcp(withRoom(rtcpPacket(7)), 8);
  sender.age((15 / 16) * 2 ** 48 - 2, (15 / 16) * 2 ** 31 - 2);
  send(sender, 1);
  control();
  assert.equal(events, []);
  send(sender, 2);
  control();
  assert.equal(events.splice(0), ["rtp expiring 48 0.9375", "rtcp expiring 31 0.9375"]);
  sender.age(2 ** 48 - 1, 2 ** 31 - 1);
  send(sender, 3);
  control();
  assert.equal(events, ["rtp expired 48 1", "rtcp expired 31 1"]);
  assert.is(send(sender, 4), SrtpStatus.keyLimit);
  assert.is(control(), SrtpStatus.keyLimit);
});

test("an SSRC that changes on the way begins anew, at both ends; whose SSRC is taken can be asked", () => {
  const keys = randomKeys({ roc: 2 });
  const [sender, receiver] = [new SrtpSender(keys), new SrtpReceiver(keys)];
  const pass = (sequence: number, ssrc: number, index: bigint) => {
    const packet = rtpPacket({ sequence, ssrc, payload: new Uint8Array(30) });
    const buffer = withRoom(packet);
    const length = sender.protectRtp(buffer, packet.length);
    assert.is(hex(buffer.subarray(0, length)), referenceRtp(keys, packet, 12, index).toString("hex"));
    assert.is(receiver.unprotectRtp(buffer, length), packet.length);
  };
  pass(65535, 7, 2n * 65536n + 65535n);
  pass(0, 7, 3n * 65536n);
  assert.ok(sender.has(7) && receiver.has(7) && !receiver.has(0xffffff07));
  pass(500, 0xffffff07, 2n * 65536n + 500n);
  assert.ok(receiver.has(0xffffff07));
  // The old one is not forgotten: what was sent under it cannot be sent or replayed again.
  assert.is(send(sender, 0, 7), SrtpStatus.indexUsed);
  pass(1, 7, 3n * 65536n + 1n);
  // Where both ends choose the same SSRC under keys of their own, nothing mixes.
  const back = randomKeys();
  const [answer, heard] = [new SrtpSender(back), new SrtpReceiver(back)];
  const packet = rtpPacket({ sequence: 1, ssrc: 7 });
  const buffer = withRoom(packet);
  const length = answer.protectRtp(buffer, packet.length);
  assert.is(receiver.unprotectRtp(buffer.slice(), length), SrtpStatus.replayed);
  assert.is(heard.unprotectRtp(buffer, length), packet.length);
});

test("replaced keys do not reset indices", () => {
  const keys = randomKeys();
  const sender = new SrtpSender(keys);
  for (const sequence of [65535, 0]) send(sender, sequence);
  sender.protectRtcp(withRoom(rtcpPacket(7)), 8);
  sender.replaceKeys(keys);
  assert.is(send(sender, 0), SrtpStatus.indexUsed, "same keys, same index: refused");
  const others = randomKeys({ roc: 99 });
  sender.replaceKeys(others);
  const packet = rtpPacket({ sequence: 1, ssrc: 7 });
  const buffer = withRoom(packet);
  const length = sender.protectRtp(buffer, packet.length);
  assert.is(hex(buffer.subarray(0, length)), referenceRtp(others, packet, 12, 65537n).toString("hex"));
  const rtcp = rtcpPacket(7, 3);
  const rtcpBuffer = withRoom(rtcp);
  const rtcpLength = sender.protectRtcp(rtcpBuffer, rtcp.length);
  assert.is(hex(rtcpBuffer.subarray(0, rtcpLength)), referenceRtcp(others, rtcp, 1, true).toString("hex"));
});

test("as many streams as asked for, each with its own counter", () => {
  const sender = new SrtpSender(randomKeys(), { maxStreams: 3 });
  for (const ssrc of [1, 2, 3]) assert.is(send(sender, 65535, ssrc), 25);
  assert.is(send(sender, 5, 4), SrtpStatus.tooManyStreams);
  assert.is(send(sender, 0, 2), 25);
  assert.equal(
    sender.streams().map((stream) => stream.roc),
    [0, 1, 0],
  );
  for (const ssrc of [1, 2, 3]) assert.is(sender.protectRtcp(withRoom(rtcpPacket(ssrc)), 8), 22);
  assert.is(sender.protectRtcp(withRoom(rtcpPacket(4)), 8), SrtpStatus.tooManyStreams);
});

test("what is no RTP or RTCP is refused and left alone", () => {
  const sender = new SrtpSender(randomKeys());
  const refused = (packet: Uint8Array, length = packet.length) => {
    const buffer = withRoom(packet);
    const before = buffer.slice();
    assert.is(sender.protectRtp(buffer, length), SrtpStatus.malformed);
    assert.equal(buffer, before);
  };
  for (let length = 0; length < 12; length++) refused(rtpPacket({ sequence: 1 }), length);
  for (const first of [0x00, 0x40, 0xc0]) refused(Uint8Array.of(first, ...rtpPacket({ sequence: 1 }).subarray(1)));
  refused(rtpPacket({ sequence: 1, csrcs: 2 }), 19);
  refused(rtpPacket({ sequence: 1, extensionWords: 3 }), 15);
  refused(rtpPacket({ sequence: 1, extensionWords: 3 }), 27);
  refused(rtpPacket({ sequence: 1, payload: new Uint8Array(2 ** 20 + 1) }));
  const control = rtcpPacket(1, 2 ** 18 + 1);
  assert.is(sender.protectRtcp(withRoom(control), control.length), SrtpStatus.malformed);
  assert.is(sender.streams().length, 0);
  for (let length = 0; length < 8; length++)
    assert.is(sender.protectRtcp(withRoom(rtcpPacket(1)), length), SrtpStatus.malformed);
  const rtcp = withRoom(rtcpPacket(1));
  rtcp[0] = 0x40;
  assert.is(sender.protectRtcp(rtcp, 8), SrtpStatus.malformed);
});

test("a buffer without room for the trailer is the caller's mistake", () => {
  const sender = new SrtpSender(randomKeys({ mki: Uint8Array.of(1, 2) }));
  const packet = rtpPacket({ sequence: 1 });
  assert.throws(() => sender.protectRtp(withRoom(packet, 11), 12), /23 bytes/);
  assert.is(sender.protectRtp(withRoom(packet, 12), 12), 24);
  assert.throws(() => sender.protectRtcp(withRoom(rtcpPacket(1), 15), 8), RangeError);
  assert.is(sender.protectRtcp(withRoom(rtcpPacket(1), 16), 8), 24);
  for (const length of [-1, 1.5, Number.NaN])
    assert.throws(() => sender.protectRtp(withRoom(packet), length), RangeError);
});

test("a closed sender answers closed", () => {
  const sender = new SrtpSender(randomKeys());
  assert.not(sender.closed);
  sender.close();
  sender.close();
  assert.ok(sender.closed);
  assert.is(send(sender, 1), SrtpStatus.closed);
  assert.is(sender.protectRtcp(withRoom(rtcpPacket(1)), 8), SrtpStatus.closed);
  assert.throws(() => sender.replaceKeys(randomKeys()), /closed/);
});

test.run();
