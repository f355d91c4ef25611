// node-alsa's mixer on the controls of a PulseAudio server: volumes, mute, and news of changes somebody else made.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Mixer } from "../../../drivers/node-alsa/index.js";
import { needTool } from "../../interop/tools.js";
import { PulseServer } from "../../support/pulse.js";
import { eventually } from "../../support/wait.js";
import { haveAlsa } from "../audio/virtual-card/virtual-card.js";

if ((await haveAlsa()) && needTool("pulseaudio")) {
  const folder = mkdtempSync(join(tmpdir(), "sotto-mixer-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const pulse = new PulseServer(folder, [{ name: "speaker", rate: 8000 }], []);
  Object.assign(process.env, pulse.environment);

  test("volume, mute, changes by another, the server's end, and what is not there", async () => {
    await pulse.start();
    const mixer = Mixer.open("pulse");
    const other = Mixer.open("pulse");
    let changes = 0;
    let gone = 0;
    mixer.watch(
      () => changes++,
      () => gone++,
    );
    const master = mixer.element("Master");
    assert.ok(master?.playback?.volume && master.playback.on, JSON.stringify(mixer.elements()));
    assert.ok(mixer.element("Capture")?.capture?.volume);
    const half = Math.round(master.playback.max! / 2);
    other.setVolume("Master", "playback", half);
    other.setOn("Master", "playback", false);
    await eventually("the change to be told", 20_000, async () => changes > 0 || undefined);
    await eventually("the volume to be seen", 20_000, async () => {
      const now = mixer.element("Master")!.playback!;
      return (now.volume!.every((one) => Math.abs(one - half) <= 1) && now.on!.every((on) => !on)) || undefined;
    });
    assert.throws(() => mixer.setVolume("Nothing", "playback", 1), /there is no such element/);
    assert.throws(() => mixer.choose("Master", "Headphones"), /has no item "Headphones"/);
    assert.throws(() => mixer.setDb("Master", "playback", Number.NaN), RangeError);
    other.close();
    other.close();
    assert.throws(() => other.elements(), /not an open mixer/);
    await pulse.stop();
    await eventually("the end to be told", 20_000, async () => gone > 0 || undefined);
    assert.is(gone, 1);
    mixer.close();
  });

  test("a card that is not there", () => {
    assert.throws(() => Mixer.open("hw:9"), /mixer of "hw:9"/);
  });
}

test.run();
