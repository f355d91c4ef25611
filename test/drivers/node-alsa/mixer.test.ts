// node-alsa's mixer on a card whose controls the test decides: volumes in dB, mute, capture gain, routes, and news of changes.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Mixer } from "../../../drivers/node-alsa/index.js";
import { eventually } from "../../support/wait.js";
import { haveAlsa, VirtualMixer } from "../audio/virtual-card/virtual-card.js";

if (await haveAlsa()) {
  test("volume and capture gain in dB, mute, a route: they reach the card, and stand there", () => {
    const card = new VirtualMixer();
    const mixer = Mixer.open(card.name);
    assert.equal(
      mixer.elements().map(({ name }) => name),
      ["Master", "Capture", "Output"],
    );
    mixer.setDb("Master", "playback", -10.5);
    assert.is(card.get("masterVolume"), 59);
    assert.equal(mixer.element("Master")!.playback!.db, [-10.5]);
    assert.is(mixer.element("Master")!.playback!.minDb, -40);
    assert.is(mixer.element("Master")!.playback!.maxDb, 0);
    mixer.setDb("Capture", "capture", -3);
    assert.is(card.get("captureVolume"), 74);
    mixer.setVolume("Capture", "capture", 80);
    assert.is(card.get("captureVolume"), 80);
    mixer.setOn("Master", "playback", true);
    mixer.setOn("Capture", "capture", true);
    assert.equal([card.get("masterSwitch"), card.get("captureSwitch")], [1, 1]);
    mixer.setOn("Master", "playback", false);
    assert.is(card.get("masterSwitch"), 0);
    assert.equal(mixer.element("Master")!.playback!.on, [false]);
    assert.equal(mixer.element("Output")!.items, ["Earpiece", "Speaker", "Headphones"]);
    mixer.choose("Output", "Headphones");
    assert.is(card.get("route"), 2);
    assert.is(mixer.element("Output")!.item, 2);
    mixer.close();
  });

  test("what an element has not, and values out of its range, are refused by name", () => {
    const card = new VirtualMixer();
    const mixer = Mixer.open(card.name);
    assert.throws(() => mixer.setVolume("Master", "playback", 81), /"Master": volume cannot be set: out of its range/);
    assert.throws(() => mixer.setVolume("Master", "playback", 1e300), /out of its range/);
    assert.throws(() => mixer.setVolume("Master", "playback", -1), /out of its range/);
    assert.throws(() => mixer.setVolume("Master", "capture", 1), /"Master": volume cannot be set: it has none/);
    assert.throws(() => mixer.setOn("Output", "playback", true), /it has none/);
    assert.throws(() => mixer.choose("Output", "Handset"), /has no item "Handset"/);
    assert.throws(() => mixer.setVolume(undefined as never, "playback", 1), TypeError);
    assert.is(card.get("masterVolume"), 0);
    mixer.close();
  });

  test("changes by another are told, also when somebody looks before they were; the card's end is told once", async () => {
    const card = new VirtualMixer();
    const mixer = Mixer.open(card.name);
    let changes = 0;
    let gone = 0;
    mixer.watch(
      () => changes++,
      () => gone++,
    );
    card.set("masterVolume", 40);
    await eventually("the change to be told", 20_000, () => changes === 1);
    assert.equal(mixer.element("Master")!.playback!.db, [-20]);
    card.set("route", 1);
    // Looking takes the news off the descriptor.
    assert.is(mixer.element("Output")!.item, 1);
    assert.is(changes, 1, "not from inside the call");
    await eventually("the change to be told", 20_000, () => changes === 2);
    // One's own are no news; another's are, though it is the same program.
    mixer.setOn("Capture", "capture", true);
    const other = Mixer.open(card.name);
    other.setOn("Master", "playback", true);
    await eventually("another's change to be told", 20_000, () => changes === 3);
    other.close();
    card.set("unplugged", 1);
    await eventually("the end to be told", 20_000, () => gone === 1);
    mixer.close();
    assert.is(gone, 1);
  });
}

test.run();
