// Several master keys: re-keying without a lost packet, MKIs, ranges, lifetimes; roll-over counters told and found again; keystream ahead.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { packetCipherMaker, packetCipherMakers, usePacketCipherMaker } from "../../../firmware/crypto/index.js";
import {
  isRtcp,
  type SrtpKeyEvent,
  type SrtpKeys,
  SrtpReceiver,
  SrtpSender,
  SrtpStatus,
  type SrtpSuiteName,
  srtpSuites,
  statusName,
} from "../../../firmware/srtp/index.js";
import { hex } from "../../vectors.js";
import { randomKeys, rtcpPacket, rtpPacket, withRoom } from "./packets.js";
import { referenceRtcp, referenceRtp } from "./reference.js";

function protect(sender: SrtpSender, sequence: number, ssrc = 7, size = 20): Uint8Array {
  const packet = rtpPacket({ sequence: sequence & 0xffff, ssrc, payload: new Uint8Array(size).fill(sequence) });
  const buffer = withRoom(packet);
  const length = sender.protectRtp(buffer, packet.length);
  assert.ok(length > 0, statusName(length));
  return buffer.slice(0, length);
}
const take = (receiver: SrtpReceiver, bytes: Uint8Array) =>
  statusName(receiver.unprotectRtp(bytes.slice(), bytes.length));
/** A packet with any index, made by the reference. */
function made(keys: SrtpKeys, index: number, ssrc = 7): Uint8Array {
  const packet = rtpPacket({ sequence: index % 65536, ssrc, payload: new Uint8Array(20).fill(index) });
  return new Uint8Array(referenceRtp(keys, packet, 12, BigInt(index)));
}

for (const [name, one, two] of [
  ["no MKI", {}, {}],
  ["MKIs", { mki: Uint8Array.of(0, 1) }, { mki: Uint8Array.of(0, 2) }],
  ["from no MKI to one", {}, { mki: Uint8Array.of(9, 9, 9, 9) }],
  ["from one suite to another", {}, { suite: "AEAD_AES_128_GCM" }],
  [
    "from GCM with an MKI to f8",
    { suite: "AEAD_AES_256_GCM", mki: Uint8Array.of(1) },
    { suite: "F8_128_HMAC_SHA1_80" },
  ],
] as [string, Partial<SrtpKeys>, Partial<SrtpKeys>][])
  test(`a re-key loses no packet, whoever learns of it first: ${name}`, () => {
    for (const receiverFirst of [true, false]) {
      const [old, fresh] = [randomKeys(one), randomKeys(two)];
      const [sender, receiver] = [new SrtpSender(old), new SrtpReceiver(old)];
      let sequence = 65500;
      const control = (index: number, under: SrtpKeys) => {
        const bytes = new Uint8Array(referenceRtcp(under, rtcpPacket(7, 4), index, true));
        return statusName(receiver.unprotectRtcp(bytes, bytes.length));
      };
      for (let n = 0; n < 20; n++) assert.is(take(receiver, protect(sender, sequence++)), "ok");
      if (receiverFirst) {
        receiver.replaceKeys(fresh);
        for (let n = 0; n < 200; n++) assert.is(take(receiver, protect(sender, sequence++)), "ok", "the peer is slow");
      }
      const underWay = Array.from({ length: 10 }, () => protect(sender, sequence++));
      sender.replaceKeys(fresh);
      const next = Array.from({ length: 10 }, () => protect(sender, sequence++));
      receiver.replaceKeys(fresh);
      for (let n = 0; n < 10; n++) {
        assert.is(take(receiver, next[n]), "ok", `new ${n}`);
        assert.is(take(receiver, underWay[n]), "ok", `old ${n}`);
        assert.not(take(receiver, underWay[n]) === "ok", "repeated");
      }
      assert.is(control(0, old), "ok");
      assert.is(control(1, fresh), "ok");
      for (let n = 0; n < 130; n++) assert.is(take(receiver, protect(sender, sequence++)), "ok");
      // A window's width further on nobody takes the old keys any more.
      assert.not(take(receiver, made(old, sequence + 5)) === "ok");
      assert.not(control(2, old) === "ok");
      assert.is(control(2, fresh), "ok");
      assert.ok(receiver.streams()[0].roc >= 1);
    }
  });

