// The keys of a first start: what is made, that a configuration with them is complete, and that nothing that was there is touched.

import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeMissingKeys } from "../../../firmware/cli/keys.js";
import { loadConfig } from "../../../firmware/config/index.js";

const test = suite<{ folder: string; config: string }>("first keys");

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "sotto-keys-"));
  context.config = join(context.folder, "sotto.json");
  const keying = { certificate: "keys/me.crt", privateKey: "keys/me.key", trustAnchors: ["keys/ca.crt"] };
  writeFileSync(context.config, JSON.stringify({ accounts: [{ uri: "sip:carol@example.com", keying }] }));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

test("a first start makes an authority, a certificate for the account and its key; then the configuration is whole", async (context) => {
  assert.throws(() => loadConfig(context.config), /cannot be read/);
  const made = await makeMissingKeys(context.config);
  assert.is(made.length, 3);
  for (const file of made) assert.is(statSync(file).mode & 0o777, 0o600, file);
  const [ca, own] = ["ca.crt", "me.crt"].map(
    (name) => new X509Certificate(readFileSync(join(context.folder, "keys", name))),
  );
  assert.ok(own.verify(ca.publicKey), "issued by the authority");
  assert.match(own.subjectAltName ?? "", "URI:sip:carol@example.com");
  assert.is(loadConfig(context.config).accounts[0].uri, "sip:carol@example.com");
});

test("a clock that was never set does not make certificates that are worth nothing once it is", async (context) => {
  await makeMissingKeys(context.config, 0);
  const own = new X509Certificate(readFileSync(join(context.folder, "keys", "me.crt")));
  assert.ok(Date.parse(own.validFrom) <= Date.UTC(2020, 0, 1));
  assert.ok(Date.parse(own.validTo) > Date.UTC(2035, 0, 1));
});

test("a second start changes nothing", async (context) => {
  const [file] = (await makeMissingKeys(context.config)).slice(-1);
  const before = readFileSync(file, "utf8");
  assert.equal(await makeMissingKeys(context.config), []);
  assert.is(readFileSync(file, "utf8"), before);
});

test("half of somebody's own pair is an error, never overwritten", async (context) => {
  mkdirSync(join(context.folder, "keys"));
  writeFileSync(join(context.folder, "keys", "me.crt"), "theirs");
  try {
    await makeMissingKeys(context.config);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /go together/);
  }
  assert.is(readFileSync(join(context.folder, "keys", "me.crt"), "utf8"), "theirs");
});

test("a power cut between the files is finished at the next start", async (context) => {
  const [ca, certificate, key] = await makeMissingKeys(context.config);
  const before = readFileSync(key, "utf8");
  for (const file of [certificate, key]) renameSync(file, `${file}.ready`);
  assert.equal(await makeMissingKeys(context.config), [certificate, key]);
  assert.is(readFileSync(key, "utf8"), before);
  for (const file of [certificate, key]) rmSync(file);
  rmSync(ca);
  writeFileSync(`${ca}.ready`, "half");
  assert.is((await makeMissingKeys(context.config)).length, 3);
  assert.not(existsSync(`${ca}.ready`));
});

test.run();
