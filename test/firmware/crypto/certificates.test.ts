// Certificate paths and SIP identities, on chains made by another library; and our own authority's certificates.

import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseCertificate } from "../../../firmware/crypto/certificate-path.js";
import { certificatesFromPem, TrustStore } from "../../../firmware/crypto/certificates.js";
import { createAuthority, createIntermediate, issueIdentity } from "../../../firmware/crypto/issue.js";
import { which } from "../../interop/tools.js";
import { bad, good } from "../../results.js";
import { vectors } from "../../vectors.js";

const test = suite("certificates");

const made = vectors<{
  anchors: string;
  uri: string;
  atMs: number;
  cases: { name: string; chain: string[]; code: string | null }[];
}>("certificates");

for (const { name, chain, code } of made.cases)
  test(`${name}: ${code ?? "good"}`, async () => {
    const store = new TrustStore(made.anchors);
    const result = await store.verify(chain.flatMap(certificatesFromPem), made.uri, made.atMs);
    if (code) bad(result, code);
    else {
      const verified = good(result);
      assert.is(verified.publicKey.asymmetricKeyType, "rsa");
      assert.is(verified.fingerprint, new X509Certificate(chain[0]).fingerprint256.replaceAll(":", "").toLowerCase());
    }
  });

test("a verified path is remembered: the second time costs no signature, yet dates and identity count", async () => {
  const chain = certificatesFromPem(made.cases[1].chain.join(""));
  const store = new TrustStore(made.anchors, { rememberMs: 1000 });
  const first = good(await store.verify(chain, made.uri, made.atMs));
  const again = good(await store.verify(chain, made.uri, made.atMs + 999));
  assert.is(again.publicKey, first.publicKey, "the same key object: nothing was parsed again");
  const later = good(await store.verify(chain, made.uri, made.atMs + 1001));
  assert.is.not(later.publicKey, first.publicKey);
  const backwards = good(await store.verify(chain, made.uri, made.atMs - 1001));
  assert.is.not(backwards.publicKey, later.publicKey);
  bad(await store.verify(chain, "sip:bob@example.com", made.atMs), "identity-mismatch");
  bad(await store.verify(chain, made.uri, Date.UTC(2046, 0, 2)), "certificate-expired");
});

test("the memory of verified paths is bounded", async () => {
  const store = new TrustStore(made.anchors, { capacity: 1 });
  const one = certificatesFromPem(made.cases[0].chain.join(""));
  const two = certificatesFromPem(made.cases[1].chain.join(""));
  const first = good(await store.verify(one, made.uri, made.atMs));
  good(await store.verify(two, made.uri, made.atMs));
  assert.is.not(good(await store.verify(one, made.uri, made.atMs)).publicKey, first.publicKey);
});

test("chains of no, too many, damaged and foreign bytes", async () => {
  const store = new TrustStore(made.anchors);
  const [leaf] = certificatesFromPem(made.cases[0].chain[0]);
  const verify = (chain: Uint8Array[]) => store.verify(chain, made.uri, made.atMs);
  bad(await verify([]), "malformed-certificate");
  bad(await verify(Array.from({ length: 6 }, () => leaf)), "malformed-certificate");
  bad(await verify([new Uint8Array(9000)]), "malformed-certificate");
  const longer = new Uint8Array(leaf.length + 1);
  longer.set(leaf);
  bad(await verify([longer]), "malformed-certificate");
  // The last 270 bytes hold what the authority did not sign: algorithm and signature themselves.
  for (let at = leaf.length - 290; at < leaf.length; at += 3) {
    const damaged = leaf.slice();
    damaged[at] ^= 1 << (at % 8);
    assert.not((await verify([damaged])).ok, `byte ${at}`);
  }
  let state = 7;
  for (let i = 0; i < 120; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const damaged = leaf.slice();
    damaged[state % damaged.length] ^= 1 + (i % 255);
    assert.not((await verify([damaged])).ok, `damage ${i}`);
    assert.type(parseCertificate(damaged.subarray(0, state % damaged.length)).ok, "boolean");
  }
});

test("trust anchors that cannot be read are refused at once", () => {
  assert.throws(() => new TrustStore(""), TypeError);
  assert.throws(() => new TrustStore("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"), TypeError);
});

const now = Date.UTC(2026, 5, 1);
const valid = { notBeforeMs: now - 86_400_000, notAfterMs: now + 86_400_000 };

