// SIP URIs: the examples and equivalences of RFC 3261 section 19.1, IPv6 (RFC 5118), escapes, refusals.

import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  escapeUser,
  isUri,
  parseSipUri,
  printSipUri,
  type SipUri,
  sipUriEquals,
  unescapeUri,
  uriParam,
} from "../../../../firmware/sip/grammar/index.js";

const parse = suite("parse");
const compare = suite("compare");

function uri(text: string): SipUri {
  const result = parseSipUri(text);
  if (!result.ok) throw new Error(`${text}: ${result.error.text} at ${result.error.offset}`);
  return result.value;
}

parse("section 19.1.3 and friends: parts, and printed as written", () => {
  const cases: [string, Partial<SipUri>][] = [
    ["sip:alice@atlanta.com", { scheme: "sip", user: "alice", host: "atlanta.com", port: undefined }],
    ["sip:alice:secretword@atlanta.com;transport=tcp", { password: "secretword" }],
    [
      "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
      {
        scheme: "sips",
        headers: [
          ["subject", "project%20x"],
          ["priority", "urgent"],
        ],
      },
    ],
    ["sip:+1-212-555-1212:1234@gateway.com;user=phone", { user: "+1-212-555-1212", password: "1234" }],
    ["sips:1212@gateway.com", { user: "1212" }],
    ["sip:alice@192.0.2.4", { host: "192.0.2.4" }],
    ["sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", { user: undefined, host: "atlanta.com" }],
    ["sip:alice;day=tuesday@atlanta.com", { user: "alice;day=tuesday", params: [] }],
    ["sip:user@[2001:db8::10]:5070", { host: "[2001:db8::10]", port: 5070 }],
    ["sip:user@[2001:db8::10:5070]", { host: "[2001:db8::10:5070]", port: undefined }],
    ["sip:user@[::ffff:192.0.2.10]:19823", { port: 19823 }],
    [
      "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
      { host: "example.com" },
    ],
    ["sip:example.com;lr;x=%6C?a=b", { params: [{ name: "lr" }, { name: "x", value: "%6C" }] }],
  ];
  for (const [text, parts] of cases) {
    const parsed = uri(text);
    for (const [name, value] of Object.entries(parts))
      assert.equal(parsed[name as keyof SipUri], value, `${text}: ${name}`);
    assert.is(printSipUri(parsed), text);
  }
});

parse("refuses what section 25.1 does not allow, with an offset", () => {
  const bad = [
    "alice@atlanta.com",
    "tel:+123",
    "sip:",
    "sip:@host",
    "sip:a b@host",
    "sip:a@",
    "sip:a@host:",
    "sip:a@host:0",
    "sip:a@host:65536",
    "sip:a@host:5060x",
    "sip:a@ho st",
    "sip:a@host;",
    "sip:a@host;;lr",
    "sip:a@host;=x",
    "sip:a@host;lr=a b",
    "sip:a@host?",
    "sip:a@host?x",
    "sip:a@host?x=1&",
    "sip:a%4@host",
    "sip:a%zz@host",
    "sip:ä@host",
    "sip:a@[2001:db8::1",
    "sip:a@2001:db8::10",
    "sip:a@[fe80::1%eth0]",
    "sip:a@-host",
    "sip:a@host-.de",
    "sip:a@1.2.3",
    "sip:a@256.1.1.1",
    "sip:a@host\r\n",
    "sip:a@host<",
    "sip:a@b@c",
  ];
  for (const text of bad) {
    const result = parseSipUri(text);
    assert.not(result.ok, text);
    if (!result.ok) assert.type(result.error.offset, "number");
  }
});

parse("an IPv6 reference with RFC 3261's extra colon is taken (RFC 5118 section 4.10)", () => {
  assert.ok(sipUriEquals(uri("sip:user@[2001:db8:::192.0.2.1]"), uri("sip:user@[2001:db8::192.0.2.1]")));
});

parse("escapes: resolved once, never in the host, NUL kept", () => {
  assert.is(unescapeUri("value%25%34%31"), "value%41");
  assert.is(unescapeUri("null-%00-null"), "null-\0-null");
  assert.is(unescapeUri("%E5%A4%A7"), "大");
  assert.is(uriParam(uri("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31"), "lr"), "");
  assert.is(uriParam(uri("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31"), "name"), "value%41");
});

parse("escapeUser makes a legal user part of any text", () => {
  assert.is(escapeUser("j@s0n"), "j%40s0n");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (text) => {
      const parsed = parseSipUri(`sip:${escapeUser(text)}@example.com`);
      assert.ok(parsed.ok);
      if (parsed.ok) assert.is(unescapeUri(parsed.value.user!), text);
    }),
  );
});

parse("any absolute URI is a URI; white space and brackets are not", () => {
  for (const text of [
    "tel:+358-555-1234567",
    "mailto:a@b",
    "http://x.example/a?b",
    "isbn:2983792873",
    "nobodyKnowsThisScheme:totallyopaquecontent",
  ])
    assert.ok(isUri(text), text);
  for (const text of ["", "x", ":x", "1a:b", "a:", "tel: 1", "http://<x>", "sip:@"]) assert.not(isUri(text), text);
});

compare("section 19.1.4: equivalent", () => {
  const sets = [
    ["sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"],
    ["sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"],
    ["sip:carol@chicago.com", "sip:carol@chicago.com;security=on"],
    [
      "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
      "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ],
    [
      "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
      "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ],
    ["sip:a@[2001:DB8:0:0::1]", "sip:a@[2001:db8::1]"],
    ["sip:a%3bb@h", "sip:a%3Bb@h"],
  ];
  for (const [a, b] of sets) {
    assert.ok(sipUriEquals(uri(a), uri(b)), `${a} = ${b}`);
    assert.ok(sipUriEquals(uri(b), uri(a)), `${b} = ${a}`);
  }
});

compare("section 19.1.4: not equivalent", () => {
  const sets = [
    ["SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"],
    ["sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"],
    ["sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"],
    ["sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"],
    ["sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"],
    ["sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"],
    ["sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"],
    ["sip:a@h", "sips:a@h"],
    ["sip:a@h", "sip:h"],
    ["sip:a:@h", "sip:a@h"],
    ["sip:a@h;user=phone", "sip:a@h"],
    ["sip:a@h;ttl=1", "sip:a@h"],
    ["sip:a@h;maddr=1.2.3.4", "sip:a@h"],
    ["sip:a%40b@h", "sip:ab@h"],
  ];
  for (const [a, b] of sets) assert.not(sipUriEquals(uri(a), uri(b)), `${a} / ${b}`);
});

parse.run();
compare.run();
