// tel: URIs: RFC 3966's examples, and numbers that are none.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseTelUri, telToSip } from "../../../../firmware/sip/index.js";

test("RFC 3966 section 6: global and local numbers, visual separators, context", () => {
  const number = (text: string) => {
    const parsed = parseTelUri(text);
    return parsed.ok ? [parsed.value.number, parsed.value.global, parsed.value.context] : parsed.error.code;
  };
  assert.equal(number("tel:+1-201-555-0123"), ["+12015550123", true, undefined]);
  assert.equal(number("tel:7042;phone-context=example.com"), ["7042", false, "example.com"]);
  assert.equal(number("tel:863-1234;phone-context=+1-914-555"), ["8631234", false, "+1-914-555"]);
  assert.equal(number("TEL:+358-555-1234567;ext=12;isub=1"), ["+3585551234567", true, undefined]);
  for (const [text, code] of [
    ["sip:1", "scheme"],
    ["tel:", "number"],
    ["tel:+", "number"],
    ["tel:+12x", "number"],
    ["tel:123", "context"],
    ["tel:+1;a=b c", "param"],
    [`tel:+${"1".repeat(41)}`, "number"],
  ])
    assert.is(number(text), code, text);
});

test("RFC 3261 19.1.6: the number at the account's provider", () => {
  assert.is(telToSip("tel:+358-555-1234567", "sip:alice@a.test"), "sip:+3585551234567@a.test;user=phone");
  assert.is(telToSip("tel:*21#", "sips:alice@a.test"), "sips:*21%23@a.test;user=phone");
  assert.is(telToSip("sip:bob@b.test", "sip:alice@a.test"), undefined);
});

test.run();