test("an authority's path length is what was asked for, and no limit where nothing was (RFC 5280 section 4.2.1.9)", async () => {
  // BasicConstraints in DER: SEQUENCE { cA TRUE [, pathLenConstraint] } behind its OID 2.5.29.19 and critical TRUE.
  const head = "0603551d130101ff04";
  for (const [pathLength, der] of [
    [undefined, "0530030101ff"],
    [0, "0830060101ff020100"],
    [3, "0830060101ff020103"],
  ] as const) {
    const { certificatePem } = await createAuthority({ ...valid, commonName: "Some CA", pathLength });
    const bytes = Buffer.from(new X509Certificate(certificatePem).raw).toString("hex");
    assert.ok(bytes.includes(head + der), `${pathLength}`);
    if (which("openssl")) {
      const text = execFileSync("openssl", ["x509", "-noout", "-text"], { input: certificatePem, encoding: "utf8" });
      assert.match(text, pathLength === undefined ? /CA:TRUE\n/ : new RegExp(`CA:TRUE, pathlen:${pathLength}\n`));
    }
  }
  const root = await createAuthority({ ...valid, commonName: "Free CA" });
  const middle = await createIntermediate(root, { ...valid, commonName: "Below" });
  const lower = await createIntermediate(middle, { ...valid, commonName: "Further below" });
  const uri = "sip:deep@example.test";
  const deep = await issueIdentity(lower, { ...valid, uri });
  const chain = certificatesFromPem(deep.chainPem);
  good(await new TrustStore(root.certificatePem).verify(chain, uri, valid.notBeforeMs + 1000));
});

test("our own authority: root, intermediate, identity", async () => {
  const root = await createAuthority({ ...valid, commonName: "Own CA", pathLength: 1 });
  const middle = await createIntermediate(root, { ...valid, commonName: "Own intermediate", pathLength: 0 });
  const deep = await createIntermediate(middle, { ...valid, commonName: "Too deep" });
  const alice = await issueIdentity(middle, { ...valid, uri: "sip:alice@[2001:DB8::1]" });
  const eve = await issueIdentity(deep, { ...valid, uri: "sip:eve@example.com" });
  const store = new TrustStore(root.certificatePem);
  const verified = good(await store.verify(certificatesFromPem(alice.chainPem), "sip:alice@[2001:db8::1]:5070", now));
  assert.is(verified.ca, "Own CA");
  assert.is(verified.subject, "sip:alice@[2001:DB8::1]");
  assert.is(verified.notAfterMs, valid.notAfterMs);
  bad(await store.verify(certificatesFromPem(eve.chainPem), "sip:eve@example.com", now), "bad-certificate-path");
  const x509 = new X509Certificate(alice.certificatePem);
  assert.ok(x509.verify(new X509Certificate(middle.certificatePem).publicKey));
  assert.is(x509.subjectAltName, "URI:sip:alice@[2001:DB8::1]");
  assert.not(x509.ca);
  assert.ok(new X509Certificate(root.certificatePem).ca);
  if (!which("openssl")) return console.log("skipped: openssl is not here");
  const folder = mkdtempSync(join(tmpdir(), "certificates-"));
  try {
    for (const [name, text] of Object.entries({
      root: root.certificatePem,
      chain: alice.chainPem,
      leaf: alice.certificatePem,
    }))
      writeFileSync(join(folder, name), text);
    const at = ["-attime", String(now / 1000), "-x509_strict"];
    const args = [
      "verify",
      ...at,
      "-CAfile",
      join(folder, "root"),
      "-untrusted",
      join(folder, "chain"),
      join(folder, "leaf"),
    ];
    assert.match(execFileSync("openssl", args, { encoding: "utf8" }), /: OK/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("requests that make no sense are refused", async () => {
  const root = await createAuthority({ ...valid, commonName: "Own CA" });
  await rejects(issueIdentity(root, { ...valid, uri: "mailto:alice@example.com" }), /not a SIP URI/);
  await rejects(createAuthority({ notBeforeMs: now, notAfterMs: now, commonName: "x" }), /validity/);
});

async function rejects(work: Promise<unknown>, reason: RegExp): Promise<void> {
  try {
    await work;
  } catch (error) {
    assert.match(String(error), reason);
    return;
  }
  assert.unreachable("was accepted");
}

test.run();
