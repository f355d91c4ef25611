// Multipart bodies: RFC 2046's own example, RFC 5621's rules, and hostile ones.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findBody, Headers, parseMultipart, type SipRequest } from "../../../../firmware/sip/index.js";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const text = (content: Uint8Array | undefined): string => Buffer.from(content ?? []).toString();
const message = (type: string, body: string): SipRequest => ({
  kind: "request",
  method: "INVITE",
  uri: "sip:x@y",
  headers: new Headers([["Content-Type", type]]),
  body: bytes(body),
});
const SDP = ["application/sdp"];

test("RFC 2046 5.1.1: preamble and epilogue are ignored, a part without fields, the line break before a boundary", () => {
  const body = [
    "This is the preamble.  It is to be ignored, though it",
    "is a handy place for composition agents to include an",
    "explanatory note to non-MIME conformant readers.",
    "",
    "--simple boundary",
    "",
    "This is implicitly typed plain US-ASCII text.",
    "It does NOT end with a linebreak.",
    "--simple boundary",
    "Content-type: text/plain; charset=us-ascii",
    "",
    "This is explicitly typed plain US-ASCII text.",
    "It DOES end with a linebreak.",
    "",
    "--simple boundary--",
    "",
    "This is the epilogue.  It is also to be ignored.",
  ].join("\r\n");
  const parts = parseMultipart('multipart/mixed; boundary="simple boundary"', bytes(body));
  if (!parts.ok) throw new Error(parts.error.text);
  assert.equal(
    parts.value.map(({ content }) => text(content)),
    [
      "This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.",
      "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n",
    ],
  );
  assert.is(parts.value[1].headers.get("Content-Type"), "text/plain; charset=us-ascii");
});

const part = (type: string, content: string, disposition = ""): string =>
  `--b\r\nContent-Type: ${type}\r\n${disposition ? `Content-Disposition: ${disposition}\r\n` : ""}\r\n${content}\r\n`;

test("RFC 5621: the session description is found beside optional parts; one that must be understood is refused", () => {
  const mixed = (body: string) => findBody(message("multipart/mixed;boundary=b", `${body}--b--\r\n`), SDP);
  const beside = mixed(
    part("application/pidf+xml", "<x/>", "render;handling=optional") + part("application/sdp", "v=0"),
  );
  assert.is(text(beside.ok ? beside.value?.content : undefined), "v=0");
  const required = mixed(part("application/isup", "x") + part("application/sdp", "v=0"));
  assert.is(!required.ok && required.error.code, "unsupported");
  const none = mixed(part("application/isup", "x", "signal;handling=optional"));
  assert.ok(none.ok && none.value === undefined);
});

test("alternatives: the last that is understood; parts within parts, but not for ever", () => {
  const alternative = findBody(
    message(
      "multipart/alternative;boundary=b",
      `${part("application/sdp", "v=0 plain")}${part("application/sdp", "v=0 better")}${part("application/new", "x")}--b--`,
    ),
    SDP,
  );
  assert.is(text(alternative.ok ? alternative.value?.content : undefined), "v=0 better");
  let body = "v=0";
  let type = "application/sdp";
  const depths: boolean[] = [];
  for (let i = 0; i < 5; i++) {
    body = `--n${i}\r\nContent-Type: ${type}\r\n\r\n${body}\r\n--n${i}--\r\n`;
    type = `multipart/mixed;boundary=n${i}`;
    depths.push(findBody(message(type, body), SDP).ok);
  }
  assert.equal(depths, [true, true, true, false, false]);
});

test("what is not one body is refused: no boundary, no end, no part, too many", () => {
  for (const [type, body] of [
    ["multipart/mixed", "--b\r\n\r\nx\r\n--b--"],
    ["multipart/mixed;boundary=b", "--b\r\n\r\nx"],
    ["multipart/mixed;boundary=b", "--b--"],
    ["multipart/mixed;boundary=b", "nothing"],
    ["multipart/mixed;boundary=b", `${"--b\r\n\r\nx\r\n".repeat(40)}--b--`],
    ["multipart/mixed;boundary=b", "--b\r\nno header\r\n\r\nx\r\n--b--"],
  ])
    assert.not.ok(parseMultipart(type, bytes(body)).ok, `${type} ${body.slice(0, 40)}`);
  // A boundary within a line is no boundary.
  const within = parseMultipart("multipart/mixed;boundary=b", bytes("--b\r\n\r\nx --b y\r\n--bc\r\n--b--"));
  assert.is(within.ok && text(within.value[0].content), "x --b y\r\n--bc");
});

test("random bodies never throw and take no time", () => {
  const piece = fc.constantFrom("--b", "--b--", "\r\n", "\r\n\r\n", "Content-Type: ", "application/sdp", "x", ":", " ");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      findBody(message("multipart/mixed;boundary=b", pieces.join("")), SDP);
    }),
    { numRuns: 3000 },
  );
});

test.run();
