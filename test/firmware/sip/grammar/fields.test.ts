// Typed header fields: addresses, Via, CSeq, media types; comma lists; compact names.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  branchOf,
  getParam,
  Headers,
  type NameAddr,
  parseContentType,
  parseCSeq,
  parseDisposition,
  parseNameAddr,
  parseNumber,
  parseVia,
  printNameAddr,
  printVia,
  splitList,
  tagOf,
} from "../../../../firmware/sip/grammar/index.js";

function address(text: string): NameAddr {
  const result = parseNameAddr(text);
  if (!result.ok) throw new Error(`${text}: ${result.error.text}`);
  return result.value;
}

test("name-addr: display names as tokens, quoted, with escapes, absent", () => {
  assert.is(address("Bob <sip:bob@biloxi.com>").displayName, "Bob");
  assert.is(address("Mr.  Watson's <sip:a@b>;tag=1").displayName, "Mr.  Watson's");
  assert.is(
    address('"J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\t; tag = 98asjd8').displayName,
    'J Rosenberg \\"',
  );
  assert.is(tagOf(address('"J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\t; tag = 98asjd8')), "98asjd8");
  assert.is(address('"Doe, <John>; x" <sip:a@b>').displayName, "Doe, <John>; x");
  assert.is(address('""<sip:a@b>').displayName, "");
  assert.is(address("caller<sip:caller@example.com>;tag=3").displayName, "caller");
  assert.is(address('"Ж <Ä>" <sip:a@b>').displayName, "Ж <Ä>");
  assert.is(address("<sip:a@b>").displayName, undefined);
});

test("addr-spec without brackets: parameters belong to the header field", () => {
  const bare = address("sip:a@b;tag=x");
  assert.is(bare.uri, "sip:a@b");
  assert.is(tagOf(bare), "x");
  const bracketed = address("<sip:a@b;tag=x>");
  assert.is(bracketed.uri, "sip:a@b;tag=x");
  assert.is(tagOf(bracketed), undefined);
  assert.is(getParam(address('sip:a@b;x="<y>, ;";z').params, "x"), "<y>, ;");
  assert.is(getParam(address('sip:a@b;x="<y>, ;";z').params, "z"), "");
});

test("name-addr: refused", () => {
  for (const text of [
    "",
    '"Mr. J. User <sip:a@b>',
    '"x" sip:a@b',
    "Bell, Alexander <sip:a@b>",
    "Mr. (X) <sip:a@b>",
    "<sip:a@b",
    "sip:a@b>",
    "sip:a@b?Route=%3Csip:x%3E",
    "<sip:a@b>;",
    "<sip:a@b>;;x",
    "<sip:a@b>;tag=",
    "<sip:a@b> x",
    "<sip:a b@c>",
    "< sip:a@b>",
    '<sip:a@b>;x="y',
    "<>",
    "x",
  ])
    assert.not(parseNameAddr(text).ok, text);
});

test("name-addr: printed, it reads the same", () => {
  for (const displayName of [undefined, "", "Bob", 'a "b" \\ c', "Ж; <x>, y"]) {
    const value: NameAddr = {
      ...(displayName === undefined ? {} : { displayName }),
      uri: "sip:a@b;lr",
      params: [{ name: "tag", value: "1" }, { name: "x" }],
    };
    assert.equal(address(printNameAddr(value)), value);
  }
});

test("Via: RFC 4475's white space, IPv6, rport, received with and without brackets", () => {
  const spaced = parseVia("SIP  / 2.0  / UDP  192.168.255.111   ; branch=  z9hG4bK30239");
  assert.ok(spaced.ok);
  if (spaced.ok) {
    assert.is(spaced.value.host, "192.168.255.111");
    assert.is(branchOf(spaced.value), "z9hG4bK30239");
  }
  const full = parseVia(
    'SIP/2.0/TLS [2001:db8::9:1]:5061;received=[2001:db8::9:255];rport;branch=z9hG4bKas3-111;x="a;b,c"',
  );
  assert.ok(full.ok);
  if (full.ok) {
    assert.is(full.value.transport, "TLS");
    assert.is(full.value.port, 5061);
    assert.is(getParam(full.value.params, "received"), "[2001:db8::9:255]");
    assert.is(getParam(full.value.params, "x"), "a;b,c");
    assert.is(
      printVia(full.value),
      'SIP/2.0/TLS [2001:db8::9:1]:5061;received=[2001:db8::9:255];rport;branch=z9hG4bKas3-111;x="a;b,c"',
    );
  }
  const bare = parseVia("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3");
  assert.ok(bare.ok && getParam(bare.value.params, "received") === "2001:db8::9:255");
  const unknown = parseVia("SIP/2.0/UNKNOWN t5.example.com;branch=z9hG4bK2390");
  assert.ok(unknown.ok && unknown.value.transport === "UNKNOWN");
  const spacedPort = parseVia("SIP/2.0/UDP host : 5070 ;rport");
  assert.ok(spacedPort.ok && spacedPort.value.port === 5070);
});

