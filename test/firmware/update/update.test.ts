// An update's two sides against each other, on a disk of files: who may ask, what is written when, and what is left when it ends in the middle.

import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Transform } from "node:stream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemTimers } from "../../../firmware/runtime/index.js";
import {
  askStatus,
  DiskSlots,
  describeParts,
  greeting,
  installRelease,
  loaderEntry,
  ownerKey,
  parseEntryName,
  type Release,
  readRequest,
  serveUpdate,
  signRequest,
  type UpdatedDevice,
} from "../../../firmware/update/index.js";
import { suiteFolder } from "../../support/handset-process.js";

const test = suite("updates");
const owner = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const folder = suiteFolder("update");
let count = 0;

/** A device's disk: slot a runs release `old`. */
async function disk(more: { rootBytes?: number; phone?: Partial<UpdatedDevice> } = {}) {
  const at = join(folder, String(count++));
  const boot = join(at, "boot");
  mkdirSync(join(boot, "loader", "entries"), { recursive: true });
  mkdirSync(join(boot, "slot-a"));
  const write = (name: string, content: Uint8Array | string) => {
    writeFileSync(join(at, name), content);
    return join(at, name);
  };
  const old = { root: randomBytes(5000), linux: randomBytes(300_000), initrd: randomBytes(70_000) };
  const roots = { a: write("root-a", old.root), b: write("root-b", Buffer.alloc(more.rootBytes ?? 600_000)) };
  const files = {
    root: roots.a,
    linux: write("boot/slot-a/linux", old.linux),
    initrd: write("boot/slot-a/initrd", old.initrd),
  };
  const running: Release = {
    ...{ board: "qemu-virt", version: "1.0.0", builtS: 1, commandLine: "quiet" },
    parts: await describeParts(files),
  };
  write("boot/slot-a/release.json", JSON.stringify(running));
  write("boot/loader/entries/sotto-a.conf", loaderEntry(running, "a", 4));
  const slots = new DiskSlots({
    ...{ board: "qemu-virt", slot: "a", boot, roots, failed: join(at, "failed"), unlock: async () => {} },
    phone: { isBusy: async () => false, isRegistered: async () => false, ...more.phone },
  });
  return { at, boot, roots, running, slots, write, entries: () => readdirSync(join(boot, "loader", "entries")).sort() };
}

/** A new release with another root and initrd; the kernel is the running one's. */
async function fresh(device: Awaited<ReturnType<typeof disk>>, rootBytes = 500_000) {
  const files = {
    root: device.write("new-root", randomBytes(rootBytes)),
    linux: join(device.boot, "slot-a", "linux"),
    initrd: device.write("new-initrd", randomBytes(1000)),
  };
  const release: Release = { ...device.running, version: "2.0.0", builtS: 2, parts: await describeParts(files) };
  return { release, files };
}

/** Both ends of a session. `through` stands between owner and device, which waits for the owner `silenceMs`. */
function session(device: UpdatedDevice, through = new PassThrough(), key = owner.privateKey, silenceMs = 30_000) {
  const [up, down] = [new PassThrough(), new PassThrough()];
  up.pipe(through);
  const served = serveUpdate({ input: through, output: down }, device, {
    ...{
      owner: owner.publicKey,
      nonce: randomBytes(32),
      timers: systemTimers,
      strangerMs: silenceMs,
      idleMs: silenceMs,
    },
  });
  return { link: { input: down, output: up, key, timers: systemTimers, answerMs: 30_000 }, served, up };
}

const rejects = async (what: Promise<unknown>, pattern: RegExp) => {
  const error = await what.then(
    () => assert.unreachable(`expected ${pattern}`),
    (reason: Error) => reason,
  );
  assert.match((error as Error).message, pattern);
};

test("the owner is told what a device runs", async () => {
  const device = await disk();
  const { link, served } = session(device.slots);
  const status = await askStatus(link);
  assert.equal(status, { board: "qemu-virt", slot: "a", state: "good", release: device.running });
  assert.is(await served, "status");
});

