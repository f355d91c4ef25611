// Session descriptions: RFC examples, offsets of errors, round trip, random and mutated input.

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parse, print, type SessionDescription, sdpLimits } from "../../../firmware/sdp/index.js";

const read = suite("parse and print");

// RFC 8866 section 5, the first example (the e= and p= lines are its section 5.6's).
const seminar = [
  "v=0",
  "o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1",
  "s=Call to John Smith",
  "i=SDP Offer #1",
  "u=http://www.jdoe.example.com/home.html",
  "e=Jane Doe <jane@jdoe.example.com>",
  "p=+1 617 555-6011",
  "c=IN IP4 198.51.100.1",
  "t=0 0",
  "m=audio 49170 RTP/AVP 0",
  "m=audio 49180 RTP/AVP 0",
  "m=video 51372 RTP/AVP 99",
  "c=IN IP6 2001:db8::2",
  "a=rtpmap:99 h263-1998/90000",
  "",
].join("\r\n");

function value(text: string | Uint8Array): SessionDescription {
  const result = parse(text);
  if (!result.ok) throw new Error(`${result.error.code} at ${result.error.offset}: ${result.error.text}`);
  return result.value;
}

read("RFC 8866 section 5 example", () => {
  const sdp = value(seminar);
  assert.equal(sdp.origin, {
    username: "jdoe",
    sessionId: "3724394400",
    sessionVersion: "3724394405",
    netType: "IN",
    addrType: "IP4",
    address: "198.51.100.1",
  });
  assert.is(sdp.sessionName, "Call to John Smith");
  assert.equal(
    sdp.other.map(([letter]) => letter),
    ["i", "u", "e", "p"],
  );
  assert.equal(sdp.timing, [["t", "0 0"]]);
  assert.is(sdp.media.length, 3);
  assert.equal(sdp.media[2], {
    type: "video",
    port: 51372,
    protocol: "RTP/AVP",
    formats: ["99"],
    bandwidth: [],
    attributes: [{ name: "rtpmap", value: "99 h263-1998/90000" }],
    connection: { netType: "IN", addrType: "IP6", address: "2001:db8::2" },
  });
  assert.is(print(sdp), seminar);
});

read("bytes, LF, no last line end, trailing empty lines", () => {
  const expected = value(seminar);
  assert.equal(value(new TextEncoder().encode(seminar)), expected);
  assert.equal(value(seminar.replaceAll("\r\n", "\n")), expected);
  assert.equal(value(seminar.trimEnd()), expected);
  assert.equal(value(`${seminar}\r\n\r\n`), expected);
});

read("unknown lines, repeated attributes, every position kept and written back", () => {
  const text =
    "v=0\r\no=- 1 1 IN IP6 ::1\r\ns= \r\nc=IN IP6 ::1\r\nb=AS:64\r\nb=X-Y:1\r\nt=2873397496 2873404696\r\nr=7d 1h 0 25h\r\n" +
    "z=2882844526 -1h 2898848070 0\r\nk=prompt\r\ny=unknown\r\na=x\r\na=x:\r\na=x:1:2 3\r\n" +
    "m=application 9/2 UDP/TLS/foo bar\r\ni=title\r\nc=IN IP4 233.252.0.1/127\r\nc=IN IP4 233.252.0.2/127\r\nb=CT:1\r\nk=prompt\r\nw=?\r\na=recvonly\r\n";
  const sdp = value(text);
  assert.equal(sdp.attributes, [{ name: "x" }, { name: "x", value: "" }, { name: "x", value: "1:2 3" }]);
  assert.is(sdp.media[0].portCount, 2);
  assert.is(sdp.media[0].title, "title");
  assert.equal(sdp.media[0].other, [
    ["c", "IN IP4 233.252.0.2/127"],
    ["k", "prompt"],
    ["w", "?"],
  ]);
  assert.is(print(sdp), text);
});

read("text that is not UTF-8 is taken byte by byte", () => {
  const bytes = Buffer.concat([
    Buffer.from("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=caf"),
    Buffer.from([0xe9]),
    Buffer.from("\nt=0 0\n"),
  ]);
  assert.is(value(bytes).sessionName, "café");
});

