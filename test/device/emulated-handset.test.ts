// A whole device in an emulator, from power to voice: EFI boot, registration, a call answered by its key, vibrator and light on their lines,
// sound at both ends, what must survive a power cut, a full disk, a wrong clock and a lost network, and updates. SOTTO_EMULATOR=all does more.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lines } from "../../toolchain/device/device-tree.js";
import { type HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { Started } from "../support/started.js";
import { eventually, pause } from "../support/wait.js";
import { DeviceChecks } from "./device-checks.js";
import { canEmulate, DEVICE_SAYS_HZ, EmulatedDevice, HOST_SAYS_HZ, PATIENCE_MS } from "./emulated-device.js";
import { makeOwner, UpdateChecks } from "./update-checks.js";

const test = suite("an emulated handset");
const folder = suiteFolder("emu");
const started = new Started();
test.after(() => started.stop());

const isWanted = process.env["SOTTO_EMULATOR"] !== undefined;
if (!isWanted) console.log("skipped: the emulated handset is run with SOTTO_EMULATOR=1");
if (isWanted && canEmulate()) {
  let device: EmulatedDevice;
  let alice: HandsetProcess;
  let updates: UpdateChecks;
  let before = "";
  // What takes longer than a usual run should, and is the loader's or the kernel's doing more than ours.
  const isWhole = process.env["SOTTO_EMULATOR"] === "all";

  test("boots by EFI, registers, rings and shakes, is answered by its key, speaks and hears, and hangs up by its key", async () => {
    const owner = makeOwner();
    device = await EmulatedDevice.make(folder, started, owner.publicPem);
    updates = new UpdateChecks(device, folder, owner);
    const { release } = device.image;
    const bytes = Object.values(release.parts).reduce((sum, part) => sum + part.bytes, 0);
    assert.ok(bytes < 120e6, `an image's parts have ${bytes} bytes`);
    await device.power();
    alice = await device.alice();
    await device.ready();
    await device.registers();
    await pause(1500);

    const id = await alice.dial("sip:bob@a.test");
    await alice.state(id, "ringing", PATIENCE_MS);
    const { machine } = device;
    await eventually("the vibrator's line rises", PATIENCE_MS, () =>
      machine.outputs.some(([line, level]) => line === lines.vibrator && level),
    );
    await device.press(lines.call);
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
      () => device.earpieceTone(HOST_SAYS_HZ) >= 1000,
    );
    await device.press(lines.hangup);
    const ended = await alice.ended(id, PATIENCE_MS);
    assert.is(ended.end?.by, "peer", JSON.stringify(ended.end));
    before = await device.state();
  });

  const afterTheFirst = () => assert.ok(before, "the first test got as far as a call");

  test("the network goes and comes back: the telephone can be called again", async () => {
    afterTheFirst();
    await device.network.plug(false);
    await pause(2000);
    await device.network.plug(true);
    const id = await alice.dial("sip:bob@a.test");
    await alice.state(id, "ringing", PATIENCE_MS);
    await alice.ask("hangup", {});
    await alice.ended(id, PATIENCE_MS);
  });

  test("a full disk does not keep it from starting again", async () => {
    afterTheFirst();
    const { machine } = device;
    await machine.shell("dd if=/dev/zero of=/data/full bs=65536 2>/dev/null; sync", PATIENCE_MS);
    assert.match(await machine.shell("df /data | tail -n 1"), /100%/);
    machine.console = "";
    await machine.shell("killall -9 node");
    await device.ready();
    await machine.shell("rm /data/full");
    assert.is(await device.state(), before);
  });

  test("its devices do what they promise on a real kernel: keys, jack, vibrator, light, GPIO lines by onoff, sound on snd-aloop and HDA", async () => {
    afterTheFirst();
    const checks = await DeviceChecks.open(device);
    await checks.inputEvents();
    await checks.hotPlug();
    await checks.outputs();
    await checks.crash();
    await checks.gpio();
    await checks.loopback();
    if (isWhole) await checks.pulledCard();
    else await checks.hda();
    device.machine.console = "";
    await checks.release();
    await device.ready();
  });

  test("who has not the owner's key gets nothing; the owner is told what runs, over the network and a serial line", async () => {
    afterTheFirst();
    await updates.strangers();
  });

  test("the power is cut while it writes and is updated, its clock is set back: it boots what it ran, with its configuration and keys, and a time that can be", async () => {
    afterTheFirst();
    device.machine.type(
      "while :; do cp /data/sotto/sotto.json /data/x.new; mv /data/x.new /data/x; dd if=/dev/urandom of=/data/y bs=65536 count=20 2>/dev/null; sleep 1; done &\n",
    );
    await updates.powerCut();
    await device.power({ clock: "2001-01-01T00:00:00" });
    await device.ready();
    assert.match(device.machine.console, /the clock was behind/);
    const built = Number(await device.found("cat /usr/share/sotto/built", /^\d{9,}$/m));
    assert.ok(Number(await device.found("date +%s", /^\d{9,}$/m)) >= built);
    assert.is(await device.state(), before);
    assert.match(await device.machine.shell("mount | grep ' / '"), /\bro\b/, "the root is read-only");
    assert.is((await updates.status()).slot, "a");
  });

  test("a good update becomes the running release when it is registered, and keeps configuration and keys", async () => {
    afterTheFirst();
    await eventually("it is registered", PATIENCE_MS, () => device.registered());
    await updates.good();
    assert.is(await device.state(), before);
  });

  test("an update that is not healthy in time goes back by itself", async () => {
    afterTheFirst();
    await updates.tooSlow();
    assert.is(await device.state(), before);
  });

  if (isWhole)
    test("an update that does not even start is given up by the loader", async () => {
      afterTheFirst();
      await updates.panics();
      assert.is(await device.state(), before);
    });
}

test.run();
