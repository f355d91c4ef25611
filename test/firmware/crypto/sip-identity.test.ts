// Which SIP URIs name the same person: examples in the manner of RFC 3261 section 19.1.4.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseSipIdentity, sameSipIdentity, sipIdentity } from "../../../firmware/crypto/sip-identity.js";

const test = suite("sip identity");

const same: readonly [string, string][] = [
  ["sip:alice@atlanta.com", "sip:alice@AtLanTa.CoM"],
  ["sip:alice@atlanta.com", "SIP:alice@atlanta.com;transport=tcp"],
  ["sip:%61lice@atlanta.com", "sip:alice@atlanta.com"],
  ["sip:a%2fb@x.org", "sip:a%2Fb@x.org"],
  ["sip:bob@127.0.0.1", "sip:bob@127.0.0.1:5062"],
  ["sip:bob@[2001:db8::1]", "sip:bob@[2001:DB8::1]"],
  ["sips:bob@x.org:5061", "sips:bob@x.org:5061"],
];
const different: readonly [string, string][] = [
  ["sip:alice@atlanta.com", "sip:ALICE@atlanta.com"],
  ["sip:alice@atlanta.com", "sips:alice@atlanta.com"],
  ["sip:alice@atlanta.com", "sip:alice@atlanta.com.evil.org"],
  ["sip:alice@atlanta.com", "sip:alice@sub.atlanta.com"],
  ["sip:atlanta.com", "sip:alice@atlanta.com"],
  ["sip:bob@x.org:5062", "sip:bob@x.org"],
  ["sip:bob@x.org:5062", "sip:bob@x.org:5063"],
  ["sip:a%2fb@x.org", "sip:a/b@x.org"],
  ["alice@atlanta.com", "alice@atlanta.com"],
  ["tel:+123", "tel:+123"],
  ["sip:alice@atlanta.com evil", "sip:alice@atlanta.com"],
  ["sip:alice@x@atlanta.com", "sip:alice@atlanta.com"],
  ["", ""],
];

test("the same person", () => {
  for (const [a, b] of same) assert.ok(sameSipIdentity(a, b), `${a} ${b}`);
});
test("not the same person, or no SIP URI", () => {
  for (const [a, b] of different) assert.not(sameSipIdentity(a, b), `${a} ${b}`);
});
test("an identity is written without port and parameters", () => {
  assert.is(sipIdentity("sip:Bob@EXAMPLE.com:5070;transport=udp?subject=x"), "sip:Bob@example.com");
  assert.is(sipIdentity("sip:example.com"), "sip:example.com");
  assert.is(sipIdentity("mailto:bob@example.com"), undefined);
  assert.is(parseSipIdentity(`sip:${"a".repeat(2000)}@x`), undefined);
});

test.run();