test("the same keys again change nothing, the lifetime included", () => {
  const events: SrtpKeyEvent[] = [];
  const keys = randomKeys({ lifetime: 32 });
  const sender = new SrtpSender(keys, { onKeyAge: (event) => events.push(event) });
  for (let n = 0; n < 31; n++) {
    protect(sender, n);
    sender.replaceKeys(keys);
  }
  assert.equal(
    events.map(({ kind, used }) => [kind, used]),
    [["expiring", 30]],
  );
  protect(sender, 31);
  assert.equal(events[1], { kind: "expired", protocol: "rtp", mki: new Uint8Array(0), used: 32, limit: 32 });
  const packet = withRoom(rtpPacket({ sequence: 32, ssrc: 7 }));
  assert.is(sender.protectRtp(packet, 12), SrtpStatus.keyLimit);
  assert.is(sender.protectRtcp(withRoom(rtcpPacket(7)), 8), 22, "RTCP counts by itself");
  sender.replaceKeys(randomKeys());
  protect(sender, 32);
  assert.is(events.length, 2);
});

test("a receiver's key ends too, RTCP by itself", () => {
  const events: string[] = [];
  const keys = randomKeys({ lifetime: 3 });
  const receiver = new SrtpReceiver(keys, { onKeyAge: ({ kind, protocol }) => events.push(`${protocol} ${kind}`) });
  assert.equal(
    [0, 1, 2, 3].map((index) => take(receiver, made(keys, index))),
    ["ok", "ok", "ok", "key-limit"],
  );
  const control = (index: number) => {
    const bytes = new Uint8Array(referenceRtcp(keys, rtcpPacket(7, 4), index, true));
    return statusName(receiver.unprotectRtcp(bytes, bytes.length));
  };
  assert.equal([0, 1, 2, 3].map(control), ["ok", "ok", "ok", "key-limit"]);
  assert.equal(events, ["rtp expiring", "rtp expired", "rtcp expiring", "rtcp expired"]);
});

test("several master keys live at a time, each named by its MKI, and can be taken away", () => {
  const all = [1, 2, 3].map((n) => randomKeys({ mki: Uint8Array.of(n) }));
  const receiver = new SrtpReceiver(all[0]);
  receiver.addKeys(all[1]);
  receiver.addKeys(all[2]);
  for (let index = 0; index < 300; index++) assert.is(take(receiver, made(all[index % 3], index)), "ok");
  assert.is(receiver.removeKeys(Uint8Array.of(2)), 1);
  assert.is(receiver.removeKeys(Uint8Array.of(2)), 0);
  assert.is(take(receiver, made(all[1], 300)), "unknown-mki");
  assert.is(take(receiver, made(all[0], 301)), "ok");
  assert.is(receiver.removeKeys(Uint8Array.of(3)), 0, "the newest stays");
  for (let n = 10; n < 16; n++) receiver.addKeys(randomKeys({ mki: Uint8Array.of(n) }));
  assert.throws(() => receiver.addKeys(randomKeys()), /at most 8/);
  receiver.close();
  assert.throws(() => receiver.addKeys(all[0]), /closed/);
});

