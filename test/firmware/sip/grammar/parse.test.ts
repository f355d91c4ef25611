// Whole messages: framing, folding, limits, refusals; print and parse are inverse; no bytes make the parser throw or hang.

import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  defaultParseLimits,
  Headers,
  isKeepAlive,
  parseMessage,
  printMessage,
  readEssentials,
  type SipMessage,
} from "../../../../firmware/sip/grammar/index.js";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "utf8"));
const lines = (...text: string[]): Uint8Array => bytes(`${text.join("\r\n")}\r\n\r\n`);

function parsed(input: Uint8Array): SipMessage {
  const result = parseMessage(input);
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.text} at ${result.error.offset}`);
  return result.value;
}
function code(input: Uint8Array, limits = defaultParseLimits): string {
  const result = parseMessage(input, limits);
  return result.ok ? "ok" : result.error.code;
}

const messages = suite("messages");
const refusals = suite("refusals");
const properties = suite("properties");

messages("a request: start line, folded, compact and unknown fields, UTF-8, body cut to Content-Length", () => {
  const message = parsed(
    bytes(
      "\r\n\r\nINVITE sip:bob@example.com SIP/2.0\r\nv : SIP/2.0/UDP\r\n  host;\r\n\tbranch=z9hG4bK1\r\nX-Größe:x\r\n".replace(
        "X-Größe",
        "X-Groesse",
      ) + "Subject:  Ünï \t\r\n  code  \r\nNo-Value:\r\nl: 4\r\n\r\nbodyNOISE",
    ),
  );
  assert.is(message.kind, "request");
  if (message.kind !== "request") return;
  assert.is(message.method, "INVITE");
  assert.is(message.uri, "sip:bob@example.com");
  assert.is(message.headers.get("Via"), "SIP/2.0/UDP host; branch=z9hG4bK1");
  assert.is(message.headers.get("subject"), "Ünï code");
  assert.is(message.headers.get("no-value"), "");
  assert.is(message.headers.get("x-groesse"), "x");
  assert.is(Buffer.from(message.body).toString(), "body");
});

messages("a response: status, reason with spaces and UTF-8, empty and absent reason", () => {
  const reason = (line: string): string => {
    const message = parsed(lines(line, "a: b"));
    return message.kind === "response" ? `${message.status}|${message.reason}` : "request";
  };
  assert.is(reason("SIP/2.0 200 = 2**3 * 5**2 но"), "200|= 2**3 * 5**2 но");
  assert.is(reason("SIP/2.0 100 "), "100|");
  assert.is(reason("SIP/2.0 100"), "100|");
  assert.is(reason("sip/2.0 699 x"), "699|x");
});

messages("without Content-Length the body runs to the end of the datagram (section 18.3)", () => {
  assert.is(
    Buffer.from(parsed(bytes("OPTIONS sip:a SIP/2.0\r\na: b\r\n\r\nrest\r\n\r\n")).body).toString(),
    "rest\r\n\r\n",
  );
});

messages("keep-alives are known as such", () => {
  for (const text of ["", "\r\n", "\r\n\r\n", "\0\0\0\0", "  "]) assert.ok(isKeepAlive(bytes(text)));
  assert.not(isKeepAlive(bytes("\r\nX")));
});

refusals("start lines", () => {
  for (const line of [
    "",
    "INVITE",
    "INVITE sip:a",
    "INVITE  sip:a SIP/2.0",
    "INVITE sip:a  SIP/2.0",
    "INVITE sip:a SIP/2.0 ",
    " INVITE sip:a SIP/2.0",
    "IN VITE sip:a SIP/2.0",
    "IN/VITE sip:a SIP/2.0",
    "SIP/2.0 20 x",
    "SIP/2.0 2000 x",
    "SIP/2.0  200 x",
    "SIP/2.0 4294967301 x",
    "HTTP/1.1 200 OK",
  ])
    assert.is(code(lines(line, "a: b")), "start-line", JSON.stringify(line));
  assert.is(code(lines("INVITE sip:a SIP/7.0", "a: b")), "version");
  assert.is(code(lines("GET / HTTP/1.1", "a: b")), "version");
  assert.is(code(lines("SIP/3.0 200 OK", "a: b")), "version");
  assert.is(code(lines("INVITE <sip:a> SIP/2.0", "a: b")), "uri");
  assert.is(code(lines("SIP/2.0 099 x", "a: b")), "status");
  assert.is(code(lines("SIP/2.0 700 x", "a: b")), "status");
});

refusals("header fields", () => {
  const request = "INVITE sip:a SIP/2.0";
  assert.is(code(lines(request, "no colon")), "header");
  assert.is(code(lines(request, ": value")), "header");
  assert.is(code(lines(request, "bad name: value")), "header");
  assert.is(code(lines(request, "größe: value")), "header");
  assert.is(code(lines(request, " folded: first")), "header");
  assert.is(code(lines(request, "a: b\rc: d")), "line-end");
  assert.is(code(lines(request, "a: b\nc: d")), "line-end");
  assert.is(code(bytes(`${request}\r\na: b\r\n`)), "no-end");
  assert.is(code(bytes(`${request}\na: b\n\n`)), "no-end");
});

refusals(
  "Content-Length: larger than the datagram, negative, not a number, twice (RFC 4475 3.1.2.2, 3.1.2.3, 3.3.9)",
  () => {
    const request = "INVITE sip:a SIP/2.0";
    assert.is(code(lines(request, "l: 1")), "truncated-body");
    for (const value of ["-999", "forty-two", "", "1 2", "0x0", "99999999999999999999999"])
      assert.is(code(lines(request, `l: ${value}`)), "content-length", value);
    assert.is(code(lines(request, "l: 0", "Content-Length: 0")), "content-length");
  },
);

refusals("what of a bad request can be answered comes with the error", () => {
  const result = parseMessage(lines("INVITE sip:a SIP/2.0", "v: x", "l: 5"));
  assert.ok(!result.ok && result.error.request?.method === "INVITE" && result.error.request.headers.get("Via") === "x");
  const response = parseMessage(lines("SIP/2.0 200 OK", "v: x", "l: 5"));
  assert.ok(!response.ok && response.error.request === undefined);
});

refusals("offsets count bytes, also behind UTF-8", () => {
  const head = "INVITE sip:a SIP/2.0\r\nSubject: ÄÖÜ\r\n";
  const result = parseMessage(bytes(`${head}bad line\r\n\r\n`));
  assert.ok(!result.ok && result.error.offset === Buffer.byteLength(head));
});

refusals("limits: number of fields, length of one, length of all", () => {
  const many = (count: number): Uint8Array =>
    lines("INVITE sip:a SIP/2.0", ...Array.from({ length: count }, () => "a: b"));
  assert.is(code(many(200)), "ok");
  assert.is(code(many(201)), "too-many-headers");
  assert.is(code(lines("INVITE sip:a SIP/2.0", `a: ${"x".repeat(9000)}`)), "line-too-long");
  assert.is(code(lines("INVITE sip:a SIP/2.0", `a: x${"\r\n x".repeat(4000)}`)), "line-too-long");
  assert.is(code(lines(`INVITE sip:${"a".repeat(9000)} SIP/2.0`, "a: b")), "line-too-long");
  assert.is(
    code(lines("INVITE sip:a SIP/2.0", ...Array.from({ length: 60 }, () => `a: ${"x".repeat(600)}`))),
    "head-too-long",
  );
});

// Property: any message we can hold is read back as it was printed.
const token = fc.stringMatching(/^[A-Za-z0-9\-.!%*_+`'~]{1,12}$/);
const value = fc
  .string({ unit: fc.oneof(fc.constantFrom(...'abc ,;"<>=\\\t'), fc.constantFrom("Ä", "大", "😀")), maxLength: 30 })
  .map((text) => text.trim());
