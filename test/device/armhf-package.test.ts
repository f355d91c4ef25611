// The armhf package in a Debian made for it: installed, started by emulation of its processor, its first keys made, and called from here.

import { spawn } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ControlClient, type HandsetEvent } from "../../firmware/control/index.js";
import { buildForDevice } from "../../toolchain/device/build.js";
import { makePackage } from "../../toolchain/device/package.js";
import { runtimePackages } from "../../toolchain/device/runtime-root.js";
import { sysroot } from "../../toolchain/device/sysroot.js";
import { launcherFlags } from "../../toolchain/device/target-node.js";
import { findTarget } from "../../toolchain/device/targets.js";
import { runTool } from "../../toolchain/device/tools.js";
import { needPeer, which } from "../interop/tools.js";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { TestAuthority } from "../support/identities.js";
import { freePort, freeRange } from "../support/ports.js";
import { endWithUs, Started } from "../support/started.js";
import { toneInFile, writeTone } from "../support/tones.js";
import { eventually, Journal } from "../support/wait.js";

const test = suite("the armhf package");
const target = findTarget("armv7");
const folder = suiteFolder("armhf");
const started = new Started();
test.after(() => started.stop());

/** How an emulated processor's telephone is slower than its owner would wait. */
const PATIENCE_MS = 90_000;

if (
  needPeer(
    "a toolchain for armhf",
    ...["mmdebstrap", `${target.triplet}-gcc`, `${target.triplet}-g++`, target.qemu, "dpkg", "systemd-sysusers"],
  )
) {
  test("installed into a fresh armhf root and started under emulation, it makes its keys and takes a secured call", async () => {
    const build = await buildForDevice(target, { out: join(folder, "build") });
    assert.ok(build.natives.length > 0, "native parts are built");
    const made = await makePackage(build);
    assert.ok(made.bytes.length < 3e6, `the package has ${made.bytes.length} bytes`);
    const deb = join(folder, made.name);
    writeFileSync(deb, made.bytes);

    const root = join(folder, "root");
    // Links instead of copies where the file system has them: dpkg replaces files, it never writes into one.
    await runTool("cp", ["-al", await sysroot(target, runtimePackages), root]).catch(async () => {
      rmSync(root, { recursive: true, force: true });
      cpSync(await sysroot(target, runtimePackages), root, { recursive: true, verbatimSymlinks: true });
    });
    // mmdebstrap extracts without filling dpkg's database.
    await runTool("dpkg", [
      `--root=${root}`,
      ...["--force-architecture", "--force-depends", "--force-script-chrootless", "-i", deb],
    ]);

    // The owner's part: the address, and whom to believe.
    const authority = await TestAuthority.create(folder, "authority");
    const [port, rtp] = [await freePort(), await freeRange(16)];
    const configFile = join(root, "etc", "sotto", "sotto.json");
    assert.ok(existsSync(configFile));
    const keys = join(folder, "keys");
    const uri = `sip:handset@127.0.0.1`;
    const [certificate, privateKey, own] = ["handset.crt", "handset.key", "own.crt"].map((name) => join(keys, name));
    const socket = join(folder, "handset.sock");
    const [hears, says] = [join(folder, "handset-heard.wav"), join(folder, "handset-says.wav")];
    writeTone(says, 700, 2);
    rmSync(configFile);
    writeFileSync(
      configFile,
      JSON.stringify({
        board: "host",
        sip: { address: "127.0.0.1", port, instanceFile: join(folder, "instance-id") },
        rtp,
        control: socket,
        // An emulated processor has no time for short periods.
        devices: { audio: { captureWav: says, captureLoop: true, playbackWav: hears, periods: 16 } },
        accounts: [
          {
            uri,
            security: "required",
            codecs: ["PCMU"],
            keying: { offer: "dh", certificate, privateKey, trustAnchors: [own, authority.file] },
          },
        ],
      }),
    );

    // What /usr/bin/sotto does, but for exec, which needs the processor itself.
    const wrapper = readFileSync(join(root, "usr", "bin", "sotto"), "utf8");
    const flags = launcherFlags(wrapper);
    const command = [
      ...["-L", root, join(root, "usr", "bin", "node"), ...flags],
      join(root, "usr", "lib", "sotto", "sotto.js"),
    ];
    const qemu = which(target.qemu)!;
    const parts = join(root, "usr", "lib", "sotto", "native");
    const loaded = await runTool(qemu, [
      ...["-L", root, join(root, "usr", "bin", "node"), "-e"],
      // Each is loaded, and one calls into the C library: a part for another mode of the processor would end here.
      `const part = (name) => require(${JSON.stringify(parts)} + "/" + name + ".node");
       const names = ${JSON.stringify(build.natives)};
       for (const name of names) if (Object.keys(part(name)).length === 0) throw new Error(name);
       const pid = part("koffi").load(null).func("int getpid()")();
       console.log(names.length, pid === process.pid);`,
    ]);
    assert.is(loaded.toString(), `${build.natives.length} true\n`);
    const words = (await runTool(qemu, [...command, "make-keys", "--config", configFile])).toString();
    assert.match(words, "made ");
    assert.ok(existsSync(privateKey));

    const child = spawn(qemu, [...command, "run", "--config", configFile], { stdio: ["ignore", "ignore", "pipe"] });
    const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
    let log = "";
    child.stderr.on("data", (data) => {
      log = (log + data).slice(-8000);
    });
    endWithUs(child.pid!, exited);
    started.keep(Promise.resolve({ stop: async () => child.kill("SIGKILL") }));
    const control = await eventually("the handset's control socket", PATIENCE_MS, () =>
      existsSync(socket) ? ControlClient.open(socket).catch(() => undefined) : undefined,
    );
    const events = new Journal<HandsetEvent>();
    control.onEvent = (event) => events.add(event);
    await control.ask("events", {});

    const keying = await authority.keyingFor("sip:alice@127.0.0.1");
    const says2 = join(folder, "alice-says.wav");
    writeTone(says2, 500, 2);
    const alice = await started.keep(
      HandsetProcess.start({
        folder: join(folder, "alice"),
        user: "alice",
        security: "required",
        codecs: ["PCMU"],
        keying: { ...keying, trustAnchors: [authority.file, own] },
        says: says2,
      }),
    );
    const id = await alice.dial(`${uri}:${port}`);
    const ringing = await events.until(
      `ringing at the emulated handset; its log: ${log}`,
      (event): event is HandsetEvent & { type: "call" } => event.type === "call" && event.call.state === "ringing",
      PATIENCE_MS,
    );
    assert.is(ringing.call.direction, "incoming");
    await control.ask("key", { key: "call" });
    const active = await alice.state(id, "active", PATIENCE_MS);
    assert.is(active.security.state, "secure");
    await eventually("each hears the other's tone for a second", PATIENCE_MS, () => {
      return alice.heard(700).toneMs >= 1000 && toneInFile(hears, 500).toneMs >= 1000;
    });
    await alice.ask("hangup", {});
    const ended = await alice.ended(id, PATIENCE_MS);
    assert.is(ended.end?.code, "hangup", JSON.stringify(ended.end));
    child.kill("SIGTERM");
    assert.is(await exited, 0, "it closes in good order");
    control.close();
  });
}

test.run();