test("<From, To>: sender and receiver change over at the index agreed on, both ways", () => {
  const [first, second] = [randomKeys({ to: 65599 }), randomKeys({ from: 65600, to: 66000 })];
  const [sender, receiver] = [new SrtpSender(first), new SrtpReceiver(first)];
  sender.addKeys(second);
  receiver.addKeys(second);
  for (let index = 65500; index <= 66000; index++) {
    const bytes = protect(sender, index);
    assert.is(hex(bytes), hex(made(index < 65600 ? first : second, index)), `${index}`);
    assert.is(take(receiver, bytes), "ok");
  }
  const packet = withRoom(rtpPacket({ sequence: 66001 & 0xffff, ssrc: 7 }));
  assert.is(sender.protectRtp(packet, 12), SrtpStatus.keyLimit, "no key for it");
  assert.is(take(receiver, made(second, 66001)), "unknown-mki");
});

test("a late joiner: one counter for all, or one per stream", () => {
  const keys = randomKeys({ roc: 3 });
  const receiver = new SrtpReceiver(keys);
  receiver.setRollover(8, 70_000);
  assert.is(take(receiver, made(keys, 3 * 65536 + 50_000, 7)), "ok");
  assert.is(take(receiver, made(keys, 70_000 * 65536 + 50_000, 8)), "ok");
  assert.is(take(receiver, made(keys, 70_000 * 65536 + 50_000, 9)), "bad-tag");
  const sender = new SrtpSender(keys);
  sender.setRollover(8, 12);
  assert.is(hex(protect(sender, 40_000, 8)), hex(made(keys, 12 * 65536 + 40_000, 8)));
  assert.ok(sender.has(8) && !sender.has(9));
  assert.throws(() => receiver.setRollover(8, -1), /roc/);
  assert.throws(() => receiver.setRollover(2 ** 32, 1), /ssrc/);
  for (let ssrc = 100; ssrc < 116; ssrc++) new SrtpSender(keys).setRollover(ssrc, 1);
  assert.throws(() => {
    for (let ssrc = 100; ssrc < 130; ssrc++) receiver.setRollover(ssrc, 1);
  }, /at most 16/);
});

test("a stream that has begun is told where it stands, forward only", () => {
  const keys = randomKeys();
  const receiver = new SrtpReceiver(keys);
  assert.is(take(receiver, made(keys, 65536 + 6_000)), "ok");
  assert.is(take(receiver, made(keys, 9 * 65536 + 100)), "replayed", "it seems old");
  receiver.setRollover(7, 9);
  assert.is(take(receiver, made(keys, 9 * 65536 + 100)), "ok");
  receiver.setRollover(7, 1);
  assert.is(take(receiver, made(keys, 65536 + 6_001)), "bad-tag", "not backwards");
  assert.is(take(receiver, made(keys, 9 * 65536 + 101)), "ok");
});

test("more than 2^15 packets lost in a row: found again after 16 refused ones; a forger gains nothing", () => {
  for (const lost of [32_769, 40_000, 65_400, 65_536, 65_537, 90_000]) {
    const keys = randomKeys();
    const receiver = new SrtpReceiver(keys);
    assert.is(take(receiver, made(keys, 40_000)), "ok");
    let index = 40_000 + lost;
    let refused = 0;
    while (take(receiver, made(keys, ++index)) !== "ok") assert.ok(++refused < 40, `lost ${lost}`);
    for (let n = 0; n < 100; n++) assert.is(take(receiver, made(keys, ++index)), "ok");
    for (let n = 0; n < 100; n++) assert.not(take(receiver, made(randomKeys(), index + 1 + n)) === "ok");
    assert.is(take(receiver, made(keys, ++index)), "ok");
    assert.is(receiver.streams()[0].roc, Math.floor(index / 65536));
  }
});

