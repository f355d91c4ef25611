// What a handset says when it cannot start, and what it leaves behind when it is stopped, asked to or not.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { phoneFiles } from "../../scripts/demo-call/phone.js";
import {
  HandsetProcess,
  handsetConfig,
  sottoProgram,
  suiteFolder,
  writeSharedKey,
} from "../support/handset-process.js";
import { freePort, freeRange } from "../support/ports.js";
import { Started } from "../support/started.js";
import { writeTone } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";

const folder = suiteFolder("start");
const started = new Started();
const tone = join(folder, "tone.wav");
writeTone(tone, 700, 5);

/** Runs a handset that shall not come up. */
async function failedStart(name: string, change: (config: Record<string, never>) => unknown) {
  const own = join(folder, name);
  mkdirSync(own);
  const files = phoneFiles(own, own, "phone");
  const config = handsetConfig(
    { folder: own, user: "phone", security: "off" },
    files,
    await freePort(),
    await freeRange(16),
  ) as Record<string, never>;
  const changed = change(config) ?? config;
  writeFileSync(files.config, typeof changed === "string" ? changed : JSON.stringify(changed));
  const { status, stderr, stdout } = spawnSync(process.execPath, [sottoProgram, "run", "--config", files.config], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.is(status, 1, `exit code of ${name}; ${stderr}`);
  assert.is(stdout, "");
  assert.not.match(stderr, /^ {4}at |node:internal|Error: .*Error:/m, "a stack trace is no sentence");
  const left = readdirSync(own).filter((file) => ![files.config, files.log].includes(join(own, file)));
  assert.equal(left, [], "something was left behind");
  return stderr.trimEnd().split("\n");
}

const start = suite("starting");

start("a SIP port in use", async () => {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  const words = await failedStart("port", (config: { sip?: { port: number } }) => {
    config.sip!.port = port;
  });
  socket.close();
  assert.is(words.length, 1, words.join("\n"));
  assert.match(words[0], new RegExp(`SIP port ${port}/udp on 127\\.0\\.0\\.1 is in use`));
});

start("no RTP ports left: the phone is up, the call fails in words, and works when there are some", async () => {
  const rtp = await freeRange(8);
  const sockets = await Promise.all(
    Array.from({ length: 8 }, (_, i) => {
      const socket = createSocket("udp4");
      return new Promise<typeof socket>((resolve) => socket.bind(rtp.portMin + i, "127.0.0.1", () => resolve(socket)));
    }),
  );
  const phone = await started.keep(
    HandsetProcess.start({ folder: join(folder, "no-rtp"), user: "phone", security: "off", rtp }),
  );
  const nobody = `sip:nobody@127.0.0.1:${await freePort()}`;
  const { end } = await phone.ended(await phone.dial(nobody));
  assert.is(end?.code, "no-voice");
  assert.match(end?.user ?? "", /voice path failed/);
  for (const socket of sockets) socket.close();
  const id = await phone.dial(nobody);
  await pause(300);
  await phone.ask("hangup", {});
  assert.is.not((await phone.ended(id)).end?.code, "no-voice");
});

start("a recording that is not there, and one that is none", async () => {
  const nowhere = join(folder, "nowhere.wav");
  const audio = (file: string) => (config: { devices?: unknown }) => {
    config.devices = { audio: { captureWav: file } };
  };
  const missing = await failedStart("no-wav", audio(nowhere));
  assert.is(missing.length, 1, missing.join("\n"));
  assert.ok(missing[0].includes(nowhere), missing[0]);
  const text = join(folder, "text.wav");
  writeFileSync(text, "this is no sound");
  const wrong = await failedStart("bad-wav", audio(text));
  assert.is(wrong.length, 1, wrong.join("\n"));
  assert.ok(wrong[0].includes(text) && /WAV/.test(wrong[0]), wrong[0]);
});

start("a recording that cannot be written", async () => {
  const file = join(tone, "below-a-file.wav");
  const words = await failedStart("no-folder", (config: { devices?: unknown }) => {
    config.devices = { audio: { playbackWav: file } };
  });
  assert.is(words.length, 1, words.join("\n"));
  assert.ok(words[0].includes(file), words[0]);
});

start("a wrong configuration: each problem one sentence with field, value and what is allowed", async () => {
  const unknown = await failedStart("unknown-field", (config: Record<string, unknown>) => {
    config["colour"] = "blue";
  });
  assert.is(unknown.length, 1, unknown.join("\n"));
  assert.match(unknown[0], /colour: .*allowed: .*accounts/);
  const two = await failedStart("two-problems", (config: { sip?: unknown; maxCalls?: unknown }) => {
    config.sip = { port: 70_000 };
    config.maxCalls = "many";
  });
  assert.is(two.length, 2, two.join("\n"));
  assert.match(two.join("\n"), /sip\.port: .*70000.*65535/);
  assert.match(two.join("\n"), /maxCalls: .*"many".*1000/);
  const broken = await failedStart("not-json", () => '{ "accounts": [ ');
  assert.is(broken.length, 1, broken.join("\n"));
  assert.match(broken[0], /is not JSON: .*line 1/);
  const noKey = await failedStart("no-key-file", (config: { accounts?: Record<string, unknown>[] }) => {
    Object.assign(config.accounts![0], {
      security: "required",
      keying: { offer: "psk", sharedKeys: [{ peer: "sip:bob@127.0.0.1", file: "/nowhere/key" }] },
    });
  });
  assert.is(noKey.length, 1, noKey.join("\n"));
  assert.match(noKey[0], /accounts\[0\]\.keying\.sharedKeys\[0\]\.file: .*\/nowhere\/key/);
});

start("a second handset at the same control socket", async () => {
  const phone = await started.keep(
    HandsetProcess.start({ folder: join(folder, "first"), user: "phone", security: "off" }),
  );
  const words = await failedStart("second", (config: { control?: string }) => {
    config.control = phone.files.socket;
  });
  assert.is(words.length, 1, words.join("\n"));
  assert.match(words[0], /another handset already listens/);
  assert.ok((await phone.status()).pid > 0, "the first one works on");
});

start.after.each(() => started.stop());
start.run();

const stop = suite("stopping");
stop.after.each(() => started.stop());

/** Two handsets that can call each other in private. */
async function pair(name: string): Promise<{ alice: HandsetProcess; bob: HandsetProcess }> {
  mkdirSync(join(folder, name));
  const file = writeSharedKey(join(folder, name, "key.hex"), randomBytes(16).toString("hex"));
  const phone = (user: string, other: string) =>
    started.keep(
      HandsetProcess.start({
        folder: join(folder, name, user),
        user,
        security: "required",
        keying: { offer: "psk", sharedKeys: [{ peer: `sip:${other}@127.0.0.1`, file }] },
        says: tone,
      }),
    );
  return { alice: await phone("alice", "bob"), bob: await phone("bob", "alice") };
}

stop("SIGTERM in a call: the other end gets a BYE at once; exit 0, nothing left but recordings and logs", async () => {
  const { alice, bob } = await pair("term-call");
  const id = await alice.dial(bob.uri);
  const { id: bobsId } = await bob.call("ringing", (call) => call.state === "ringing");
  await bob.ask("answer", {});
  await alice.state(id, "active");
  await pause(300);
  bob.signal("SIGTERM");
  const { end } = await alice.ended(id);
  assert.equal([end?.by, end?.code], ["peer", "hangup"]);
  // Who watches the phone is told the end of the call before the phone is gone.
  const last = await bob.call("the end", (call) => call.id === bobsId && call.state === "ended");
  assert.is(last.end?.by, "us");
  assert.is(await bob.exit(), 0);
  assert.not.ok(existsSync(bob.files.socket), "the control socket is still there");
  assert.equal(
    readdirSync(bob.options.folder).filter(
      (name) => !/^bob(\.json|\.log|-heard\.wav(\.json)?|-sip\.jsonl)$/.test(name),
    ),
    [],
  );
});

stop("SIGTERM while it rings: the vibrator and the ringer stop, the caller is told; exit 0", async () => {
  const { alice, bob } = await pair("term-ring");
  const id = await alice.dial(bob.uri);
  await bob.call("ringing", (call) => call.state === "ringing");
  const device = (name: string, what: RegExp, from = 0) =>
    bob.events.until(
      `${name} ${what}`,
      (one) => one.type === "device" && one.device === name && what.test(one.text),
      undefined,
      from,
    );
  await Promise.all([device("vibrator", /^on/), device("ringer", /^on/)]);
  const from = bob.now;
  bob.signal("SIGTERM");
  const { end } = await alice.ended(id);
  assert.ok([480, 603].includes(end?.status ?? 0), JSON.stringify(end));
  assert.is(await bob.exit(), 0);
  const after = bob.events.entries.slice(from).filter((one) => one.type === "device");
  const last = (name: string) => after.filter((one) => one.type === "device" && one.device === name).at(-1);
  for (const name of ["vibrator", "ringer"]) {
    const event = last(name);
    assert.ok(event?.type === "device" && event.text === "off", `the last of the ${name}: ${JSON.stringify(event)}`);
  }
});

stop("SIGKILL of one end: the other notices that nobody speaks, and can hang up", async () => {
  const { alice, bob } = await pair("kill");
  const id = await alice.dial(bob.uri);
  await bob.call("ringing", (call) => call.state === "ringing");
  await bob.ask("answer", {});
  await alice.state(id, "active");
  await pause(300);
  bob.signal("SIGKILL");
  const silent = await alice.events.until("silence noticed", (one) => one.type === "silent");
  assert.is(silent.type === "silent" && silent.id, id);
  await alice.ask("hangup", {});
  assert.is((await alice.ended(id)).end?.by, "us");
  assert.is(await alice.stop(), 0);
  // The next start finds the dead handset's socket file and takes its place.
  const again = await started.keep(HandsetProcess.start(bob.options));
  assert.ok((await again.status()).pid !== bob.pid);
});

stop("a second handset start and stop leaves no process", async () => {
  const phone = await HandsetProcess.start({ folder: join(folder, "short"), user: "phone", security: "off" });
  assert.is(await phone.stop(), 0);
  await eventually("the process's end", 20_000, () => {
    try {
      process.kill(phone.pid, 0);
      return false;
    } catch {
      return true;
    }
  });
});

stop.run();
