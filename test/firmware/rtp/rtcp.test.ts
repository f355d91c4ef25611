// RTCP compounds: captured packets, the checks of RFC 3550 appendix A.2, what is written is read, random bytes.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseRtcp, type RtcpPacket, SdesType, writeRtcpInto } from "../../../firmware/rtp/index.js";

const test = suite("RTCP");
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const code = (hex: string, reducedSize = false) => {
  const result = parseRtcp(bytes(hex), { reducedSize });
  return result.ok ? "ok" : `${result.error.code}@${result.error.offset}`;
};
function read(data: Uint8Array, reducedSize = false): RtcpPacket[] {
  const result = parseRtcp(data, { reducedSize });
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.text}`);
  return result.value;
}

// A sender report with one block, field by field as RFC 3550 section 6.4.1 draws it.
const SR =
  "81c8000c 6d2453ea de46475b151a005c 66a8dd3e 0000010d 000034f5 8ef891ed ff fffffe 000100f6 0000007f 01020304 00010000";

test("sender report", () => {
  assert.equal(read(bytes(SR)), [
    {
      type: "sr",
      ssrc: 0x6d2453ea,
      ntp: 0xde46475b151a005cn,
      rtpTimestamp: 0x66a8dd3e,
      packets: 269,
      octets: 13_557,
      reports: [
        {
          ssrc: 0x8ef891ed,
          fractionLost: 255,
          cumulativeLost: -2,
          highestSequence: 0x100f6,
          jitter: 127,
          lastSenderReport: 0x01020304,
          delaySinceLastSenderReport: 65_536,
        },
      ],
    },
  ]);
});

test("compound: empty report, CNAME, BYE with reason, APP, feedback kept as bytes", () => {
  const compound =
    "80c90001 00000001" + // RR without blocks
    "81ca0003 00000001 0105 6140622e 63 00" + // SDES CNAME a@b.c; the null is the last byte
    "81cb0002 00000001 03 627965" + // BYE "bye"
    "85cc0003 00000001 41424344 deadbeef" + // APP
    "81cd0002 00000001 00000002"; // RTPFB
  assert.equal(read(bytes(compound)), [
    { type: "rr", ssrc: 1, reports: [] },
    { type: "sdes", chunks: [{ ssrc: 1, items: [{ type: SdesType.cname, text: "a@b.c" }] }] },
    { type: "bye", sources: [1], reason: "bye" },
    { type: "app", ssrc: 1, subtype: 5, name: "ABCD", data: bytes("deadbeef") },
    { type: "other", packetType: 205, count: 1, body: bytes("0000000100000002") },
  ]);
  const out = new Uint8Array(200);
  const length = writeRtcpInto(out, read(bytes(compound)));
  assert.is(Buffer.from(out.subarray(0, length)).toString("hex"), compound.replaceAll(" ", ""));
});

const wrong: readonly [what: string, hex: string, answer: string][] = [
  ["nothing", "", "truncated@0"],
  ["half a header", "80c9", "truncated@0"],
  ["version 1", "40c90001 00000001", "bad-version@0"],
  ["version 1 in the second packet", "80c90001 00000001 41cb0001 00000001", "bad-version@8"],
  ["no report first", "81cb0001 00000001", "not-a-report@0"],
  ["longer than the datagram", "80c90002 00000001", "truncated@0"],
  ["left-over bytes", "80c90001 00000001 80", "truncated@8"],
  ["a block short", "81c90001 00000001", "bad-report@0"],
  ["sender report of 8 bytes", "80c80001 00000001", "bad-report@0"],
  ["receiver report without source", "80c90000", "bad-report@0"],
  ["padding before the end", "a0c90002 00000001 00000004 80cb0000", "bad-padding@0"],
  ["padding of zero", "a0c90002 00000001 00000000", "bad-padding@0"],
  ["padding of three", "a0c90002 00000001 00000003", "bad-padding@0"],
  ["padding of more than there is", "a0c90002 00000001 0000000c", "bad-padding@0"],
  ["padding over the source", "a0c90002 00000001 00000008", "bad-report@0"],
  ["source description without items", "80c90001 00000001 81ca0001 00000001", "bad-sdes@8"],
  ["item past the end", "80c90001 00000001 81ca0002 00000001 01056140", "bad-sdes@8"],
  ["items without null", "80c90001 00000001 81ca0002 00000001 01026140", "bad-sdes@8"],
  ["goodbye short of sources", "80c90001 00000001 82cb0001 00000001", "bad-bye@8"],
  ["reason past the end", "80c90001 00000001 81cb0002 00000001 04627965", "bad-bye@8"],
  ["application without name", "80c90001 00000001 80cc0001 00000001", "bad-app@8"],
];
for (const [what, hex, answer] of wrong) test(`refused: ${what}`, () => assert.is(code(hex), answer));

test("padding at the end, reduced size", () => {
  assert.is(code("80c90001 00000001 a1cb0002 00000001 00000004"), "ok");
  assert.equal(read(bytes("a1cb0002 00000001 00000004"), true), [{ type: "bye", sources: [1] }]);
  assert.is(code("81cb0001 00000001", true), "ok");
});

test("writing checks its arguments", () => {
  const out = new Uint8Array(64);
  const bye = (sources: number[], reason?: string): RtcpPacket => ({ type: "bye", sources, reason });
  assert.throws(() => writeRtcpInto(new Uint8Array(7), [bye([1])]), RangeError);
  assert.throws(() => writeRtcpInto(new Uint8Array(1000), [bye(new Array(32).fill(1))]), RangeError);
  assert.throws(() => writeRtcpInto(new Uint8Array(1000), [bye([1], "x".repeat(256))]), RangeError);
  const app = { type: "app", ssrc: 1, subtype: 0, name: "ABCD", data: new Uint8Array(4) } as const;
  assert.throws(() => writeRtcpInto(out, [{ ...app, name: "ABC" }]), TypeError);
  assert.throws(() => writeRtcpInto(out, [{ ...app, data: new Uint8Array(3) }]), TypeError);
  assert.throws(() => writeRtcpInto(out, [{ ...app, subtype: 32 }]), RangeError);
  assert.throws(
    () => writeRtcpInto(out, [{ type: "other", packetType: 256, count: 0, body: new Uint8Array(0) }]),
    RangeError,
  );
});

const u32 = fc.nat(0xffff_ffff);
const words = fc.uint8Array({ maxLength: 24 }).map((data) => data.slice(0, data.length & ~3));
const text = fc.string({ maxLength: 40, unit: "grapheme" }).filter((s) => Buffer.byteLength(s) <= 255);
const reports = fc.array(
  fc.record({
    ssrc: u32,
    fractionLost: fc.nat(255),
    cumulativeLost: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
    highestSequence: u32,
    jitter: u32,
    lastSenderReport: u32,
    delaySinceLastSenderReport: u32,
  }),
  { maxLength: 31 },
);
const extension = words.filter((data) => data.length > 0);
const rr = fc.record(
  { type: fc.constant("rr" as const), ssrc: u32, reports, extension },
  { requiredKeys: ["type", "ssrc", "reports"] },
);
const any: fc.Arbitrary<RtcpPacket> = fc.oneof(
  rr,
  fc.record({
    type: fc.constant("sr" as const),
    ssrc: u32,
    ntp: fc.bigInt(0n, 2n ** 64n - 1n),
    rtpTimestamp: u32,
    packets: u32,
    octets: u32,
    reports,
  }),
  fc.record({
    type: fc.constant("sdes" as const),
    chunks: fc.array(
      fc.record({
        ssrc: u32,
        items: fc.array(fc.record({ type: fc.integer({ min: 1, max: 255 }), text }), { maxLength: 4 }),
      }),
      { maxLength: 5 },
    ),
  }),
  fc.record(
    { type: fc.constant("bye" as const), sources: fc.array(u32, { maxLength: 31 }), reason: text },
    { requiredKeys: ["type", "sources"] },
  ),
  fc.record({
    type: fc.constant("app" as const),
    ssrc: u32,
    subtype: fc.nat(31),
    name: fc.stringMatching(/^[ -~]{4}$/),
    data: words,
  }),
  fc.record({
    type: fc.constant("other" as const),
    packetType: fc.integer({ min: 205, max: 223 }),
    count: fc.nat(31),
    body: words,
  }),
);
const plain = (value: unknown) =>
  JSON.stringify(value, (_, v) =>
    typeof v === "bigint" ? `${v}` : v instanceof Uint8Array ? Buffer.from(v).toString("hex") : v,
  );

test("what is written is read", () => {
  fc.assert(
    fc.property(rr, fc.array(any, { maxLength: 4 }), (first, rest) => {
      const out = new Uint8Array(8192);
      const length = writeRtcpInto(out, [first, ...rest]);
      assert.is(length % 4, 0);
      assert.is(plain(read(out.subarray(0, length))), plain([first, ...rest]));
    }),
    { numRuns: 500 },
  );
});

test("10,000 random and mutated datagrams", () => {
  const good = bytes(`${SR}81ca0003 00000001 0105 6140622e 63 0081cb0002 00000001 03 627965`);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (random) => {
      parseRtcp(random);
      parseRtcp(random, { reducedSize: true });
    }),
    { numRuns: 5000 },
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      fc.nat(8),
      (changes, cut) => {
        const mutated = good.slice(0, good.length - cut);
        for (const [at, value] of changes) if (at < mutated.length) mutated[at] = value;
        const result = parseRtcp(mutated);
        if (!result.ok) assert.ok(result.error.offset! <= mutated.length);
      },
    ),
    { numRuns: 5000 },
  );
});

const folder = join(process.env["SOTTO_SHARED"] ?? "../shared", "vectors", "rtp");
if (existsSync(folder)) {
  const load = (name: string) => new Uint8Array(readFileSync(join(folder, `rtcp_${name}.bin`)));
  test("captured packets, good ones", () => {
    for (const name of ["sr", "rr"]) assert.is(read(load(name)).length, 1, name);
    const [rr] = read(load("rr"));
    assert.is(rr.type === "rr" && rr.ssrc, 0x30b68407);
    assert.equal(rr.type === "rr" && [rr.reports[0].highestSequence, rr.reports[0].jitter], [0x276, 0x772]);
    const [sdes] = read(load("sdes"), true);
    assert.equal(sdes.type === "sdes" && sdes.chunks[0].items, [
      { type: SdesType.cname, text: "{63f459ea-41fe-4474-9d33-9707c9ee79d1}" },
    ]);
    assert.equal(read(load("bye"), true), [{ type: "bye", sources: [0xae528b43] }]);
    for (const name of ["bye_no_sources", "bye_padding"])
      assert.equal(read(load(name), true), [{ type: "bye", sources: [] }], name);
    assert.is(read(load("psfb_pli"), true)[0].type, "other");
    assert.is(read(load("rtpfb"), true)[0].type, "other");
  });
  test("captured packets, bad ones", () => {
    for (const name of ["sr_invalid", "rr_invalid", "bye_invalid", "sdes_item_truncated", "sdes_source_truncated"])
      assert.is(parseRtcp(load(name), { reducedSize: true }).ok, false, name);
  });
} else console.log(`skipped: captured RTCP packets, no folder ${folder}`);
test.run();