test("who is not the owner is told nothing and changes nothing", async () => {
  const device = await disk();
  const before = device.entries();
  for (const what of ["status", "install"]) {
    const { link, served } = session(device.slots, undefined, stranger.privateKey);
    const asked =
      what === "status" ? askStatus(link) : installRelease(link, { ...(await fresh(device)), trialSeconds: 60 });
    await rejects(asked, /not signed by this telephone's owner/);
    assert.is(await served, "refused");
  }
  assert.equal(device.entries(), before);
  assert.ok(readFileSync(device.roots.b).every((byte) => byte === 0));
});

test("a request is good for one session, unchanged, and for nothing but updates", () => {
  const [one, other] = [randomBytes(32), randomBytes(32)];
  const nonce = one.toString("base64");
  const line = signRequest({ action: "status", nonce }, owner.privateKey);
  assert.ok(readRequest(line, owner.publicKey, one).ok);
  assert.not(readRequest(line, owner.publicKey, other).ok);
  for (let i = 0; i < line.length; i++) {
    const changed = line.slice(0, i) + String.fromCharCode(line.charCodeAt(i) ^ 1) + line.slice(i + 1);
    const read = readRequest(changed, owner.publicKey, one);
    // The last character of base64 has bits that stand for nothing.
    if (read.ok) assert.equal(read.value, { action: "status", nonce }, `character ${i}`);
  }
  const text = JSON.stringify({ action: "status", nonce });
  const bare = sign(null, Buffer.from(text), owner.privateKey).toString("base64");
  assert.not(readRequest(JSON.stringify({ request: text, signature: bare }), owner.publicKey, one).ok);
  for (const junk of ["", "{}", "[]", "null", '{"request":1,"signature":2}', "\u0000", "{".repeat(5000)])
    assert.not(readRequest(junk, owner.publicKey, one).ok);
});

test("only Ed25519 keys are taken", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" });
  assert.throws(() => ownerKey(rsa as string), /rsa, not Ed25519/);
  assert.throws(() => ownerKey("nothing"), /no public key/);
});

test("a release goes into the other slot; what the running one has already is not sent; it is started on trial", async () => {
  const device = await disk();
  const next = await fresh(device);
  const { link, served } = session(device.slots);
  const needs: unknown[] = [];
  const slot = await installRelease(link, {
    ...next,
    trialSeconds: 60,
    window: 8192,
    needs: (parts, bytes) => needs.push(parts, bytes),
  });
  assert.is(await served, "installed");
  assert.is(slot, "b");
  assert.equal(needs, [["root", "initrd"], 501_000]);
  assert.ok(readFileSync(device.roots.b).subarray(0, 500_000).equals(readFileSync(next.files.root)));
  for (const part of ["linux", "initrd"] as const)
    assert.ok(readFileSync(join(device.boot, "slot-b", part)).equals(readFileSync(next.files[part])));
  assert.equal(device.entries(), ["sotto-a.conf", "sotto-b+2.conf"]);
  const entry = readFileSync(join(device.boot, "loader", "entries", "sotto-b+2.conf"), "utf8");
  assert.match(entry, /^version 5$/m);
  assert.match(entry, /^options sotto\.slot=b panic=10 quiet sotto\.trial=60 sotto\.expect=ready$/m);
});

test("a release is expected to register where the running one is registered; a call is waited for", async () => {
  let busy = 2;
  const device = await disk({ phone: { isRegistered: async () => true, isBusy: async () => busy-- > 0 } });
  const { link, served } = session(device.slots);
  const waits: string[] = [];
  await installRelease(link, { ...(await fresh(device)), trialSeconds: 60, waiting: (why) => waits.push(why) });
  assert.is(await served, "installed");
  assert.is(waits.length, 2);
  assert.match(
    readFileSync(join(device.boot, "loader", "entries", "sotto-b+2.conf"), "utf8"),
    /sotto\.expect=registered/,
  );
});