const name = fc
  .oneof(token, fc.constantFrom("Via", "v", "From", "Contact", "m", "Subject", "X-Y"))
  .filter((text) => !/^(l|content-length)$/i.test(text));
const fields = fc.array(fc.tuple(name, value), { maxLength: 12 });
const body = fc.uint8Array({ maxLength: 60 });
const message: fc.Arbitrary<SipMessage> = fc.oneof(
  fc.record({ method: token, uri: fc.stringMatching(/^[a-z]{2,5}:[A-Za-z0-9@.;=%?&+]{1,20}$/), fields, body }).map(
    (parts) =>
      ({
        kind: "request",
        method: parts.method,
        uri: parts.uri,
        headers: new Headers([...parts.fields, ["Content-Length", `${parts.body.length}`]]),
        body: parts.body,
      }) as const,
  ),
  fc.record({ status: fc.integer({ min: 100, max: 699 }), reason: value, fields, body }).map(
    (parts) =>
      ({
        kind: "response",
        status: parts.status,
        reason: parts.reason,
        headers: new Headers([["l", `${parts.body.length}`], ...parts.fields]),
        body: parts.body,
      }) as const,
  ),
);

properties("parse(print(message)) is the message", () => {
  fc.assert(
    fc.property(message, (original) => {
      const again = parsed(printMessage(original));
      assert.equal(
        { ...again, headers: again.headers.entries(), body: [...again.body] },
        { ...original, headers: original.headers.entries(), body: [...original.body] },
      );
    }),
    { numRuns: 3000 },
  );
});

