// RTP packets: captured ones, every part of the header, wrong ones, random bytes.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  addCsrc,
  addExtension,
  addPadding,
  looksLikeRtcp,
  RtpFault,
  RtpPacket,
  rtpFaultName,
  sequenceDistance,
  timestampDistance,
  writeRtpHeaderInto,
} from "../../../firmware/rtp/index.js";

const test = suite("RTP packets");
const packet = new RtpPacket();

test("fixed header, bit by bit (RFC 3550 section 5.1)", () => {
  // V=2, no P, X, CC; M=1, PT=101; sequence 0x5e58; timestamp 0xefb0f6bc; SSRC 0xa6a144f2; an RFC 4733 payload.
  const bytes = Uint8Array.from(Buffer.from("80e55e58efb0f6bca6a144f2018a03c0", "hex"));
  assert.is(packet.read(bytes), RtpFault.none);
  assert.equal([packet.marker, packet.payloadType, packet.sequence], [true, 101, 0x5e58]);
  assert.equal([packet.timestamp, packet.ssrc], [0xefb0f6bc, 0xa6a144f2]);
  assert.equal([packet.payloadOffset, packet.payloadLength, packet.csrcCount, packet.hasExtension], [12, 4, 0, false]);
});

test("CSRC list, extension and padding together", () => {
  const bytes = Uint8Array.from(
    Buffer.from("b20800010000000200000003" + "11111111ffffffff" + "bede0001aabbccdd" + "0102030405" + "000003", "hex"),
  );
  assert.is(packet.read(bytes), RtpFault.none);
  assert.equal([packet.csrcCount, packet.csrc(0), packet.csrc(1)], [2, 0x11111111, 0xffffffff]);
  assert.equal([packet.hasExtension, packet.extensionProfile], [true, 0xbede]);
  assert.equal([packet.extensionOffset, packet.extensionLength], [24, 4]);
  assert.equal([packet.payloadOffset, packet.payloadLength, packet.paddingLength], [28, 5, 3]);
  assert.throws(() => packet.csrc(2), RangeError);
});

const wrong: readonly [what: string, hex: string, fault: RtpFault][] = [
  ["nothing", "", RtpFault.truncated],
  ["eleven bytes", "8000000000000000000000", RtpFault.truncated],
  ["version 1", "400000000000000000000000", RtpFault.version],
  ["version 3", "c00000000000000000000000", RtpFault.version],
  ["a sender report", "80c800060000000000000000", RtpFault.rtcp],
  ["CSRC count without CSRCs", "810000000000000000000000", RtpFault.truncated],
  ["extension bit and nothing more", "900000000000000000000000", RtpFault.extension],
  ["extension longer than the packet", "900000000000000000000000bede0001", RtpFault.extension],
  ["padding of none", "a0000000000000000000000000", RtpFault.padding],
  ["padding into the header", "a0000000000000000000000002", RtpFault.padding],
  ["padding bit and no payload", "a00000000000000000000000", RtpFault.padding],
];
for (const [what, hex, fault] of wrong)
  test(`refused: ${what}`, () => {
    assert.is(rtpFaultName(packet.read(Uint8Array.from(Buffer.from(hex, "hex")))), rtpFaultName(fault));
  });

test("all padding is a packet without payload", () => {
  assert.is(packet.read(Uint8Array.from(Buffer.from("a00000000000000000000000000003", "hex"))), RtpFault.none);
  assert.equal([packet.payloadLength, packet.paddingLength], [0, 3]);
});

test("a length inside a bigger buffer", () => {
  const buffer = new Uint8Array(100);
  writeRtpHeaderInto(buffer, false, 0, 1, 2, 3);
  assert.is(packet.read(buffer, 20), RtpFault.none);
  assert.is(packet.payloadLength, 8);
  assert.is(packet.read(buffer, 101), RtpFault.truncated);
});

test("serial number arithmetic", () => {
  assert.equal(
    [sequenceDistance(0, 65_535), sequenceDistance(65_535, 0), sequenceDistance(32_768, 0), sequenceDistance(5, 5)],
    [1, -1, -32_768, 0],
  );
  assert.equal([timestampDistance(5, 0xffff_fffb), timestampDistance(0xffff_fffb, 5)], [10, -10]);
});

test("RTCP by its second byte (RFC 5761 section 4)", () => {
  assert.ok(looksLikeRtcp(Uint8Array.of(0x80, 200)) && looksLikeRtcp(Uint8Array.of(0x80, 223)));
  assert.not.ok(looksLikeRtcp(Uint8Array.of(0x80, 191)) || looksLikeRtcp(Uint8Array.of(0x40, 200)));
});

