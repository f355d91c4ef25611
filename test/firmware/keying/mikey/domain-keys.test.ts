// DomainKeys from a real DNS server (dnsmasq), their cache folder, and calls whose keys they vouch for.

import { spawn } from "node:child_process";
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createSocket } from "node:dgram";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as packet from "dns-packet";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DomainKeys, printRecord, recordName } from "../../../../firmware/keying/mikey/domain-keys/index.js";
import { createMikeyKeying } from "../../../../firmware/keying/mikey/index.js";
import { dnsClient } from "../../../../firmware/sip/index.js";
import { needTool } from "../../../interop/tools.js";
import { bad, good } from "../../../results.js";
import { random } from "../../mikey/people.js";
import { openPair, SetClock } from "./phones.js";

const test = suite("domain keys");
const nowMs = Date.UTC(2026, 5, 1);
const folder = mkdtempSync(join(tmpdir(), "domain-keys-"));
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
const small = generateKeyPairSync("rsa", { modulusLength: 1024 });
const ed = generateKeyPairSync("ed25519");
const pem = (key: KeyObject) => String(key.export({ type: "pkcs8", format: "pem" }));

/** A TXT record in dnsmasq's configuration: strings of at most 255 bytes, commas between them. */
const txt = (name: string, text: string) =>
  `txt-record=${name},${(text.match(/.{1,200}/g) ?? [""]).map((one) => `"${one}"`).join(",")}`;

const dnsmasq = needTool("dnsmasq", "Debian: dnsmasq-base");

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

