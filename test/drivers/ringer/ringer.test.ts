// Behaviour of ringers: rings until stop, replaces what rings, silent makes no sound, closed makes none.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Ringer } from "../../../drivers/contract.js";
import { SimulatedRinger } from "../../../drivers/simulated/ringer.js";
import { SpeakerRinger } from "../../../drivers/speaker/index.js";
import { wavFile } from "../../../firmware/audio/index.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { temporaryFolder } from "../../support/fake-sysfs.js";

interface Rig {
  readonly ringer: Ringer;
  /** What came out so far, as words. */
  readonly heard: string[];
  /** Lets what was asked for be heard. */
  listen(): Promise<void>;
}

/** Constant levels: the sign tells which file it is, the size how loud it is. */
async function openSpeaker(): Promise<Rig> {
  const folder = temporaryFolder("ringer");
  for (const [name, level] of [
    ["ring", 10_000],
    ["message", -10_000],
  ] as const)
    writeFileSync(join(folder, `${name}.wav`), wavFile(16_000, new Int16Array(16_000).fill(level)));
  const heard: string[] = [];
  let period: ((captured: Int16Array, play: Int16Array) => void) | undefined;
  const time = new VirtualTime();
  const ringer = await SpeakerRinger.open({
    ...{ ringWav: join(folder, "ring.wav"), messageWav: join(folder, "message.wav"), riseMs: 0, timers: time },
    openAudio: async (wanted) => ({
      ...wanted,
      start: (onPeriod) => {
        period = onPeriod;
      },
      stop: () => {
        period = undefined;
      },
      delayFrames: () => ({ capture: 0, playback: 0 }),
      close: async () => {
        period = undefined;
      },
    }),
  });
  return {
    ringer,
    heard,
    listen: async () => {
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      const play = new Int16Array(160);
      period?.(new Int16Array(160), play);
      const level = play[80];
      const word = level === 0 ? "off" : `on ${level > 0 ? "ring" : "message"} ${Math.abs(level) / 10_000}`;
      if (word !== (heard.at(-1) ?? "off")) heard.push(word);
    },
  };
}

/** A real driver joins by adding an entry here. */
const implementations: readonly { name: string; open(): Rig | Promise<Rig> }[] = [
  {
    name: "simulated",
    open: () => {
      const heard: string[] = [];
      const time = new VirtualTime();
      return {
        ringer: new SimulatedRinger({ clock: time, timers: time, observe: (what) => heard.push(what) }),
        heard,
        listen: async () => {},
      };
    },
  },
  { name: "speaker", open: openSpeaker },
];

for (const { name, open } of implementations) {
  test(`${name}: rings until stop; stop twice is one off`, async () => {
    const { ringer, heard, listen } = await open();
    ringer.start("ring", 0.8);
    await listen();
    ringer.stop();
    await listen();
    ringer.stop();
    await listen();
    ringer.start("message", 1);
    await listen();
    ringer.stop();
    await listen();
    assert.equal(heard, ["on ring 0.8", "off", "on message 1", "off"]);
    ringer.close();
    await listen();
  });

  test(`${name}: the same again goes on, another replaces`, async () => {
    const { ringer, heard, listen } = await open();
    ringer.start("ring", 0.5);
    await listen();
    ringer.start("ring", 0.5);
    await listen();
    ringer.start("ring", 0.6);
    await listen();
    ringer.start("message", 0.6);
    await listen();
    ringer.stop();
    await listen();
    assert.equal(heard, ["on ring 0.5", "on ring 0.6", "on message 0.6", "off"]);
    ringer.close();
    await listen();
  });

  test(`${name}: silent, and volume 0, make no sound and end what rang`, async () => {
    const { ringer, heard, listen } = await open();
    ringer.start("silent", 1);
    await listen();
    ringer.start("ring", 0);
    await listen();
    assert.equal(heard, []);
    ringer.start("ring", 1);
    await listen();
    ringer.start("silent", 1);
    await listen();
    assert.equal(heard, ["on ring 1", "off"]);
    ringer.close();
    await listen();
  });

  test(`${name}: volumes that are none throw RangeError`, async () => {
    const { ringer, listen } = await open();
    for (const volume of [-0.1, 1.1, Number.NaN])
      assert.throws(
        () => ringer.start("ring", volume),
        (error: unknown) => error instanceof RangeError,
      );
    ringer.close();
    await listen();
  });

  test(`${name}: close ends the ringing; closed it does nothing`, async () => {
    const { ringer, heard, listen } = await open();
    ringer.start("ring", 1);
    await listen();
    ringer.close();
    await listen();
    ringer.close();
    await listen();
    ringer.start("ring", 1);
    await listen();
    ringer.start("ring", 7);
    await listen();
    ringer.stop();
    await listen();
    assert.equal(heard, ["on ring 1", "off"]);
  });
}

test.run();
