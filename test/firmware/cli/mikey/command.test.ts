// `sotto mikey inspect` as a person runs it: what it prints, what it says of what it cannot use, and its exit code.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeVectors } from "../../../../firmware/cli/mikey/vectors.js";
import { sottoProgram, suiteFolder } from "../../../support/handset-process.js";

const test = suite("sotto mikey inspect");
const folder = suiteFolder("inspect");
const vectors = new Map((await makeVectors()).map((one) => [one.name, one]));

function inspect(parameters: readonly string[], input = "") {
  const { status, stdout, stderr } = spawnSync(process.execPath, [sottoProgram, "mikey", "inspect", ...parameters], {
    input,
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}
const base64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
const psk = vectors.get("psk")!;
const pke = vectors.get("pke")!;

test("offer and answer with the shared key: MACs, TGK and session keys; exit 0", () => {
  const { status, stdout, stderr } = inspect(["--psk", psk.psk!, base64(psk.offer), base64(psk.answer!)]);
  assert.is(status, 0, stderr);
  assert.match(stdout, /ok {2}MAC: fits the shared key/);
  assert.match(stdout, /ok {2}V: fits the offer and the key/);
  assert.ok(stdout.includes(`TGK: ${psk.tgk}`));
  for (const { tek, salt } of psk.sessions) assert.ok(stdout.includes(`key ${tek}, salt ${salt}`));
});

test("another key, or a changed message: what is wrong is said; exit 1", () => {
  const other = inspect(["--psk", "00".repeat(16), base64(psk.offer)]);
  assert.is(other.status, 1);
  assert.match(other.stdout, /WRONG {2}MAC: does not fit the shared key/);
  assert.not.match(other.stdout, /TGK:/);
});

test("certificates, envelope and authority from files; the same as JSON", () => {
  const { authority, initiator, responder } = pke.certificates!;
  const files = [
    "--ca",
    file("ca.pem", authority),
    "--cert",
    file("alice.pem", initiator.certificatePem),
    "--key",
    file("bob.key", responder.privateKeyPem),
    "--at",
    pke.time,
  ];
  const words = inspect([...files, base64(pke.offer), base64(pke.answer!)]);
  assert.is(words.status, 0, words.stdout + words.stderr);
  assert.ok(words.stdout.includes(`TGK: ${pke.tgk}`));
  const json = inspect([...files, "--json", base64(pke.offer), base64(pke.answer!)]);
  assert.is(json.status, 0, json.stderr);
  const [offer] = JSON.parse(json.stdout) as { keys: { key: string }[]; checks: { result?: boolean }[] }[];
  assert.is(offer.keys[0].key, pke.tgk);
  assert.ok(offer.checks.every(({ result }) => result === true));
  const expired = inspect([...files.slice(0, -1), "2100-01-01T00:00:00Z", base64(pke.offer)]);
  assert.is(expired.status, 1);
  assert.match(expired.stdout, /WRONG {2}certificate: .* ended 2049/);
});

test("a whole INVITE, or broken base64, through standard input", () => {
  const invite = `INVITE sip:bob@example.com SIP/2.0\r\nTo: <sip:bob@example.com>\r\n\r\nv=0\r\na=key-mgmt:mikey ${base64(psk.offer)}\r\n`;
  const broken = base64(psk.offer).replace(/.{76}/g, "$&\n");
  for (const text of [invite, broken]) {
    const { status, stdout } = inspect(["--psk", psk.psk!, "-"], text);
    assert.is(status, 0);
    assert.is(stdout.match(/HDR common header/g)?.length, 1);
    assert.match(stdout, /ok {2}MAC: fits the shared key/);
  }
});

test("garbage is said to be garbage, in one line, with the name of the file it came from; exit 1, nothing thrown", () => {
  const text = file("text.pem", "not a key\n");
  const cases: [parameters: string[], input: string, words: RegExp][] = [
    [[""], "", /no message/],
    [["-"], "", /no message/],
    [["!!!!"], "", /base64/],
    [["AAAA"], "", /version 170 is not known \(byte 0/],
    [["AQ=="], "", /data type needs 1 bytes, 0 are left \(byte 1, truncated\)/],
    [["-"], "A".repeat(3_000_000), /at most 16384 are read/],
    [["-"], randomBytes(60_000).toString("base64").replace(/.{76}/g, "$&\n"), /breaks off|base64/],
    [["--key", text, "AAAA"], "", /text\.pem holds no private key/],
    [["--ca", text, "AAAA"], "", /text\.pem holds no certificate/],
    [["--cert", text, "AAAA"], "", /text\.pem holds no certificate/],
    [["--key", join(folder, "nowhere.pem"), "AAAA"], "", /nowhere\.pem cannot be read \(ENOENT\)/],
    [["--psk", "xyz", "AAAA"], "", /even number of hexadecimal digits/],
    [["--at", "never", "AAAA"], "", /a time such as/],
    [["--compat", "other", "AAAA"], "", /minisip/],
    [[], "", /missing required argument/],
  ];
  for (const [parameters, input, words] of cases) {
    const { status, stdout, stderr } = inspect(parameters, input);
    const said = stdout + stderr;
    const what = `${parameters.join(" ")}: ${said.slice(0, 200)}`;
    assert.is(status, 1, what);
    assert.ok(words.test(said), what);
    assert.ok(said.length < 2000, what);
    assert.not.match(said, /^\s+at .*:\d+:\d+\)?$/m, what);
  }
});

test.run();
