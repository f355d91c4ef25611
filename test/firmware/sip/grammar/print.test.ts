// Messages to bytes: long names and compact ones (RFC 3261 section 7.3.3), Content-Length set right.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  fieldKey,
  Headers,
  parseMessage,
  printHead,
  printMessage,
  type SipMessage,
} from "../../../../firmware/sip/grammar/index.js";

/** IANA's registry of header fields, column "compact", by the RFC that registered each. */
const registered: readonly (readonly [long: string, letter: string, rfc: number])[] = [
  ["Accept-Contact", "a", 3841],
  ["Allow-Events", "u", 6665],
  ["Call-ID", "i", 3261],
  ["Contact", "m", 3261],
  ["Content-Encoding", "e", 3261],
  ["Content-Length", "l", 3261],
  ["Content-Type", "c", 3261],
  ["Event", "o", 6665],
  ["From", "f", 3261],
  ["Identity", "y", 8224],
  ["Identity-Info", "n", 4474],
  ["Refer-To", "r", 3515],
  ["Referred-By", "b", 3892],
  ["Reject-Contact", "j", 3841],
  ["Request-Disposition", "d", 3841],
  ["Session-Expires", "x", 4028],
  ["Subject", "s", 3261],
  ["Supported", "k", 3261],
  ["To", "t", 3261],
  ["Via", "v", 3261],
];

const compact = { compact: true };
const text = (message: SipMessage, options = {}): string => Buffer.from(printMessage(message, options)).toString();

function read(bytes: Uint8Array): SipMessage {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) throw new Error(parsed.error.text);
  return parsed.value;
}

function request(fields: readonly (readonly [string, string])[], body = ""): SipMessage {
  return {
    kind: "request",
    method: "FROB",
    uri: "sip:bob@b.test",
    headers: new Headers(fields),
    body: Buffer.from(body),
  };
}

test("every field that has a compact name is written with it, the others as they are", () => {
  const message = request(
    [
      ["Max-Forwards", "70"],
      ...registered.map(([long], i) => [long, long === "Content-Length" ? "2" : `value ${i}`] as const),
      ["CSeq", "1 FROB"],
      ["X-Via", "Via: <sip:To@From>"],
    ],
    "ok",
  );
  const values = registered.map(([, letter], i) => `${letter}: ${letter === "l" ? "2" : `value ${i}`}`);
  const lines = ["FROB sip:bob@b.test SIP/2.0", "Max-Forwards: 70", ...values, "CSeq: 1 FROB"];
  assert.is(text(message, compact), [...lines, "X-Via: Via: <sip:To@From>", "", "ok"].join("\r\n"));
  assert.is(printHead(message, compact), text(message, compact).slice(0, -2));
});

test("read again it is the same message", () => {
  const fields = [
    ["Via", "SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/TCP g;branch=z9hG4bK0"],
    ["Via", "SIP/2.0/UDP f"],
    ["From", '"Grüße, 大" <sip:a@b>;tag=1'],
    ["To", "<sip:b@b.test>"],
    ["Call-ID", "1@b"],
    ["CSeq", "1 FROB"],
    ["Content-Type", "text/plain"],
    ["Session-Expires", "1800;refresher=uac"],
    ["Content-Length", "5"],
  ] as const;
  for (const message of [
    request(fields, "größ"),
    { kind: "response", status: 200, reason: "OK", headers: new Headers(fields), body: Buffer.from("größ") } as const,
  ]) {
    const body = Buffer.from(message.body);
    const length = ["Content-Length", `${body.length}`] as const;
    const again = read(printMessage(message, compact));
    const { headers, body: _, ...start } = message;
    const { headers: headersAgain, body: bodyAgain, ...startAgain } = again;
    assert.equal(startAgain, start);
    assert.equal(Buffer.from(bodyAgain), body);
    assert.equal(
      headersAgain.entries().map(([name, value]) => [fieldKey(name), value]),
      [...headers.entries().slice(0, -1), length].map(([name, value]) => [fieldKey(name), value]),
    );
    for (const [name] of fields.slice(0, -1)) assert.equal(headersAgain.all(name), headers.all(name), name);
    // And it is not changed by being written in its long form, or its short one, again.
    assert.equal(printMessage(again), printMessage(message, compact));
    assert.equal(printMessage(again, compact), printMessage(message, compact));
  }
});

test("names are written as the message has them unless compact ones are asked for", () => {
  const message = request([
    ["v", "SIP/2.0/UDP h"],
    ["FROM", "<sip:a@b>"],
    ["to", "<sip:b@b>"],
  ]);
  const head = (...lines: string[]): string => ["FROB sip:bob@b.test SIP/2.0", ...lines, "", ""].join("\r\n");
  const long = head("v: SIP/2.0/UDP h", "FROM: <sip:a@b>", "to: <sip:b@b>", "Content-Length: 0");
  for (const options of [undefined, {}, { compact: false }]) assert.is(text(message, options), long);
  assert.is(text(message, compact), head("v: SIP/2.0/UDP h", "f: <sip:a@b>", "t: <sip:b@b>", "l: 0"));
});

test("one Content-Length, in its place, with the body's size in bytes", () => {
  const message = request(
    [
      ["l", "7"],
      ["Content-Length", "8"],
      ["Subject", "x"],
    ],
    "大",
  );
  assert.is(text(message), "FROB sip:bob@b.test SIP/2.0\r\nl: 3\r\nSubject: x\r\n\r\n大");
  assert.is(text(message, compact), "FROB sip:bob@b.test SIP/2.0\r\nl: 3\r\ns: x\r\n\r\n大");
});

test.run();