const invite = Buffer.from(
  [
    "INVITE sip:bob@biloxi.com SIP/2.0",
    "Via: SIP/2.0/UDP pc33.atlanta.com:5066;branch=z9hG4bK776asdhds;rport, SIP/2.0/TCP [2001:db8::1];received=192.0.2.1",
    "Max-Forwards: 70",
    'To: "Bob \\"B\\"" <sip:bob@biloxi.com;x=%41>',
    "From: Alice <sip:alice@atlanta.com>;tag=1928301774",
    "i: a84b4c76e66710@pc33.atlanta.com",
    "CSeq: 314159 INVITE",
    "Contact: <sip:alice@pc33.atlanta.com?a=b>,\r\n sip:x@y;q=0.3",
    "Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com>",
    "Content-Type: application/sdp",
    "Content-Length: 5",
    "",
    "v=0\r\n",
  ].join("\r\n"),
);

/** xorshift: 100,000 runs must be quick. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function exercise(input: Uint8Array): void {
  const result = parseMessage(input);
  if (!result.ok) {
    assert.ok(result.error.code.length > 0 && (result.error.offset ?? 0) <= input.length);
    return;
  }
  readEssentials(result.value);
  for (const [field] of result.value.headers.entries()) result.value.headers.all(field);
  // What was taken once is taken again when printed.
  assert.ok(parseMessage(printMessage(result.value)).ok);
}

properties("100,000 mutated messages: a value or an error, never more", () => {
  const random = generator(0x5eed);
  const spice = [
    '"',
    "<",
    ">",
    ",",
    ";",
    ":",
    "\r\n",
    "\r\n ",
    "\\",
    "%",
    "\0",
    "ÿ",
    "=",
    "@",
    "[",
    "]",
    "?",
    " ",
    "SIP/2.0",
    "\r\n\r\n",
  ];
  for (let run = 0; run < 100_000; run++) {
    let text: Buffer = Buffer.from(invite);
    for (let edits = 1 + random(4); edits > 0; edits--) {
      const at = random(text.length);
      const kind = random(4);
      if (kind === 0) text[at] = random(256);
      else if (kind === 1)
        text = Buffer.concat([text.subarray(0, at), text.subarray(Math.min(text.length, at + 1 + random(40)))]);
      else if (kind === 2)
        text = Buffer.concat([
          text.subarray(0, at),
          Buffer.from(spice[random(spice.length)], "latin1"),
          text.subarray(at),
        ]);
      else text = text.subarray(0, at);
      if (text.length === 0) break;
    }
    exercise(text);
  }
});

properties("20,000 blocks of random bytes: an error each", () => {
  const random = generator(42);
  for (let run = 0; run < 20_000; run++) {
    const noise = new Uint8Array(random(200));
    for (let i = 0; i < noise.length; i++) noise[i] = random(256);
    exercise(noise);
  }
});

properties("long hostile input takes time in proportion to its length", () => {
  const shapes = [
    (n: number) => lines("INVITE sip:a SIP/2.0", `Via: ${'"'.repeat(n)}`),
    (n: number) => lines("INVITE sip:a SIP/2.0", `Contact: ${"<".repeat(n)}`),
    (n: number) => lines("INVITE sip:a SIP/2.0", `Contact: ${",".repeat(n)}`),
    (n: number) => lines("INVITE sip:a SIP/2.0", `a: x${" ".repeat(n)}\r\n x`),
    (n: number) => lines("INVITE sip:a SIP/2.0", `From: ${"a ".repeat(n / 2)}`),
    (n: number) => lines(`INVITE ${"a".repeat(n)}`, "a: b"),
    (n: number) => lines(`INVITE sip:a SIP/2.0`, `To: <sip:a@b>${";a".repeat(n / 2)}`),
    (n: number) => lines(`INVITE sip:a SIP/2.0`, `${"\t ".repeat(n / 2)}: x`),
  ];
  // Under 8 KiB a line and 32 KiB a head even quadratic work would show as seconds over these runs.
  for (const shape of shapes) for (let run = 0; run < 50; run++) exercise(shape(8000));
});

messages.run();
refusals.run();
properties.run();
