// scripts/update before it reaches a device: where a device is, the owner's key, a release's files, and what is said when something is missing.

import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ownerKey, UPDATE_PORT } from "../../../firmware/update/index.js";
import { defaultKeyFile, makeOwnerKey, readOwnerKey } from "../../../scripts/update-device/key.js";
import { closeLink, openLink, parsePlace } from "../../../scripts/update-device/link.js";
import { deviceStatus, readRelease } from "../../../scripts/update-device/update.js";
import { needPeer } from "../../interop/tools.js";
import { suiteFolder } from "../../support/handset-process.js";
import { PtyPair } from "../../support/pty-pair.js";
import { checkout } from "../../vectors.js";

const test = suite("update");
const folder = suiteFolder("update-script");

test("a device is a host, with or without a port, or a serial line", () => {
  const network = (host: string, port = UPDATE_PORT) => ({ kind: "network", host, port });
  assert.equal(parsePlace("192.0.2.7"), network("192.0.2.7"));
  assert.equal(parsePlace("phone.lan:99"), network("phone.lan", 99));
  assert.equal(parsePlace("[2001:db8::1]:99"), network("2001:db8::1", 99));
  assert.equal(parsePlace("2001:db8::1"), network("2001:db8::1"));
  assert.equal(parsePlace("/dev/ttyUSB0", 9600), { kind: "serial", path: "/dev/ttyUSB0", speed: 9600 });
  for (const wrong of ["", "a b", "host:0", "host:99999", "host:port"])
    assert.throws(() => parsePlace(wrong), /neither/);
});

test("the owner's key is made once, private, and its public half is one a device takes", async () => {
  const file = join(folder, "keys", "update.key");
  const pub = await makeOwnerKey(file);
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(readOwnerKey(file).asymmetricKeyType, "ed25519");
  assert.is(ownerKey(readFileSync(pub, "utf8")).asymmetricKeyType, "ed25519");
  await makeOwnerKey(file).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /is there already/),
  );
  assert.is(defaultKeyFile({ XDG_CONFIG_HOME: "/x" }), "/x/sotto/update.key");
  assert.throws(() => readOwnerKey(join(folder, "none")), /--make-key makes one/);
  const rsa = join(folder, "rsa.key");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(rsa, privateKey.export({ type: "pkcs8", format: "pem" }));
  assert.throws(() => readOwnerKey(rsa), /rsa, not Ed25519/);
});

test("a folder without a release, or with half of one, is refused", () => {
  assert.throws(() => readRelease(folder), /toolchain\/image --board NAME makes one/);
  writeFileSync(join(folder, "release.json"), "{}");
  assert.throws(() => readRelease(folder), /no release's description/);
});

test("who does not answer is named; what answers and is no telephone, too", async () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const server = createServer((socket) => void socket.write("220 mail\r\n".repeat(30)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const place = { kind: "network", host: "127.0.0.1", port } as const;
  await deviceStatus(place, privateKey).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /no telephone that takes updates/),
  );
  await new Promise((resolve) => server.close(resolve));
  await openLink({ kind: "serial", path: "/dev/nowhere", speed: 9600 }).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /\/dev\/nowhere cannot be opened/),
  );
});

if (needPeer("a serial line of two ends", "socat"))
  test("a serial line is closed after each session, and can be opened for the next", async () => {
    const line = new PtyPair();
    await line.plug();
    try {
      // The other end is kept open: socat ends with the last one that has it.
      const other = openSync(line.headset, "r+");
      for (let i = 0; i < 3; i++) await closeLink(await openLink({ kind: "serial", path: line.phone, speed: 115_200 }));
      closeSync(other);
    } finally {
      await line.unplug();
    }
  });

test("the command says what it does and what it misses", () => {
  const program = join(checkout, "out", "js", "scripts", "update-device", "main.js");
  const run = (...args: string[]) => {
    const env = { ...process.env, XDG_CONFIG_HOME: folder };
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: "utf8", env });
    return { status, text: stdout + stderr };
  };
  assert.match(run("--help").text, /HOST, HOST:PORT, or a serial line/);
  assert.match(run().text, /which telephone\?/);
  assert.match(run("127.0.0.1").text, /there is no key at .*sotto\/update\.key/);
  const made = run("--make-key");
  assert.is(made.status, 0, made.text);
  assert.match(made.text, /toolchain\/image --update-key/);
  assert.is(run("--trial", "5", "127.0.0.1").status, 1);
});

test.run();
