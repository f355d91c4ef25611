// DomainKeys by way of a validating resolver (unbound) over zones that are signed for the test: the AD bit as it really comes.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DomainKeys, printRecord } from "../../../../firmware/keying/mikey/domain-keys/index.js";
import { createMikeyKeying } from "../../../../firmware/keying/mikey/index.js";
import { dnsClient } from "../../../../firmware/sip/index.js";
import { needPeer, which } from "../../../interop/tools.js";
import { bad, good } from "../../../results.js";
import { freePort } from "../../../support/ports.js";
import { random } from "../../mikey/people.js";
import { openPair, SetClock } from "./phones.js";

const test = suite("domain keys, DNSSEC");

const nowMs = Date.now();
const folder = mkdtempSync(join(tmpdir(), "dnssec-"));
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed = generateKeyPairSync("ed25519");
const pem = (key: KeyObject) => String(key.export({ type: "pkcs8", format: "pem" }));

/** A zone file with both people's keys. */
function writeZone(zone: string): string {
  const strings = (text: string) => (text.match(/.{1,200}/g) ?? []).map((one) => `"${one}"`).join(" ");
  const lines = [
    `$ORIGIN ${zone}.`,
    "$TTL 60",
    `@ IN SOA ns.${zone}. admin.${zone}. 1 3600 600 86400 60`,
    `@ IN NS ns.${zone}.`,
    "ns IN A 127.0.0.1",
    `alice._domainkey IN TXT ${strings(printRecord(rsa.publicKey))}`,
    `carol._domainkey IN TXT ${strings(printRecord(ed.publicKey))}`,
  ];
  writeFileSync(join(folder, `${zone}.zone`), `${lines.join("\n")}\n`);
  return `${zone}.zone`;
}

/** Signs a zone; its key becomes a trust anchor. */
function signZone(zone: string): string {
  const run = (program: string, ...given: string[]) =>
    execFileSync(program, given, { cwd: folder, encoding: "utf8" }).trim();
  const key = run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone);
  run("ldns-signzone", "-f", `${zone}.signed`, writeZone(zone), key);
  appendFileSync(join(folder, "anchors"), readFileSync(join(folder, `${key}.ds`)));
  return `${zone}.signed`;
}

async function startResolver(): Promise<{ child: ChildProcess; server: string }> {
  const zones = {
    "signed.test": signZone("signed.test"),
    "forged.test": signZone("forged.test"),
    "open.test": writeZone("open.test"),
  };
  // Somebody on the way puts another key into an answer; he cannot sign it.
  const forged = join(folder, zones["forged.test"]);
  writeFileSync(forged, readFileSync(forged, "utf8").replaceAll("k=ed25519; p=", "k=ed25519; p=A"));
  const port = await freePort();
  const config = [
    "server:",
    ...['username: ""', 'chroot: ""', `directory: "${folder}"`, 'pidfile: ""', `interface: 127.0.0.1@${port}`],
    ...["do-daemonize: no", "use-syslog: no", 'logfile: ""', "verbosity: 0", 'local-zone: "test." nodefault'],
    ...['trust-anchor-file: "anchors"', 'module-config: "validator iterator"'],
    "remote-control:",
    "control-enable: no",
    ...Object.entries(zones).flatMap(([zone, file]) => [
      "auth-zone:",
      `name: "${zone}."`,
      `zonefile: "${file}"`,
      ...["for-downstream: no", "for-upstream: yes", "fallback-enabled: no"],
    ]),
  ];
  const file = join(folder, "unbound.conf");
  writeFileSync(file, `${config.join("\n")}\n`);
  const child = spawn(which("unbound") ?? "", ["-d", "-c", file], { stdio: "ignore" });
  const server = `127.0.0.1:${port}`;
  const dns = dnsClient({ servers: [server], timeoutMs: 500 });
  for (let i = 0; i < 400; i++) {
    const answer = await dns.query("alice._domainkey.open.test", "TXT");
    if (answer.ok && answer.value.records.length === 1) return { child, server };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill();
  throw new Error("unbound does not answer");
}

if (needPeer("unbound with ldnsutils", "unbound", "ldns-keygen", "ldns-signzone")) {
  const { child, server } = await startResolver();
  const dns = dnsClient({ servers: [server], timeoutMs: 10_000 });
  const keys = (requiresAuthenticated: boolean) => new DomainKeys({ dns, requiresAuthenticated });

  test("a signed zone's keys, RSA and Ed25519, are vouched for; an unsigned zone's are not", async () => {
    for (const [name, key] of [
      ["alice", rsa.publicKey],
      ["carol", ed.publicKey],
    ] as const) {
      for (const requires of [true, false]) {
        const found = good(await keys(requires).find(`sip:${name}@signed.test`, "signature", nowMs));
        assert.ok(found.publicKey.equals(key));
        assert.is(found.proof.kind === "domain-key" && found.proof.isAuthenticated, true);
      }
      const open = good(await keys(false).find(`sip:${name}@open.test`, "signature", nowMs));
      assert.is(open.proof.kind === "domain-key" && open.proof.isAuthenticated, false);
      bad(await keys(true).find(`sip:${name}@open.test`, "signature", nowMs), "domain-key-not-authenticated");
    }
  });

  test("a record changed after it was signed is no record: the resolver gives nothing, policy or not", async () => {
    for (const requires of [true, false])
      bad(await keys(requires).find("sip:carol@forged.test", "signature", nowMs), "dns-failure");
  });

  test("that somebody has no key is believed of a signed zone", async () => {
    bad(await keys(true).find("sip:nobody@signed.test", "signature", nowMs), "no-domain-key");
  });

  test("a call between a phone with an RSA and one with an Ed25519 key, both demanding DNSSEC", async () => {
    const keyingFor = (key: KeyObject) =>
      createMikeyKeying({
        offer: "dh",
        identity: { privateKeyPem: pem(key) },
        directory: keys(true),
        clock: new SetClock(),
        random,
      });
    const uris = (domain: string) => ({
      callerLocal: `sip:alice@${domain}`,
      dialled: `sip:carol@${domain}`,
      calleeLocal: `sip:carol@${domain}`,
      from: `sip:alice@${domain}`,
    });
    const pair = openPair(keyingFor(rsa.privateKey), keyingFor(ed.privateKey), uris("signed.test"));
    const peer = good(await pair.caller.accept(good(await pair.callee.answer(good(await pair.caller.offer())))));
    assert.is(peer.proof.kind === "domain-key" && peer.proof.isAuthenticated, true);
    assert.equal(pair.atCaller.keys[0].tx.masterKey, pair.atCallee.keys[0].rx.masterKey);
    const open = openPair(keyingFor(rsa.privateKey), keyingFor(ed.privateKey), uris("open.test"));
    const refused = await open.callee.answer(good(await open.caller.offer()));
    assert.is(refused.ok ? "" : refused.error.code, "domain-key-not-authenticated");
  });

  test.after(() => {
    child.kill();
    rmSync(folder, { recursive: true });
  });
}

test.run();