const head = "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n";
const bad: readonly [what: string, text: string, code: string, offset: number][] = [
  ["nothing", "", "missing-line", 0],
  ["no version first", "o=- 1 1 IN IP4 1.2.3.4\r\n", "missing-line", 0],
  ["version 1", "v=1\r\n", "bad-version", 2],
  ["no origin", "v=0\r\ns=-\r\n", "missing-line", 10],
  ["no session name", "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\n", "missing-line", 29],
  ["five parts of origin", "v=0\r\no=- 1 1 IN IP4\r\n", "bad-origin", 7],
  ["session id is a word", "v=0\r\no=- a 1 IN IP4 x\r\n", "bad-origin", 9],
  ["session version is a word", "v=0\r\no=- 12 b IN IP4 x\r\n", "bad-origin", 12],
  ["empty line inside", `${head}\r\na=x\r\n`, "bad-line", head.length],
  ["no equals sign", `${head}ab\r\n`, "bad-line", head.length],
  ["continuation line", `${head}a=x:1\r\n more\r\n`, "bad-line", head.length + 7],
  ["NUL", `${head}a=x:\0\r\n`, "bad-character", head.length + 4],
  ["lone CR", `${head}a=x:1\r2\r\n`, "bad-character", head.length + 5],
  ["attribute without name", `${head}a=:1\r\n`, "bad-attribute", head.length + 2],
  ["second origin", `${head}o=- 1 1 IN IP4 1.2.3.4\r\n`, "duplicate-line", head.length],
  ["second name", `${head}s=-\r\n`, "duplicate-line", head.length],
  ["second version", `${head}v=0\r\n`, "duplicate-line", head.length],
  ["second connection", `${head}c=IN IP4 a\r\nc=IN IP4 b\r\n`, "duplicate-line", head.length + 12],
  ["short connection", `${head}c=IN IP4\r\n`, "bad-connection", head.length + 2],
  ["bandwidth without number", `${head}b=AS:\r\n`, "bad-bandwidth", head.length + 2],
  ["media without format", `${head}m=audio 1 RTP/AVP\r\n`, "bad-media", head.length + 2],
  ["port too high", `${head}m=audio 65536 RTP/AVP 0\r\n`, "bad-media", head.length + 8],
  ["negative port", `${head}m=audio -1 RTP/AVP 0\r\n`, "bad-media", head.length + 8],
  ["empty protocol part", `${head}m=audio 1 RTP/ 0\r\n`, "bad-media", head.length + 10],
  ["two spaces before a format", `${head}m=audio 1 RTP/AVP  0\r\n`, "bad-media", head.length + 18],
  ["too many media", head + "m=audio 1 RTP/AVP 0\r\n".repeat(33), "too-big", head.length + 21 * 32],
  ["too many lines", head + "a=x\n".repeat(2048), "too-big", head.length + 4 * 2044],
  ["too many formats", `${head}m=audio 1 RTP/AVP${" 0".repeat(129)}\r\n`, "too-big", head.length + 2],
  ["too long", "x".repeat(sdpLimits.length + 1), "too-big", sdpLimits.length],
];
for (const [what, text, code, offset] of bad)
  read(`error: ${what}`, () => {
    const result = parse(text);
    assert.is(result.ok, false);
    if (!result.ok) assert.equal([result.error.code, result.error.offset], [code, offset]);
  });

read("offsets count bytes when bytes are given", () => {
  const text = "v=0\r\no=- 1 1 IN IP4 x\r\ns=çé€\r\na=:\r\n";
  const result = parse(new TextEncoder().encode(text));
  if (result.ok) throw new Error("accepted");
  assert.is(result.error.offset, Buffer.byteLength(text.slice(0, text.indexOf("a=:") + 2)));
});

read("a value cannot smuggle in a line", () => {
  const sdp = value(seminar);
  assert.throws(() => print({ ...sdp, sessionName: "a\r\na=crypto" }), TypeError);
  assert.throws(() => print({ ...sdp, attributes: [{ name: "x", value: "1\n" }] }), TypeError);
  assert.throws(() => print({ ...sdp, origin: { ...sdp.origin, username: "a b" } }), TypeError);
  assert.throws(() => print({ ...sdp, media: [{ ...sdp.media[0], port: 65536 }] }), RangeError);
});
read.run();

