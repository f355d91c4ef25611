// Reason, Retry-After, Warning, Accept, Date, Timestamp, Alert-Info and its like, Privacy: the RFCs' examples, refusals, noise.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  parseAccept,
  parseInfoUri,
  parseReason,
  parseRetryAfter,
  parseSipDate,
  parseTimestamp,
  parseWarning,
  privacyOf,
  takesType,
} from "../../../../firmware/sip/grammar/index.js";

/** The value, or the error's code. */
function read<T>(result: { ok: true; value: T } | { ok: false; error: { code: string } }): T | string {
  return result.ok ? result.value : result.error.code;
}

test("Reason: RFC 3326 section 2", () => {
  assert.equal(read(parseReason('SIP ;cause=200 ;text="Call completed elsewhere"')), {
    protocol: "SIP",
    cause: 200,
    text: "Call completed elsewhere",
  });
  assert.equal(read(parseReason('Q.850 ;cause=16 ;text="Terminated"')), {
    protocol: "Q.850",
    cause: 16,
    text: "Terminated",
  });
  assert.equal(read(parseReason('SIP;cause=580;text="Precondition \\"x\\" failed"')), {
    protocol: "SIP",
    cause: 580,
    text: 'Precondition "x" failed',
  });
  assert.equal(read(parseReason("preemption")), { protocol: "preemption" });
  for (const bad of ["", ";cause=1", "SIP;cause=", "SIP;cause=x", "SIP;cause=1000", 'SIP;text="', "SIP x"])
    assert.is(read(parseReason(bad)), "reason", bad);
});

test("Retry-After: RFC 3261 section 20.33", () => {
  assert.equal(read(parseRetryAfter("18000;duration=3600")), { seconds: 18_000, durationS: 3600 });
  assert.equal(read(parseRetryAfter("120 (I'm in a meeting)")), { seconds: 120, comment: "I'm in a meeting" });
  assert.equal(read(parseRetryAfter("5 (in (two) \\) parts) ; duration=1;x")), {
    seconds: 5,
    comment: "in (two) ) parts",
    durationS: 1,
  });
  for (const bad of ["", "soon", "-1", "4294967296", "1 (open", "1 x", "1.5"])
    assert.is(read(parseRetryAfter(bad)), "retry-after", bad);
});

test("Warning: RFC 3261 section 20.43", () => {
  assert.equal(read(parseWarning("307 isi.edu \"Session parameter 'foo' not understood\"")), {
    code: 307,
    agent: "isi.edu",
    text: "Session parameter 'foo' not understood",
  });
  assert.equal(read(parseWarning('301 [2001:db8::9]:5070  "Incompatible \\"E.164\\""')), {
    code: 301,
    agent: "[2001:db8::9]:5070",
    text: 'Incompatible "E.164"',
  });
  for (const bad of ["", "307", '07 a "x"', '3070 a "x"', "307 a x", '307 a "x', '307 a "x" y', '307 "x"'])
    assert.is(read(parseWarning(bad)), "warning", bad);
});

test("Accept: RFC 3261 section 20.1, the most precise range decides", () => {
  assert.equal(read(parseAccept("application/sdp;level=1")), { range: "application/sdp", q: 1 });
  assert.equal(read(parseAccept("Text/*; q=0.3")), { range: "text/*", q: 0.3 });
  for (const bad of ["", "sdp", "a/b;q=2", "a/b;q=x", "a/b;q=0.1234"]) assert.is(read(parseAccept(bad)), "accept", bad);
  const sdp = "application/sdp";
  assert.ok(takesType(undefined, sdp), "absent: session descriptions");
  assert.not(takesType(undefined, "text/plain"));
  assert.not(takesType([""], sdp), "empty: nothing");
  assert.not(takesType(["text/nobodyKnowsThis"], sdp));
  assert.ok(takesType(["text/html", "application/sdp"], sdp));
  assert.ok(takesType(["application/*"], sdp));
  assert.ok(takesType(["*/*"], sdp));
  assert.not(takesType(["*/*", "application/sdp;q=0"], sdp));
  assert.ok(takesType(["*/*;q=0", "application/sdp;q=0.1"], sdp));
  assert.ok(takesType(["???"], sdp), "what cannot be read refuses nothing");
});

test("Date: RFC 3261 section 20.17, GMT and nothing else", () => {
  assert.is(read(parseSipDate("Sat, 13 Nov 2010 23:29:00 GMT")), Date.UTC(2010, 10, 13, 23, 29));
  assert.is(read(parseSipDate("Thu, 29 Feb 2024 00:00:00 GMT")), Date.UTC(2024, 1, 29));
  for (const bad of [
    "Fri, 01 Jan 2010 16:00:00 EST", // RFC 4475 section 3.1.2.12
    "Thu, 30 Feb 2024 00:00:00 GMT",
    "Thu, 29 Foo 2024 00:00:00 GMT",
    "Thu, 29 Feb 2024 24:00:00 GMT",
    "Thu, 29 Feb 2024 00:60:00 GMT",
    "29 Feb 2024",
    "",
  ])
    assert.is(read(parseSipDate(bad)), "date", bad);
});

test("Timestamp: RFC 3261 section 20.38", () => {
  assert.equal(read(parseTimestamp("54")), { atS: 54 });
  assert.equal(read(parseTimestamp("54.25 .5")), { atS: 54.25, delayS: 0.5 });
  for (const bad of ["", "x", "1 2 3", "-1"]) assert.is(read(parseTimestamp(bad)), "timestamp", bad);
});

test("Alert-Info, Call-Info, Error-Info: RFC 3261 sections 20.4, 20.9, 20.18", () => {
  assert.equal(read(parseInfoUri("<http://www.example.com/sounds/moo.wav>")), {
    uri: "http://www.example.com/sounds/moo.wav",
    params: [],
  });
  assert.equal(read(parseInfoUri("<http://wwww.example.com/alice/photo.jpg> ;purpose=icon")), {
    uri: "http://wwww.example.com/alice/photo.jpg",
    params: [{ name: "purpose", value: "icon" }],
  });
  for (const bad of ["", "http://a", "<http://a", "<not a uri>", "<http://a>;;", "<http://a> x"])
    assert.is(read(parseInfoUri(bad)), "info", bad);
});

test("Privacy: RFC 3323 section 4.2", () => {
  assert.equal(privacyOf(["id; critical"]), ["id", "critical"]);
  assert.equal(privacyOf(["header;session", "User"]), ["header", "session", "user"]);
  assert.equal(privacyOf(["none"]), []);
  assert.equal(privacyOf(["<evil>", ""]), []);
  assert.equal(privacyOf([]), []);
});

test("noise: a value or an error, never more", () => {
  const noise = fc.string({ unit: fc.constantFrom(...'SIP/2.0 ;="\\()<>*,x:19Ä\t'), maxLength: 60 });
  fc.assert(
    fc.property(noise, (text) => {
      for (const parse of [
        parseReason,
        parseRetryAfter,
        parseWarning,
        parseAccept,
        parseSipDate,
        parseTimestamp,
        parseInfoUri,
      ])
        parse(text);
      privacyOf([text]);
      takesType([text], "application/sdp");
    }),
    { numRuns: 20_000 },
  );
});

test.run();
