// Configuration: every error names the field, the value and what is allowed.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError, loadConfig, parseConfig } from "../../../firmware/config/index.js";

const test = suite("config", { folder: "" });
test.before((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "sotto-config-"));
});
test.after((context) => rmSync(context.folder, { recursive: true }));

const alice = { uri: "sip:alice@example.com", security: "off" };

function problems(json: unknown): string[] {
  const outcome = parseConfig(json);
  return "problems" in outcome ? outcome.problems.map((p) => `${p.field}: ${p.text}`) : [];
}

test("the smallest configuration gets every default", () => {
  const outcome = parseConfig({ accounts: [{ uri: "sip:alice@example.com" }] });
  assert.ok("config" in outcome);
  assert.is(outcome.config.board, "host");
  assert.is(outcome.config.accounts[0].security, "required");
  assert.equal(outcome.config.accounts[0].codecs, ["PCMU", "PCMA"]);
  assert.is(outcome.config.sip.port, 5060);
});

const bad: [string, unknown, string[]][] = [
  ["no accounts", {}, ["accounts", "missing"]],
  ["empty accounts", { accounts: [] }, ["accounts", "at least one account"]],
  [
    "wrong security word",
    { accounts: [{ ...alice, security: "maybe" }] },
    ["accounts[0].security", '"maybe"', '"required"', '"preferred"', '"off"'],
  ],
  ["unknown field", { accounts: [alice], volume: 3 }, ["volume", "not known", "accounts", "ring"]],
  [
    "unknown field deep inside",
    { accounts: [{ ...alice, keying: { metod: "dh" } }] },
    ["accounts[0].keying.metod", "not known", "trustAnchors"],
  ],
  ["port too large", { accounts: [alice], sip: { port: 70000 } }, ["sip.port", "70000", "65535"]],
  ["port not whole", { accounts: [alice], sip: { port: 5060.5 } }, ["sip.port", "5060.5"]],
  ["port as text", { accounts: [alice], sip: { port: "5060" } }, ["sip.port", '"5060"', "whole number"]],
  [
    "address that is none",
    { accounts: [alice], sip: { address: "localhost" } },
    ["sip.address", '"localhost"', "IP address"],
  ],
  ["URI that is none", { accounts: [{ uri: "alice" }] }, ["accounts[0].uri", '"alice"', "SIP URI"]],
  ["codec we lack", { accounts: [{ ...alice, codecs: ["OPUS"] }] }, ["accounts[0].codecs[0]", '"OPUS"', '"PCMU"']],
  ["codec twice", { accounts: [{ ...alice, codecs: ["PCMU", "PCMU"] }] }, ["accounts[0].codecs", "once"]],
  ["too narrow RTP range", { accounts: [alice], rtp: { portMin: 40000, portMax: 40001 } }, ["rtp", "at least 7"]],
  ["list instead of object", [], ["object"]],
  [
    "a key agreement there is not",
    { accounts: [{ ...alice, keying: { offer: ["dh", "magic"] } }] },
    ["accounts[0].keying.offer", '"dh"', '"rsa-r"', "list"],
  ],
  [
    "a suite there is not",
    { accounts: [{ ...alice, keying: { suites: ["ROT13"] } }] },
    ["accounts[0].keying.suites[0]", '"ROT13"', '"AEAD_AES_128_GCM"'],
  ],
  [
    "a suite twice, for one peer",
    {
      accounts: [
        { ...alice, keying: { peers: [{ peer: "sip:b@c.d", suites: ["AEAD_AES_128_GCM", "AEAD_AES_128_GCM"] }] } },
      ],
    },
    ["accounts[0].keying.peers[0].suites", "once"],
  ],
  [
    "keys that would not last for the changing of them",
    { accounts: [{ ...alice, keying: { keyPackets: 100 } }] },
    ["accounts[0].keying.keyPackets", "100", "512"],
  ],
];
for (const [name, json, words] of bad)
  test(name, () => {
    const found = problems(json);
    assert.is(found.length, 1, found.join("\n"));
    for (const word of words) assert.ok(found[0].includes(word), `${found[0]} should name ${word}`);
  });

test("several errors are all told at once", () => {
  assert.is(problems({ accounts: [{ uri: "x", security: "y" }], bord: "host" }).length, 3);
});

function load(folder: string, content: string | object): string {
  const file = join(folder, "config.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  try {
    loadConfig(file);
    return "";
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as Error).message;
  }
}

test("a file that is not there", () => {
  assert.throws(() => loadConfig("/nowhere/config.json"), /\/nowhere\/config\.json.*ENOENT/);
});

