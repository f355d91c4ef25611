// Revocation lists made by OpenSSL: withdrawn certificates are refused, old and foreign lists are told apart.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { certificatesFromPem, TrustStore } from "../../../firmware/crypto/certificates.js";
import { createAuthority, issueIdentity } from "../../../firmware/crypto/issue.js";
import { RevocationLists } from "../../../firmware/crypto/revocation.js";
import { needTool } from "../../interop/tools.js";
import { bad, good } from "../../results.js";

const test = suite("revocation");
const openssl = needTool("openssl");
const DAY = 86_400_000;
const nowMs = Date.now();
const valid = { notBeforeMs: nowMs - DAY, notAfterMs: nowMs + 300 * DAY };

if (openssl) {
  const folder = mkdtempSync(join(tmpdir(), "crl-"));
  const authority = await createAuthority({ ...valid, commonName: "CRL CA" });
  const other = await createAuthority({ ...valid, commonName: "CRL CA" });
  const [alice, bob] = await Promise.all(
    ["sip:alice@example.com", "sip:bob@example.com"].map((uri) => issueIdentity(authority, { ...valid, uri })),
  );

  /** A list signed by an authority, of these certificates. */
  const listOf = (issuer: typeof authority, withdrawn: readonly string[], days = 30): string => {
    const at = (name: string) => join(folder, name);
    writeFileSync(at("ca.pem"), issuer.certificatePem);
    writeFileSync(at("ca.key"), issuer.privateKeyPem);
    writeFileSync(at("index.txt"), "");
    writeFileSync(at("crlnumber"), "01\n");
    const lines = ["[ca]", "default_ca=x", "[x]", `database=${at("index.txt")}`, `crlnumber=${at("crlnumber")}`];
    writeFileSync(at("ca.conf"), `${[...lines, "default_md=sha256", "policy=p", "[p]"].join("\n")}\n`);
    const run = (...args: string[]) =>
      execFileSync(
        openssl,
        ["ca", "-config", at("ca.conf"), "-cert", at("ca.pem"), "-keyfile", at("ca.key"), ...args],
        { stdio: "pipe" },
      );
    for (const pem of withdrawn) {
      writeFileSync(at("one.pem"), pem);
      run("-revoke", at("one.pem"));
    }
    run("-gencrl", "-crldays", String(days), "-out", at("list.pem"));
    return readFileSync(at("list.pem"), "utf8");
  };
  const ask = (revocation: RevocationLists, identity: typeof alice, uri: string, atMs = nowMs + 60_000) =>
    new TrustStore(authority.certificatePem, { revocation }).verify(certificatesFromPem(identity.chainPem), uri, atMs);

  test("a withdrawn certificate is refused, another is not", async () => {
    const lists = new RevocationLists([listOf(authority, [alice.certificatePem])]);
    bad(await ask(lists, alice, "sip:alice@example.com"), "certificate-revoked");
    good(await ask(lists, bob, "sip:bob@example.com"));
    bad(await ask(lists, alice, "sip:alice@example.com", nowMs + 40 * DAY), "certificate-revoked");
  });

  test("required: a current list of the authority's own must be there", async () => {
    const required = { required: true };
    const good_ = new RevocationLists([listOf(authority, [])], required);
    good(await ask(good_, bob, "sip:bob@example.com"));
    bad(await ask(good_, bob, "sip:bob@example.com", nowMs + 31 * DAY), "revocation-unknown");
    bad(await ask(new RevocationLists([], required), bob, "sip:bob@example.com"), "revocation-unknown");
    const foreign = new RevocationLists([listOf(other, [bob.certificatePem])], required);
    bad(await ask(foreign, bob, "sip:bob@example.com"), "revocation-unknown");
    good(await ask(new RevocationLists([listOf(other, [bob.certificatePem])]), bob, "sip:bob@example.com"));
  });

  test("newer lists count at once, also for what was verified before", async () => {
    const revocation = new RevocationLists([listOf(authority, [])]);
    const store = new TrustStore(authority.certificatePem, { revocation });
    const chain = certificatesFromPem(alice.chainPem);
    good(await store.verify(chain, "sip:alice@example.com", nowMs + 60_000));
    revocation.replace([listOf(authority, [alice.certificatePem])]);
    bad(await store.verify(chain, "sip:alice@example.com", nowMs + 60_000), "certificate-revoked");
    assert.throws(() => revocation.replace(["nothing"]), TypeError);
    assert.throws(() => revocation.replace([new Uint8Array(20)]), TypeError);
    bad(await store.verify(chain, "sip:alice@example.com", nowMs + 60_000), "certificate-revoked");
  });

  test.after(() => rmSync(folder, { recursive: true }));
}

test.run();