test("Via: a bare magic cookie, and none, name no RFC 3261 transaction", () => {
  for (const [text, branch] of [
    ["SIP/2.0/UDP h;branch=z9hG4bK", undefined],
    ["SIP/2.0/UDP h;branch=390skdjuw", undefined],
    ["SIP/2.0/UDP h", undefined],
    ["SIP/2.0/UDP h;branch=Z9HG4BKx", "Z9HG4BKx"],
  ] as const) {
    const via = parseVia(text);
    assert.ok(via.ok);
    if (via.ok) assert.is(branchOf(via.value), branch);
  }
});

test("Via: refused", () => {
  for (const text of [
    "",
    "SIP/2.0/UDP",
    "SIP/2.0 h",
    "SIP/2.0/UDP h;;",
    "SIP/2.0/UDP h;branch=",
    "SIP/2.0/UDP h:99999",
    "SIP/2.0/UDP h x",
    "SIP/2.0/UDP [::1",
    "SIP/2.0/UDPh",
    'SIP/2.0/UDP h;a="',
  ])
    assert.not(parseVia(text).ok, text);
});

test("CSeq: 32 bits, method kept as written", () => {
  assert.equal(parseCSeq("0009\t INVITE"), { ok: true, value: { seq: 9, method: "INVITE" } });
  assert.equal(parseCSeq("4294967295 x"), { ok: true, value: { seq: 4294967295, method: "x" } });
  for (const text of [
    "",
    "1",
    "INVITE",
    "-1 INVITE",
    "4294967296 INVITE",
    "36893488147419103232 REGISTER",
    "1 IN VITE",
    "1 IN/VITE",
    "1.5 INVITE",
  ])
    assert.not(parseCSeq(text).ok, text);
});

test("media types, dispositions, numbers", () => {
  const type = parseContentType('Multipart/Mixed ; boundary="a;b"');
  assert.ok(type.ok && type.value.type === "multipart/mixed" && getParam(type.value.params, "boundary") === "a;b");
  for (const text of ["", "text", "text/", "/x", "text/plain;", "text/plain x"])
    assert.not(parseContentType(text).ok, text);
  assert.equal(parseDisposition("Session;handling=OPTIONAL"), {
    ok: true,
    value: { type: "session", required: false },
  });
  assert.equal(parseDisposition("render"), { ok: true, value: { type: "render", required: true } });
  assert.is(parseNumber(" 70 "), 70);
  for (const text of ["", "-1", "70x", "0x10", "1e3", "4294967296", undefined]) assert.is(parseNumber(text), undefined);
});

test("lists are split at commas outside quotes and brackets, and only where the grammar has lists", () => {
  assert.equal(splitList('"A, B" <sip:a@b;x=1,2>, sip:c@d ,<sip:e,f@g>'), [
    '"A, B" <sip:a@b;x=1,2>',
    "sip:c@d",
    "<sip:e,f@g>",
  ]);
  assert.equal(splitList('"a\\", b" <sip:x@y>, z'), ['"a\\", b" <sip:x@y>', "z"]);
  const headers = new Headers([
    ["m", "<sip:a@b>, <sip:c@d>"],
    ["CONTACT", "<sip:e@f>"],
    ["Date", "Sat, 13 Nov 2010 23:29:00 GMT"],
    ["WWW-Authenticate", 'Digest realm="a", nonce="b"'],
    ["Subject", "one, two"],
    ["X-Unknown", "a, b"],
  ]);
  assert.equal(headers.all("contact"), ["<sip:a@b>", "<sip:c@d>", "<sip:e@f>"]);
  assert.is(headers.get("Contact"), "<sip:a@b>");
  for (const name of ["Date", "WWW-Authenticate", "Subject", "X-Unknown"]) assert.is(headers.all(name).length, 1, name);
  assert.is(headers.count("Contact"), 2);
});

test("compact names are their long forms; the received name is kept", () => {
  const pairs = {
    i: "Call-ID",
    m: "Contact",
    e: "Content-Encoding",
    l: "Content-Length",
    c: "Content-Type",
    f: "From",
    s: "Subject",
    k: "Supported",
    t: "To",
    v: "Via",
  };
  for (const [short, long] of Object.entries(pairs)) {
    const headers = new Headers([[short, "x"]]);
    assert.is(headers.get(long), "x", long);
    assert.is(headers.get(long.toUpperCase()), "x", long);
    assert.ok(headers.has(short.toUpperCase()));
    assert.equal(headers.entries(), [[short, "x"]]);
  }
});

test("withFirst changes the top value only", () => {
  const headers = new Headers([
    ["Max-Forwards", "70"],
    ["v", "A, B"],
    ["Via", "C"],
  ]).withFirst("Via", "X");
  assert.equal(headers.all("Via"), ["X", "B", "C"]);
  assert.equal(headers.entries()[1], ["v", "X, B"]);
});

test.run();