test("a file that is not JSON: says the line, quotes nothing of it", ({ folder }) => {
  const message = load(folder, '{\n  "password": hunter2\n}');
  assert.match(message, /line 2, column/);
  assert.not.match(message, /hunter2/);
  assert.match(load(folder, ""), /not JSON/);
});

test("files it names must exist, secret ones must be private", ({ folder }) => {
  writeFileSync(join(folder, "psk.hex"), "00".repeat(16));
  chmodSync(join(folder, "psk.hex"), 0o644);
  const account = {
    uri: "sip:alice@example.com",
    keying: { offer: "psk", sharedKeys: [{ peer: "sip:bob@example.com", file: "psk.hex" }] },
  };
  assert.match(
    load(folder, { accounts: [account] }),
    /sharedKeys\[0\]\.file: .*psk\.hex can be read by others \(mode 644\)/,
  );
  chmodSync(join(folder, "psk.hex"), 0o600);
  assert.is(load(folder, { accounts: [account] }), "");
  account.keying.sharedKeys[0].file = "gone.hex";
  assert.match(load(folder, { accounts: [account] }), /gone\.hex.*ENOENT/);
});

test("a method without what it needs", ({ folder }) => {
  assert.match(load(folder, { accounts: [{ uri: "sip:a@b.c" }] }), /"dh", which needs certificate/);
  assert.match(load(folder, { accounts: [{ uri: "sip:a@b.c", keying: { offer: "psk" } }] }), /sharedKeys: is empty/);
  const mixed = { uri: "sip:a@b.c", keying: { offer: ["dhhmac", "dh"] } };
  assert.match(load(folder, { accounts: [mixed] }), /offer has "dh", which[^\n]*\n[^\n]*offer has "dhhmac"/);
  assert.match(load(folder, { accounts: [alice, alice] }), /accounts\[1\]\.uri: .*twice/);
});

test("what is different for one peer needs its keys too", ({ folder }) => {
  writeFileSync(join(folder, "psk.hex"), "00".repeat(16), { mode: 0o600 });
  const keying = {
    offer: "psk",
    sharedKeys: [{ peer: "sip:bob@example.com", file: "psk.hex" }],
    peers: [{ peer: "sip:bob@example.com", offer: ["dhhmac", "psk"], suites: ["AEAD_AES_128_GCM"] }],
  };
  const account = { uri: "sip:alice@example.com", keying };
  assert.is(load(folder, { accounts: [account] }), "");
  keying.peers[0].offer = ["dh"];
  assert.match(load(folder, { accounts: [account] }), /peers\[0\]\.offer: has "dh", for which there is no key/);
  keying.peers[0] = { peer: "sip:carol@example.com", offer: ["psk"], suites: ["AEAD_AES_128_GCM"] };
  assert.match(load(folder, { accounts: [account] }), /peers\[0\]\.offer: has "psk", for which there is no key/);
});

test("sips without TLS, an agreement with nothing to agree on", ({ folder }) => {
  const account = { uri: "sips:a@b.c", security: "off" };
  assert.match(
    load(folder, { accounts: [account] }),
    /accounts\[0\]\.uri: got "sips:a@b\.c", which is reached over TLS only/,
  );
  const registering = { uri: "sip:a@b.c", registrar: "sips:b.c", security: "off" };
  assert.match(load(folder, { accounts: [registering] }), /accounts\[0\]\.registrar: .*TLS only/);
  const agreeing = { uri: "sip:a@b.c", security: "off", securityAgreement: "required" };
  assert.match(load(folder, { accounts: [agreeing] }), /securityAgreement: has nothing to agree on/);
});

test("the secrets of TLS are never written because a configuration says so: the process has to be started for it too", ({
  folder,
}) => {
  const json = { sip: { tls: { keyLogFile: "keys.txt" } }, accounts: [{ uri: "sip:a@b.c", security: "off" }] };
  const before = process.env["SOTTO_TLS_KEY_LOG"];
  try {
    for (const value of [undefined, "", "1", "true"]) {
      if (value === undefined) delete process.env["SOTTO_TLS_KEY_LOG"];
      else process.env["SOTTO_TLS_KEY_LOG"] = value;
      assert.match(load(folder, json), /sip\.tls\.keyLogFile: undoes TLS/);
    }
    process.env["SOTTO_TLS_KEY_LOG"] = "allow";
    assert.not.match(load(folder, json), /keyLogFile/);
  } finally {
    if (before === undefined) delete process.env["SOTTO_TLS_KEY_LOG"];
    else process.env["SOTTO_TLS_KEY_LOG"] = before;
  }
});

test.run();