test("an update that ends in the middle, or brings other bytes, leaves nothing that could be started in its slot", async () => {
  const device = await disk();
  const cut = (after: number, how: (chunk: Buffer) => Buffer | undefined) => {
    let seen = 0;
    return new Transform({
      transform(chunk: Buffer, _encoding, done) {
        seen += chunk.length;
        if (seen < after) return done(null, chunk);
        const changed = how(chunk);
        if (changed) done(null, changed);
        // Nothing more comes: the device waits, and gives up.
      },
    });
  };
  const flip = (chunk: Buffer) => {
    const changed = Buffer.from(chunk);
    changed[changed.length - 1] ^= 1;
    return changed;
  };
  const next = await fresh(device);
  // A slot that could be started before.
  device.write("boot/loader/entries/sotto-b.conf", loaderEntry(device.running, "b", 3));
  const gone = session(
    device.slots,
    cut(200_000, () => undefined),
    owner.privateKey,
    300,
  );
  const installing = installRelease(gone.link, { ...next, trialSeconds: 60 });
  await rejects(installing, /nothing came from the other side for 0\.3 s/);
  assert.is(await gone.served, "refused");
  assert.equal(device.entries(), ["sotto-a.conf"]);
  const other = session(device.slots, cut(300_000, flip));
  await rejects(installRelease(other.link, { ...next, trialSeconds: 60 }), /root is not what was signed/);
  assert.equal(device.entries(), ["sotto-a.conf"]);
});

test("a release for another board, on top of one on trial, or larger than its slot is refused", async () => {
  const device = await disk();
  const next = await fresh(device);
  const install = (release: Release) => {
    const { link } = session(device.slots);
    return installRelease(link, { ...next, release, trialSeconds: 60 });
  };
  await rejects(
    install({ ...next.release, board: "pinephone" }),
    /for the board pinephone, the telephone is a qemu-virt/,
  );
  await rejects(install({ ...next.release, commandLine: "quiet\noptions x" }), /a request this release does not know/);
  const full: UpdatedDevice = Object.create(device.slots, {
    write: { value: () => Promise.reject(new Error("no room for root: it has 500000 bytes")) },
  });
  await rejects(installRelease(session(full).link, { ...next, trialSeconds: 60 }), /no room for root/);
  device.write("boot/loader/entries/sotto-a+1-1.conf", "");
  await rejects(install(next.release), /still on trial/);
});

test("why an update went back is told: the device's own words, or that the loader has given it up", async () => {
  const device = await disk();
  device.write("boot/loader/entries/sotto-b+0-2.conf", "");
  assert.match((await device.slots.status()).failed!, /slot b was tried and did not come up/);
  device.write("failed", "slot b was not registered within 60 s\nlog\n");
  assert.is((await device.slots.status()).failed, "slot b was not registered within 60 s");
  await device.slots.clear();
  assert.is((await device.slots.status()).failed, undefined);
  assert.not(existsSync(join(device.at, "failed")));
});

test("who says nothing, or too much, is not waited for", async () => {
  const device = await disk();
  const silent = session(device.slots, undefined, owner.privateKey, 300);
  assert.is(await silent.served, "refused");
  const talker = session(device.slots);
  talker.up.write("x".repeat(100_000));
  assert.is(await talker.served, "refused");
  const late = session(device.slots);
  late.up.write("\nsotto-update\n");
  await rejects(askStatus({ ...late.link, key: stranger.privateKey }), /not signed/);
  assert.match(greeting(randomBytes(32)), /^\{"sottoUpdate":1,"nonce":"[^"]{44}"\}$/);
});

test("entries' names are read as the loader writes them", () => {
  assert.equal(parseEntryName("sotto-b+2.conf"), { slot: "b", left: 2, done: 0 });
  assert.equal(parseEntryName("sotto-b+1-1.conf"), { slot: "b", left: 1, done: 1 });
  assert.equal(parseEntryName("sotto-a.conf"), { slot: "a", left: undefined, done: 0 });
  for (const name of ["sotto-c.conf", "sotto-a.conf.new", "windows.conf", "sotto-a+.conf"])
    assert.is(parseEntryName(name), undefined);
});

test.run();
