// PkiPath: what openssl makes of it, cut apart again, and bad input.

import { execFileSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseChain, printChain } from "../../../firmware/crypto/certificate-chain.js";
import { certificatesFromPem } from "../../../firmware/crypto/certificates.js";
import { createAuthority, issueIdentity } from "../../../firmware/crypto/issue.js";
import { good } from "../../results.js";
import { hex } from "../../vectors.js";
import { seededRandom } from "../sip/support.js";

const test = suite("certificate chains as one document");
const valid = { notBeforeMs: Date.UTC(2020, 0, 1), notAfterMs: Date.UTC(2040, 0, 1) };
const authority = await createAuthority({ ...valid, commonName: "Chain CA" });
const { chainPem } = await issueIdentity(authority, { ...valid, uri: "sip:alice@example.com", keyType: "p256" });
const [leaf] = certificatesFromPem(chainPem);
const [anchor] = certificatesFromPem(authority.certificatePem);

test("SEQUENCE OF Certificate, nearest to the trust anchor first, as openssl reads it", () => {
  const printed = printChain([leaf, anchor]);
  const lines = execFileSync("openssl", ["asn1parse", "-inform", "DER"], { input: printed, encoding: "utf8" }).split(
    "\n",
  );
  const sequences = lines
    .filter((line) => /:d=[01] /.test(line))
    .map((line) => /^ *(\d+):d=(\d) +hl=(\d) l= *(\d+) cons: SEQUENCE/.exec(line)!);
  const [whole, first, second] = sequences.map(([, at, , header, length]) => [
    Number(at),
    Number(header) + Number(length),
  ]);
  assert.equal(whole, [0, printed.length]);
  assert.is(hex(printed.subarray(first[0], first[0] + first[1])), hex(anchor));
  assert.is(hex(printed.subarray(second[0], second[0] + second[1])), hex(leaf));
  assert.is(sequences.length, 3);
});

test("read again: the same bytes, end-entity certificate first, whatever their number and length", () => {
  for (const chain of [[leaf], [leaf, anchor], Array.from({ length: 16 }, () => leaf), [Uint8Array.of(0x30, 0)]])
    assert.equal(good(parseChain(printChain(chain))).map(hex), chain.map(hex));
});

test("what is no chain is said to be none", () => {
  const text = (bytes: Uint8Array): string => {
    const parsed = parseChain(bytes);
    return parsed.ok ? "taken" : parsed.error.text;
  };
  const whole = printChain([leaf]);
  assert.match(text(new Uint8Array(0)), /cannot be read/);
  assert.match(text(whole.subarray(0, -1)), /cannot be read/);
  assert.match(text(Uint8Array.from([...whole, 0])), /bytes follow/);
  assert.match(text(Uint8Array.of(2, 1, 5)), /not in a sequence/);
  assert.match(text(printChain([])), /no certificate/);
  assert.match(text(printChain([Uint8Array.of(2, 1, 5)])), /no certificate/);
  assert.match(text(printChain(Array.from({ length: 17 }, () => leaf))), /17 certificates/);
  // Nested deeper than anybody reads.
  assert.match(text(new Uint8Array(60_000).fill(0x30)), /cannot be read/);
  assert.match(text(new Uint8Array(60_000).map((_, i) => [0x30, 0x80][i % 2])), /cannot be read/);
});

test("random bytes and broken chains neither throw nor become more than there is", () => {
  const random = seededRandom("chains");
  const whole = printChain([leaf, anchor]);
  for (let i = 0; i < 3000; i++) {
    const [a, b, c] = random(3);
    const bytes = i % 2 === 0 ? random(1 + a) : whole.slice();
    if (i % 2 === 1) bytes[(a * 256 + b) % bytes.length] ^= c;
    const parsed = parseChain(bytes);
    if (parsed.ok) assert.ok(parsed.value.reduce((sum, der) => sum + der.length, 0) <= bytes.length);
  }
});

test.run();
