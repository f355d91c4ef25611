// Lists of security mechanisms against the grammar and the examples of RFC 3329.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bestOf,
  parseMechanisms,
  printMechanisms,
  sameMechanisms,
  securityServerField,
} from "../../../../firmware/sip/agreement/index.js";

const read = (...values: string[]) => {
  const list = parseMechanisms(values);
  if (!list.ok) throw new Error(list.error.text);
  return list.value;
};
const code = (...values: string[]): string => {
  const list = parseMechanisms(values);
  return list.ok ? "ok" : list.error.code;
};

test("the examples of section 4: the highest preference among what is known", () => {
  const list = read("ipsec-ike;q=0.1", "tls;q=0.2");
  assert.is(bestOf(list, () => true)?.name, "tls");
  assert.is(bestOf(list, ({ name }) => name !== "tls")?.name, "ipsec-ike");
  assert.is(
    bestOf(list, () => false),
    undefined,
  );
  const digest = read("TLS ; q=0.1", 'digest;d-qop=auth;d-alg=SHA-256;d-ver="0000";q=0.2');
  assert.is(bestOf(digest, () => true)?.name, "digest");
});

test("equal preferences are an error, and so are ones out of range", () => {
  assert.is(code("tls;q=0.1", "digest;q=0.1"), "preference");
  assert.is(code("tls", "digest"), "preference", "without a q both are 1");
  assert.is(code("tls", "digest;q=0.5"), "ok");
  for (const q of ["1.1", "-0.1", "0.1234", "x", "1.001"]) assert.is(code(`tls;q=${q}`), "preference", q);
  for (const q of ["0", "0.", "0.123", "1", "1.", "1.000"]) assert.is(code(`tls;q=${q}`), "ok", q);
});

test("what is no list", () => {
  assert.is(code(), "empty");
  for (const value of ["", ";q=1", "tls;", "tls q=1", 'tls;x="open', "tls=1"]) assert.is(code(value), "syntax", value);
  assert.is(code(...Array.from({ length: 17 }, (_, i) => `m${i};q=0.${100 + i}`)), "syntax", "too many");
});

test("mirrored as it came, white space as single SPs, d-ver at the chosen digest", () => {
  const list = read("tls;q=0.1", "digest ;  d-alg=MD5;\tq=0.2");
  assert.is(printMechanisms(list), "tls;q=0.1, digest ; d-alg=MD5; q=0.2");
  assert.is(printMechanisms(list, list[1], "ab"), 'tls;q=0.1, digest ; d-alg=MD5; q=0.2;d-ver="ab"');
  assert.is(securityServerField(list), "Security-Server: tls;q=0.1, digest ; d-alg=MD5; q=0.2");
});

test("the same list: mechanisms in order, parameters in any", () => {
  const list = read("tls;q=0.1;x=1", "digest;q=0.2");
  assert.ok(sameMechanisms(list, read("TLS;x=1;q=0.1", "digest;q=0.2")));
  assert.not.ok(sameMechanisms(list, read("digest;q=0.2", "tls;q=0.1;x=1")));
  assert.not.ok(sameMechanisms(list, read("tls;q=0.1", "digest;q=0.2")));
  assert.not.ok(sameMechanisms(list, read("tls;q=0.1;x=1")));
});

test("whatever a server writes, nothing throws", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 40 }), { maxLength: 20 }), (values) => {
      const list = parseMechanisms(values);
      if (list.ok) assert.not.match(printMechanisms(list.value), /[\r\n]/);
    }),
    { numRuns: 3000 },
  );
});

test.run();