const property = suite("properties");
const token = fc.stringMatching(/^[!#$%&'*+\-.^_`{|}~A-Za-z0-9]{1,8}$/);
const words = fc.stringMatching(/^[^\r\n\0]{1,20}$/);
const noSpace = fc.stringMatching(/^[^\s\0]{1,12}$/);
const number = fc.bigInt(0n, 2n ** 70n).map(String);
const attributes = fc.array(
  fc.oneof(fc.record({ name: token }), fc.record({ name: token, value: fc.oneof(words, fc.constant("")) })),
  { maxLength: 5 },
);
const connection = fc.record({ netType: token, addrType: token, address: noSpace });
const bandwidth = fc.array(
  fc.tuple(token, fc.nat()).map(([type, amount]) => `${type}:${amount}`),
  { maxLength: 3 },
);
const media = fc.record(
  {
    type: token,
    port: fc.integer({ min: 0, max: 65535 }),
    portCount: fc.integer({ min: 1, max: 9 }),
    protocol: fc.array(token, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/")),
    formats: fc.array(token, { minLength: 1, maxLength: 4 }),
    title: words,
    connection,
    bandwidth,
    attributes,
    other: fc.array(fc.tuple(fc.constantFrom("k", "x", "q"), words), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ["type", "port", "protocol", "formats", "bandwidth", "attributes"] },
);
const description: fc.Arbitrary<SessionDescription> = fc.record(
  {
    origin: fc.record({
      username: noSpace,
      sessionId: number,
      sessionVersion: number,
      netType: token,
      addrType: token,
      address: noSpace,
    }),
    sessionName: words,
    connection,
    bandwidth,
    timing: fc.array(fc.tuple(fc.constantFrom("t", "r", "z"), words), { minLength: 1, maxLength: 3 }),
    other: fc
      .tuple(
        fc.array(fc.tuple(fc.constantFrom("i", "u", "e", "p"), words), { maxLength: 3 }),
        fc.array(fc.tuple(fc.constantFrom("k", "x", "Q"), words), { maxLength: 3 }),
      )
      .map(([before, after]) => [...before, ...after]),
    attributes,
    media: fc.array(media, { maxLength: 4 }),
  },
  { requiredKeys: ["origin", "sessionName", "bandwidth", "timing", "other", "attributes", "media"] },
);

property("parse(print(d)) is d", () => {
  fc.assert(
    fc.property(description, (d) => {
      // fast-check's records have no prototype; a clone of plain data has.
      assert.equal(value(print(d)), JSON.parse(JSON.stringify(d)));
      assert.equal(value(new TextEncoder().encode(print(d))), JSON.parse(JSON.stringify(d)));
    }),
    { numRuns: 400 },
  );
});

property("random bytes never throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const result = parse(bytes);
      if (!result.ok) assert.ok(result.error.offset! >= 0 && result.error.offset! <= bytes.length);
    }),
    { numRuns: 3000 },
  );
});

property("mutated descriptions never throw, and what is read can be written and read again", () => {
  const bytes = new TextEncoder().encode(seminar);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255), fc.constantFrom("set", "cut", "double")), {
        minLength: 1,
        maxLength: 6,
      }),
      (changes) => {
        let mutated = Buffer.from(bytes);
        for (const [at, byte, kind] of changes) {
          const index = at % mutated.length;
          if (kind === "set") mutated[index] = byte;
          else if (kind === "cut") mutated = Buffer.concat([mutated.subarray(0, index), mutated.subarray(index + 1)]);
          else mutated = Buffer.concat([mutated.subarray(0, index), mutated.subarray(Math.max(0, index - byte))]);
        }
        const result = parse(mutated);
        if (!result.ok) {
          assert.ok(result.error.offset! >= 0 && result.error.offset! <= mutated.length);
          return;
        }
        const again = print(result.value);
        assert.is(print(value(again)), again);
      },
    ),
    { numRuns: 5000 },
  );
});
property.run();
