// Whole devices in an emulator, from power to voice: EFI boot, registration, a call answered by its key, vibrator and light on their lines,
// sound at both ends, what must survive a power cut, a full disk, a wrong clock and a lost network, and updates. Bob's device is called and its
// devices are worked; carol's loses power and is updated meanwhile. SOTTO_EMULATOR=all does more.

import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findBoard } from "../../platform/index.js";
import { lines } from "../../toolchain/device/device-tree.js";
import { type MadeImage, makeImage } from "../../toolchain/device/image.js";
import { type HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { Started } from "../support/started.js";
import { eventually, pause } from "../support/wait.js";
import { DeviceChecks } from "./device-checks.js";
import { DEVICE_SAYS_HZ, EmulatedDevice, PATIENCE_MS } from "./emulated-device.js";
import { canEmulate, HOST_SAYS_HZ, Steps, Surroundings } from "./surroundings.js";
import { makeOwner, UpdateChecks } from "./update-checks.js";
import { layWifi, WifiChecks } from "./wifi-checks.js";

const test = suite("an emulated handset");
const started = new Started();
test.after(() => started.stop());

/** A private call that the device's keys take and end; what each says is heard at the other end. */
async function call(alice: HandsetProcess, bob: EmulatedDevice): Promise<void> {
  const { machine } = bob;
  const id = await alice.dial("sip:bob@a.test");
  await alice.state(id, "ringing", PATIENCE_MS);
  await eventually("the vibrator's line rises", PATIENCE_MS, () =>
    machine.outputs.some(([line, level]) => line === lines.vibrator && level),
  );
  await bob.press(lines.call);
  const active = await alice.state(id, "active", PATIENCE_MS);
  assert.is(active.security.state, "secure");
  await eventually("the vibrator's line falls", PATIENCE_MS, () => {
    const last = machine.outputs.filter(([line]) => line === lines.vibrator).pop();
    return last?.[1] === false;
  });
  assert.ok(
    machine.outputs.some(([line, level]) => line === lines.light && level),
    "the light has been on",
  );
  await eventually(
    "the host hears the device's microphone",
    PATIENCE_MS,
    () => alice.heard(DEVICE_SAYS_HZ).toneMs >= 1000,
  );
  await eventually(
    "the device's earpiece plays the host's voice",
    PATIENCE_MS,
    () => bob.earpieceTone(HOST_SAYS_HZ) >= 1000,
  );
  await bob.press(lines.hangup);
  const ended = await alice.ended(id, PATIENCE_MS);
  assert.is(ended.end?.by, "peer", JSON.stringify(ended.end));
}

/** Holds the telephone's peak memory against its board's budget. */
async function keeps(when: string, device: EmulatedDevice, budget: number | undefined): Promise<void> {
  assert.ok(budget !== undefined, "the board has a budget");
  const bytes = await device.peakBytes();
  const mib = (value: number) => (value / 2 ** 20).toFixed(1);
  console.log(`\nnote: peak memory ${when}: ${mib(bytes)} MiB (budget ${mib(budget!)})`);
  assert.ok(bytes <= budget!, `${bytes} bytes ${when}, ${budget} are allowed`);
}

if (canEmulate()) {
  const { budgets } = findBoard("qemu-virt");
  const folder = suiteFolder("emu");
  const owner = makeOwner();
  // What takes longer than a usual run should, and is the loader's or the kernel's doing more than ours.
  const isWhole = process.env["SOTTO_EMULATOR"] === "all";
  const began = performance.now();
  const took = (what: string) =>
    console.log(`\nnote: ${what} ${((performance.now() - began) / 1000).toFixed(0)} s after the start`);

  const surroundings = Surroundings.make(folder, started);
  surroundings.catch(() => {});
  let bob: EmulatedDevice;
  let alice: HandsetProcess;
  let before = "";
  const afterTheCall = () => assert.ok(before, "the first test got as far as a call");

  // An emulated processor leaves one of ours idle most of the time: carol's device goes its own way.
  const carols = new Steps();
  let carol: EmulatedDevice;
  let updates: UpdateChecks;
  let hers = "";
  let told: Promise<void>;
  let callIsOver = () => {};
  const theCall = new Promise<void>((resolve) => {
    callIsOver = resolve;
  });
  const herStart = carols.add(async () => {
    carol = await EmulatedDevice.make(await surroundings, "carol", started, owner.publicPem);
    updates = new UpdateChecks(carol, folder, owner);
    await carol.power();
    await carol.ready();
    await carol.registers();
    hers = await carol.state();
  });
  const herPowerCut = carols.add(async () => {
    // Voice is what a busy machine does worst.
    await theCall;
    await keeps("idle", carol, budgets?.idleRssBytes);
    carol.machine.type(
      "while :; do cp /data/sotto/sotto.json /data/x.new; mv /data/x.new /data/x; dd if=/dev/urandom of=/data/y bs=65536 count=20 2>/dev/null; sleep 1; done &\n",
    );
    ({ told } = await updates.powerCut());
    await carol.power({ clock: "2001-01-01T00:00:00" });
    await carol.ready();
    assert.match(carol.machine.console, /the clock was behind/);
    const built = Number(await carol.found("cat /usr/share/sotto/built", /^\d{9,}$/m));
    assert.ok(Number(await carol.found("date +%s", /^\d{9,}$/m)) >= built);
    assert.is(await carol.state(), hers);
    assert.match(await carol.machine.shell("mount | grep ' / '"), /\bro\b/, "the root is read-only");
    assert.is((await updates.status()).slot, "a");
    await carol.registers();
    took("power cut");
  });
  const herUpdate = carols.add(async () => {
    await updates.good();
    assert.is(await carol.state(), hers);
    took("update");
  });
  const herWayBack = carols.add(async () => {
    await updates.tooSlow();
    assert.is(await carol.state(), hers);
    took("way back");
  });

  test("boots by EFI, registers, rings and shakes, is answered by its key, speaks and hears, and hangs up by its key", async () => {
    try {
      const around = await surroundings;
      took("image");
      const bytes = Object.values(around.image.release.parts).reduce((sum, part) => sum + part.bytes, 0);
      assert.ok(bytes < 120e6, `an image's parts have ${bytes} bytes`);
      bob = await EmulatedDevice.make(around, "bob", started, owner.publicPem);
      await bob.power();
      alice = await around.alice();
      await bob.ready();
      await bob.registers();
      await herStart.catch(() => {});
      took("two devices registered");
      await call(alice, bob);
      await keeps("in a call", bob, budgets?.rssBytes);
      before = await bob.state();
      took("call");
    } finally {
      callIsOver();
    }
  });

  test("the network goes and comes back: the telephone can be called again", async () => {
    afterTheCall();
    await bob.network.plug(false);
    await pause(2000);
    await bob.network.plug(true);
    const id = await alice.dial("sip:bob@a.test");
    await alice.state(id, "ringing", PATIENCE_MS);
    await alice.ask("hangup", {});
    await alice.ended(id, PATIENCE_MS);
  });

  test("killed on a full disk it starts again, with the compiled code of its first start", async () => {
    afterTheCall();
    const { machine } = bob;
    await machine.shell("until ls /data/state/code/handset-*.code; do sleep 1; done", PATIENCE_MS);
    await machine.shell("dd if=/dev/zero of=/data/full bs=65536 2>/dev/null; sync", PATIENCE_MS);
    assert.match(await machine.shell("df /data | tail -n 1"), /100%/);
    machine.console = "";
    await machine.shell("killall -9 node");
    await bob.ready();
    const starts = (await machine.shell('grep \'"event":"ready"\' /run/sotto.log')).match(/"code":"\w+"/g);
    assert.equal(starts, ['"code":"compiled"', '"code":"kept"']);
    await machine.shell("rm /data/full");
    assert.is(await bob.state(), before);
    took("start on a full disk");
  });

  if (isWhole)
    test("a telephone that stands still is killed, and another one started", async () => {
      afterTheCall();
      const { machine } = bob;
      machine.console = "";
      await machine.shell("read state pid more </run/sotto/alive; kill -STOP $pid");
      await bob.says("does not answer: started again");
      await bob.ready();
      await bob.registers();
      assert.match(await machine.shell('set -- $(pidof node); echo "there are $#"'), /there are 1\b/);
      took("start after a standstill");
    });

  test("its devices do what they promise on a real kernel: keys, jack, vibrator, light, GPIO lines by onoff, sound on snd-aloop and HDA", async () => {
    afterTheCall();
    const checks = await DeviceChecks.open(bob);
    await checks.inputEvents();
    await checks.hotPlug();
    await checks.outputs();
    await checks.crash();
    await checks.gpio();
    await checks.loopback();
    if (isWhole) await checks.pulledCard();
    else await checks.hda();
    bob.machine.console = "";
    await checks.release();
    await bob.ready();
    took("devices");
  });

  test("who has not the owner's key gets nothing; the owner is told what runs, over the network and a serial line", async () => {
    afterTheCall();
    await new UpdateChecks(bob, folder, owner).strangers();
    await bob.machine.stop();
    took("strangers");
  });

  test("the power is cut while it writes and is updated, its clock is set back: it boots what it ran, with its configuration and keys, and a time that can be", async () => {
    await herStart;
    await herPowerCut;
    await told;
  });

  test("a good update becomes the running release when it is registered, and keeps configuration and keys", async () => {
    await herUpdate;
  });

  test("an update that is not healthy in time goes back by itself", async () => {
    await herWayBack;
  });

  const audio = { playback: "plughw:0,0", capture: "plughw:1,0" };
  let generic: MadeImage;
  if (isWhole)
    test("the image for any arm64 machine boots by EFI, registers and rings", async () => {
      generic = await makeImage("generic-efi-arm64", { out: join(folder, "generic") });
      const other = { image: generic, audio };
      const dave = await EmulatedDevice.make(await surroundings, "dave", started, owner.publicPem, other);
      await dave.power();
      await dave.ready();
      // It has no shell to be asked by; whoever rings is registered.
      const id = await alice.dial("sip:dave@a.test");
      await alice.state(id, "ringing", PATIENCE_MS);
      await alice.ask("hangup", {});
      await alice.ended(id, PATIENCE_MS);
      await dave.machine.stop();
      took("image for any arm64 machine");
    });

  if (isWhole)
    test("Wi-Fi by its file: a wrong passphrase is said on the screen; corrected, it joins, has the time before it judges certificates, and is called; open and WPA3 networks, too", async () => {
      const other = { image: generic, audio, layNetwork: layWifi };
      const erin = await EmulatedDevice.make(await surroundings, "erin", started, owner.publicPem, other);
      const checks = await started.keep(WifiChecks.open(erin));
      await checks.wrongPassphrase();
      await checks.corrected(alice, "sip:erin@a.test");
      await checks.otherKinds(alice, "sip:erin@a.test");
      await erin.machine.stop();
      took("Wi-Fi");
    });

  if (isWhole)
    test("an update that does not even start is given up by the loader", async () => {
      await updates.panics();
      assert.is(await carol.state(), hers);
    });
}

test.run();