for (const maker of packetCipherMakers())
  for (const suite of Object.keys(srtpSuites) as SrtpSuiteName[])
    test(`${maker}: ${suite}: keystream made ahead changes no byte, over wraps, jumps, sizes, re-keys and many streams`, () => {
      const usual = packetCipherMaker();
      usePacketCipherMaker(maker);
      let keys = randomKeys({ suite, kdr: 64 });
      const limits = { maxStreams: 20 };
      const [sender, receiver] = [new SrtpSender(keys, limits), new SrtpReceiver(keys, limits)];
      let index = 65_400;
      for (let n = 0; n < 300; n++) {
        if (n % 3 === 0) {
          sender.precompute(4, 150);
          receiver.precompute(4, 150, 7);
        }
        if (n === 150) {
          keys = randomKeys({ suite });
          sender.replaceKeys(keys);
          receiver.replaceKeys(keys);
        }
        index += n % 17 === 0 ? 5 : 1;
        const ssrc = 1000 + (n % 20);
        const shape = { sequence: index & 0xffff, ssrc, payload: new Uint8Array([160, 20, 0, 300][n % 4]).fill(n) };
        const packet = rtpPacket(shape);
        const buffer = withRoom(packet);
        const length = sender.protectRtp(buffer, packet.length);
        // Streams begin one after the other: those that begin behind the wrap begin with counter 0.
        const { roc } = sender.streams().find((stream) => stream.ssrc === ssrc)!;
        const expected = referenceRtp(keys, packet, 12, BigInt(roc * 65536 + shape.sequence));
        assert.is(hex(buffer.subarray(0, length)), expected.toString("hex"), `packet ${n}`);
        assert.is(receiver.unprotectRtp(buffer, length), packet.length);
        assert.is(hex(buffer.subarray(0, packet.length)), hex(packet));
      }
      usePacketCipherMaker(usual);
    });

test("keystream ahead is made once, as far as asked for, and not for suites without", () => {
  const sender = new SrtpSender(randomKeys());
  assert.is(sender.precompute(5), 0, "no stream has begun");
  protect(sender, 1);
  assert.is(sender.precompute(5, 160, 2), 2);
  assert.is(sender.precompute(5), 3);
  assert.is(sender.precompute(5), 0);
  protect(sender, 2);
  assert.is(sender.precompute(5), 1);
  for (const suite of ["NULL_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80"] as const) {
    const other = new SrtpSender(randomKeys({ suite }));
    protect(other, 1);
    assert.is(other.precompute(5), 0);
  }
  for (const packets of [0, 65, 1.5]) assert.throws(() => sender.precompute(packets), /packets/);
  for (const bytes of [0, 2049, 1.5]) assert.throws(() => sender.precompute(1, bytes), /bytes/);
  sender.close();
  assert.is(sender.precompute(5), 0);
});

test("RTCP is told from RTP on one port, protected or not", () => {
  const keys = randomKeys();
  const sender = new SrtpSender(keys);
  for (const type of [200, 201, 202, 203, 204, 205, 206, 207]) {
    const packet = rtcpPacket(7, 3);
    packet[1] = type;
    const buffer = withRoom(packet);
    assert.ok(isRtcp(packet));
    assert.ok(isRtcp(buffer, sender.protectRtcp(buffer, packet.length)));
  }
  for (const type of [0, 8, 34, 63, 96, 127, 128, 136, 255]) {
    const packet = rtpPacket({ sequence: 1 });
    packet[1] = type;
    assert.not(isRtcp(packet));
  }
  assert.not(isRtcp(new Uint8Array(1)));
  assert.not(isRtcp(Uint8Array.of(0, 200)), "STUN");
});

test("a hundred streams keep apart", () => {
  const keys = randomKeys();
  const limits = { maxStreams: 100 };
  const [sender, receiver] = [new SrtpSender(keys, limits), new SrtpReceiver(keys, limits)];
  for (let round = 0; round < 5; round++)
    for (let n = 0; n < 100; n++)
      assert.is(take(receiver, protect(sender, 65_533 + round, Math.imul(n, 0x9e3779b1) >>> 0)), "ok");
  assert.equal(new Set(receiver.streams().map(({ roc, sequence }) => `${roc} ${sequence}`)), new Set(["1 1"]));
  assert.is(take(receiver, made(keys, 1, 5)), "too-many-streams");
});

test.run();
