// Framing of messages in a byte stream, whatever pieces it comes in.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { StreamFramer } from "../../../../firmware/sip/transport/framing.js";

const limits = { headBytes: 2000, messageBytes: 4000 };

function framer(given = limits) {
  const log: string[] = [];
  const frame = new StreamFramer(
    {
      message: (bytes) => log.push(Buffer.from(bytes).toString()),
      ping: () => log.push("ping"),
      pong: () => log.push("pong"),
      broken: (code, head) => log.push(`broken ${code} ${head.length}`),
    },
    given,
  );
  return { log, frame, push: (text: string) => frame.push(Buffer.from(text)) };
}

const options = (body: string, length: string | number = body.length): string =>
  `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\nContent-Length: ${length}\r\n\r\n${body}`;

test("messages come out whole, one after the other, in any pieces", () => {
  const all = [options(""), options("hello"), options("x".repeat(1500)), options("\r\n\r\n")];
  for (const size of [1, 2, 3, 7, 64, 10_000]) {
    const { log, push } = framer();
    const stream = all.join("");
    for (let at = 0; at < stream.length; at += size) push(stream.slice(at, at + size));
    assert.equal(log, all, `pieces of ${size}`);
  }
});

test("compact and folded Content-Length", () => {
  const { log, push } = framer();
  const compact = "OPTIONS sip:a@b SIP/2.0\r\nl : 3\r\n\r\nabc";
  const folded = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length:\r\n 2\r\n\r\nde";
  push(compact + folded);
  assert.equal(log, [compact, folded]);
});

test("a double CRLF is a ping, a single one a pong; halves that come apart make a ping (RFC 5626 section 4.4.1)", () => {
  const { log, push } = framer();
  push("\r\n\r\n");
  push(options("x"));
  push("\r\n");
  push(options("y"));
  assert.equal(log, ["ping", options("x"), "pong", options("y")]);
  const apart = framer();
  for (const byte of "\r\n\r\n") apart.push(byte);
  assert.equal(apart.log, ["pong", "ping"]);
});

test("CRLFs in front of a message are skipped (RFC 3261 section 7.5)", () => {
  const { log, push } = framer();
  push(`\r\n\r\n\r\n${options("z")}`);
  assert.is(log.at(-1), options("z"));
});

test("what cannot be framed ends the stream, once", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [options("", "-1"), /^broken content-length \d+$/],
    [options("", "1\r\nContent-Length: 1"), /^broken content-length/],
    [options("", "1\r\nL: 1"), /^broken content-length/],
    [options("", `${" ".repeat(300)}1`), /^broken content-length/],
    [options("", `1\r\nl:${" ".repeat(300)}2`), /^broken content-length/],
    ["OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c\r\n\r\n", /^broken content-length/],
    [options("", 3999), /^broken body-too-long/],
    [options("", "99999999999999999999"), /^broken/],
    [`OPTIONS sip:${"a".repeat(2100)}@b SIP/2.0\r\n\r\n`, /^broken head-too-long/],
    ["\u0016\u0003\u0001\u0002", /^broken not-sip 0$/],
    ["\rX", /^broken not-sip/],
    ["\u0000", /^broken not-sip/],
  ];
  for (const [text, wanted] of cases) {
    const { log, push } = framer();
    push(text);
    push(options("later"));
    assert.is(log.length, 1, JSON.stringify(log));
    assert.match(log[0], wanted);
  }
});

test("never holds more than one message, nor keeps a large buffer", () => {
  const { frame, push } = framer({ headBytes: 2000, messageBytes: 60_000 });
  push(options("", 50_000));
  for (let i = 0; i < 49; i++) push("x".repeat(1000));
  assert.ok(frame.pending <= 60_000);
  push("x".repeat(1000));
  assert.is(frame.pending, 0);
});

test("random bytes never throw and never hold more than the limit", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 30 }), (chunks) => {
      const { frame } = framer();
      for (const chunk of chunks) frame.push(chunk);
      assert.ok(frame.pending <= limits.messageBytes);
    }),
    { numRuns: 500 },
  );
});

test("mutated streams give the same messages in one piece and byte by byte", () => {
  const stream = Buffer.from(options("one") + "\r\n\r\n" + options("") + options("three\r\n"));
  fc.assert(
    fc.property(fc.nat(stream.length - 1), fc.nat(255), (at, value) => {
      const mutated = Buffer.from(stream);
      mutated[at] = value;
      const whole = framer();
      whole.frame.push(mutated);
      const bytewise = framer();
      for (const byte of mutated) bytewise.frame.push(Uint8Array.of(byte));
      const messages = (log: string[]): string[] => log.filter((line) => !/^(ping|pong)$/.test(line));
      assert.equal(messages(whole.log), messages(bytewise.log));
    }),
    { numRuns: 2000 },
  );
});

test.run();