async function startDns() {
  const port = await freeUdpPort();
  const config = [
    `port=${port}`,
    "listen-address=127.0.0.1",
    "bind-interfaces",
    "no-resolv",
    "no-hosts",
    "local=/test/",
    "local-ttl=30",
    "user=root",
    "pid-file=",
    txt("alice._domainkey.a.test", printRecord(rsa.publicKey)),
    txt("bob._domainkey.b.test", `v=DKIM1; ${printRecord(other.publicKey)}`),
    txt("carol._domainkey.a.test", printRecord(ed.publicKey)),
    txt("dave._domainkey.a.test", "k=rsa; p="),
    txt("erin._domainkey.a.test", "k=rsa; p=AAAA"),
    txt("small._domainkey.a.test", printRecord(small.publicKey)),
    txt("text._domainkey.a.test", "hello"),
  ];
  const file = join(folder, "dnsmasq.conf");
  writeFileSync(file, `${config.join("\n")}\n`);
  const child = spawn(dnsmasq ?? "", ["-k", "-C", file], { stdio: "ignore" });
  const dns = dnsClient({ servers: [`127.0.0.1:${port}`], timeoutMs: 2000 });
  for (let i = 0; i < 400; i++) {
    const answer = await dns.query("alice._domainkey.a.test", "TXT");
    if (answer.ok && answer.value.records.length === 1) return { dns, stop: () => child.kill() };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill();
  throw new Error("dnsmasq does not answer");
}

test("names: as the seed has them, and none that a file or the DNS could not hold", () => {
  assert.is(recordName("sip:andreas.steffen@hsr.ch"), "andreas.steffen._domainkey.hsr.ch");
  assert.is(recordName("sip:Bob@BILOXI.com:5060"), "bob._domainkey.biloxi.com");
  for (const uri of [
    "sip:a/b@c.test",
    "sip:..@c.test",
    "sip:bob@192.0.2.1",
    "sip:example.com",
    "sip:b%2fb@c.test",
    "x",
  ])
    assert.is(recordName(uri), undefined);
});

if (dnsmasq) {
  const { dns, stop } = await startDns();

  test("keys from the DNS: RSA and Ed25519; withdrawn, unreadable, too small, missing ones refused", async () => {
    const keys = new DomainKeys({ dns });
    const found = good(await keys.find("sip:alice@a.test", "encryption", nowMs));
    assert.ok(found.publicKey.equals(rsa.publicKey));
    assert.is(found.proof.kind === "domain-key" && found.proof.record, "alice._domainkey.a.test");
    assert.ok(good(await keys.find("sip:carol@a.test", "signature", nowMs)).publicKey.equals(ed.publicKey));
    bad(await keys.find("sip:carol@a.test", "encryption", nowMs), "unusable-public-key");
    bad(await keys.find("sip:dave@a.test", "signature", nowMs), "domain-key-revoked");
    bad(await keys.find("sip:erin@a.test", "signature", nowMs), "bad-domain-key");
    bad(await keys.find("sip:small@a.test", "signature", nowMs), "bad-domain-key");
    good(await new DomainKeys({ dns, minRsaBits: 1024 }).find("sip:small@a.test", "signature", nowMs));
    bad(await keys.find("sip:text@a.test", "signature", nowMs), "no-domain-key");
    bad(await keys.find("sip:nobody@a.test", "signature", nowMs), "no-domain-key");
    bad(await keys.find("sip:bob@192.0.2.1", "signature", nowMs), "no-domain-key");
  });

  test("the folder: PEM files named as the record, good for their TTL; one put there by hand has no end", async () => {
    const cache = join(folder, "cache");
    const asked: string[] = [];
    const counting = {
      query(name: string, type: "TXT") {
        asked.push(name);
        return dns.query(name, type);
      },
    };
    const keys = () => new DomainKeys({ dns: counting as typeof dns, folder: cache });
    good(await keys().find("sip:alice@a.test", "signature", nowMs));
    const file = join(cache, "alice._domainkey.a.test");
    assert.ok(existsSync(file));
    assert.ok(createPublicKey(readFileSync(file)).equals(rsa.publicKey), "OpenSSL reads the file as it is");
    good(await keys().find("sip:alice@a.test", "signature", nowMs + 29_000));
    assert.is(asked.length, 1, "the file is enough");
    good(await keys().find("sip:alice@a.test", "signature", nowMs + 31_000));
    assert.is(asked.length, 2, "after its TTL the DNS is asked again");
    writeFileSync(join(cache, "hand._domainkey.a.test"), other.publicKey.export({ type: "spki", format: "pem" }));
    const hand = good(await keys().find("sip:hand@a.test", "signature", nowMs * 2));
    assert.ok(hand.publicKey.equals(other.publicKey));
    assert.is(asked.length, 2);
  });

  for (const method of ["dh", "pke", "rsa-r"] as const)
    test(`${method}: a call between phones that know each other by DomainKeys alone`, async () => {
      const keyingFor = (key: KeyObject, offer: typeof method) =>
        createMikeyKeying({
          offer,
          identity: { privateKeyPem: pem(key) },
          directory: new DomainKeys({ dns }),
          clock: new SetClock(),
          random,
        });
      const uris = {
        callerLocal: "sip:alice@a.test",
        dialled: "sip:bob@b.test",
        calleeLocal: "sip:bob@b.test",
        from: "sip:alice@a.test",
      };
      const pair = openPair(keyingFor(rsa.privateKey, method), keyingFor(other.privateKey, method), uris);
      const answer = good(await pair.callee.answer(good(await pair.caller.offer())));
      const peer = good(await pair.caller.accept(answer));
      assert.is(peer.proof.kind, "domain-key");
      assert.equal(pair.atCaller.keys[0].tx.masterKey, pair.atCallee.keys[0].rx.masterKey);
      // Alice's name with Bob's key is not Alice.
      const liar = openPair(
        keyingFor(createPrivateKey(pem(other.privateKey)), method),
        keyingFor(other.privateKey, method),
        uris,
      );
      const refused = await liar.callee.answer(good(await liar.caller.offer()));
      assert.is(refused.ok ? "" : refused.error.code, "bad-signature");
    });

  test.after(() => {
    stop();
    rmSync(folder, { recursive: true });
  });
}

/** A server that answers every question with one record, with AD or without. */
async function scripted(isAuthenticated: boolean) {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => {
    const question = packet.decode(bytes);
    const wantsAd = question.flag_ad;
    const flags = packet.RECURSION_AVAILABLE | (isAuthenticated && wantsAd ? packet.AUTHENTIC_DATA : 0);
    const [asked] = question.questions ?? [];
    const answers = [
      { type: "TXT" as const, name: asked.name, ttl: 60, data: printRecord(rsa.publicKey).match(/.{1,200}/g) ?? [] },
    ];
    socket.send(
      packet.encode({ type: "response", id: question.id, flags, questions: question.questions, answers }),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { dns: dnsClient({ servers: [`127.0.0.1:${socket.address().port}`] }), stop: () => socket.close() };
}

test("the AD bit is reported, and wanted where the policy says so", async () => {
  for (const isAuthenticated of [true, false]) {
    const { dns, stop } = await scripted(isAuthenticated);
    const found = good(await new DomainKeys({ dns }).find("sip:alice@a.test", "signature", nowMs));
    assert.is(found.proof.kind === "domain-key" && found.proof.isAuthenticated, isAuthenticated);
    const strict = await new DomainKeys({ dns, requiresAuthenticated: true }).find(
      "sip:alice@a.test",
      "signature",
      nowMs,
    );
    if (isAuthenticated) good(strict);
    else bad(strict, "domain-key-not-authenticated");
    stop();
  }
});

test("a DNS server that is silent: said so, and asked again next time", async () => {
  const dns = dnsClient({ servers: ["127.0.0.1:9"], timeoutMs: 50 });
  bad(await new DomainKeys({ dns }).find("sip:alice@a.test", "signature", nowMs), "dns-failure");
});

test.run();