test("writing has room checks", () => {
  assert.throws(() => writeRtpHeaderInto(new Uint8Array(11), false, 0, 0, 0, 0), RangeError);
  const out = new Uint8Array(80);
  const length = writeRtpHeaderInto(out, false, 0, 0, 0, 0);
  assert.throws(() => addPadding(out, length, 0), RangeError);
  assert.throws(() => addPadding(out, length, 69), RangeError);
  addPadding(out, length, 4);
  assert.throws(() => addPadding(out, 16, 4), RangeError);
  let grown = length;
  for (let i = 0; i < 15; i++) grown = addCsrc(out, grown, i);
  assert.throws(() => addCsrc(out, grown, 15), RangeError);
  assert.throws(() => addExtension(out, grown, 1, new Uint8Array(5)), RangeError);
});

test("what is written is read", () => {
  fc.assert(
    fc.property(
      fc.record({
        marker: fc.boolean(),
        payloadType: fc.nat(127).filter((type) => type < 72 || type > 76),
        sequence: fc.nat(0xffff),
        timestamp: fc.nat(0xffff_ffff),
        ssrc: fc.nat(0xffff_ffff),
        csrcs: fc.array(fc.nat(0xffff_ffff), { maxLength: 15 }),
        extension: fc.option(fc.uint8Array({ maxLength: 24 })),
        payload: fc.uint8Array({ maxLength: 60 }),
        padding: fc.nat(255),
      }),
      (f) => {
        const out = new Uint8Array(600).fill(0xee);
        let length = writeRtpHeaderInto(out, f.marker, f.payloadType, f.sequence, f.timestamp, f.ssrc);
        for (const csrc of f.csrcs) length = addCsrc(out, length, csrc);
        if (f.extension) length = addExtension(out, length, 0xbede, f.extension);
        out.set(f.payload, length);
        length += f.payload.length;
        if (f.padding) length = addPadding(out, length, f.padding);
        assert.is(packet.read(out, length), RtpFault.none);
        assert.equal(
          [packet.marker, packet.payloadType, packet.sequence, packet.timestamp, packet.ssrc],
          [f.marker, f.payloadType, f.sequence, f.timestamp, f.ssrc],
        );
        assert.equal(
          f.csrcs.map((_, i) => packet.csrc(i)),
          f.csrcs,
        );
        assert.is(packet.hasExtension, f.extension !== null);
        const at = packet.payloadOffset;
        assert.ok(Buffer.from(out.subarray(at, at + packet.payloadLength)).equals(Buffer.from(f.payload)));
        assert.is(packet.paddingLength, f.padding);
      },
    ),
  );
});

test("10,000 random datagrams", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (bytes, versionTwo) => {
      if (versionTwo && bytes.length > 0) bytes[0] = (bytes[0] & 0x3f) | 0x80;
      if (packet.read(bytes) !== RtpFault.none) return;
      assert.ok(packet.payloadLength >= 0);
      assert.is(packet.payloadOffset + packet.payloadLength + packet.paddingLength, bytes.length);
      assert.ok(packet.extensionOffset + packet.extensionLength <= packet.payloadOffset);
    }),
    { numRuns: 10_000 },
  );
});

const folder = join(process.env["SOTTO_SHARED"] ?? "../shared", "vectors", "rtp");
if (existsSync(folder)) {
  const load = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
  test("captured packets", () => {
    const read = (name: string) => {
      assert.is(packet.read(load(name)), RtpFault.none, name);
      const { payloadType, csrcCount, hasExtension, payloadLength, paddingLength } = packet;
      return [payloadType, csrcCount, hasExtension, payloadLength, paddingLength];
    };
    assert.equal(read("rtp.bin"), [0, 0, false, 160, 0]);
    assert.equal(read("rtp_dtmf.bin"), [101, 0, false, 4, 0]);
    assert.equal(read("rtp_with_csrc.bin"), [0, 2, false, 160, 0]);
    assert.equal([packet.csrc(0), packet.csrc(1)], [0xabcdef01, 0xdeadbeef]);
    assert.equal(read("rtp_only_padding.bin"), [120, 0, false, 0, 224]);
    assert.equal(read("rtp_only_padding_with_header_extensions.bin"), [98, 0, true, 0, 224]);
    assert.equal(read("rtp_with_sdes_mid.bin"), [111, 0, true, 54, 0]);
  });
} else console.log(`skipped: captured RTP packets, no folder ${folder}`);
test.run();
