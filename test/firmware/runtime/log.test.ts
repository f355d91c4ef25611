// The log cannot print secrets.

import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Log, type LogFields, redact } from "../../../firmware/runtime/log.js";
import { Secret } from "../../../firmware/runtime/secret.js";

function written(fields: LogFields): string {
  const lines: string[] = [];
  new Log("test", (line) => lines.push(line)).info("event", fields);
  assert.is(lines.length, 1);
  return lines[0];
}

test("a secret shows its length only, however it is turned into text", () => {
  const secret = new Secret(Uint8Array.from([1, 2, 3, 0xab]));
  for (const text of [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }),
    String(secret),
    written({ secret }),
  ]) {
    assert.match(text, /\[secret, 4 bytes\]/);
    assert.not.match(text, /171|ab\b|\[1,/i);
  }
});

test("a wiped secret is zero in the caller's array too", () => {
  const bytes = Uint8Array.from([9, 9, 9]);
  new Secret(bytes).wipe();
  assert.equal([...bytes], [0, 0, 0]);
});

test("byte arrays and objects are not printed", () => {
  const line = written({
    key: Uint8Array.from([11, 22, 33]) as unknown as string,
    nested: { psk: "hidden" } as unknown as string,
  });
  assert.not.match(line, /11,22|hidden/);
});

const secrets: [string, string][] = [
  ["MIKEY in SDP", "a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyONQ"],
  ["SDES key", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"],
  ["digest", 'Authorization: Digest username="alice", response="6629fae49393a05397450978507c4ef1"'],
  ["proxy digest", "Proxy-Authorization: Basic d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAw"],
  ["password in a URI", "sip:alice:d0RmdmcmVCspeEc3@example.com"],
  ["private key", "-----BEGIN PRIVATE KEY-----\nd0RmdmcmVCspeEc3QGZiNWpV\n-----END PRIVATE KEY-----"],
  ["cut private key", "-----BEGIN RSA PRIVATE KEY-----\nd0RmdmcmVCspeEc3QGZiNWpV"],
  ["psk as field", 'psk: "d0RmdmcmVCspeEc3"'],
];
for (const [name, text] of secrets)
  test(`text from outside is redacted: ${name}`, () => {
    const clean = redact(`before ${text} after`);
    assert.not.match(clean, /d0RmdmcmVCspeEc3|AQAFgM0XflAB|6629fae4/);
    assert.match(clean, /^before /);
    assert.not.match(written({ text }), /d0RmdmcmVCspeEc3|AQAFgM0XflAB|6629fae4/);
  });

test("long text is cut, a line stays a line", () => {
  const line = written({ text: "x\ny".repeat(1000) });
  assert.not.match(line, /\n/);
  assert.ok(line.length < 1200);
});

test("levels", () => {
  const lines: string[] = [];
  const log = new Log("test", (line) => lines.push(line), "warn");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.for("other").error("d");
  assert.equal(
    lines.map((line) => JSON.parse(line).event),
    ["c", "d"],
  );
  assert.is(JSON.parse(lines[1]).room, "other");
});

test.run();
