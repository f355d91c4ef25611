// In a running call a Bluetooth headset comes, and goes: the voice moves to the ALSA device bluez-alsa would have for it (a name of the
// configuration; a sound server stands behind it here), and back to the phone's own card.

import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openSerial } from "../../drivers/headset/index.js";
import { HandsFree } from "../../drivers/headset-simulator/index.js";
import { haveAlsa } from "../drivers/audio/virtual-card/virtual-card.js";
import { needTool } from "../interop/tools.js";
import { SoundEnd } from "../support/alsa-ends.js";
import { bluealsaConfig } from "../support/bluealsa.js";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { PtyPair } from "../support/pty-pair.js";
import { PulseServer } from "../support/pulse.js";
import { Started } from "../support/started.js";
import { tone, toneIn, writeTone } from "../support/tones.js";
import { eventually } from "../support/wait.js";

const test = suite("a headset's sound over ALSA");
const RATE = 8000;
const HZ = { alice: 700, own: 500, headset: 900 } as const;
const LIMIT_MS = 30_000;

if ((await haveAlsa()) && needTool("pulseaudio") && needTool("socat")) {
  const folder = suiteFolder("hsound");
  const sinks = ["mouth", "ear", "hs-mouth", "hs-ear"].map((name) => ({ name, rate: RATE }));
  const pulse = new PulseServer(
    join(folder, "pulse"),
    sinks,
    [
      { name: "handset", capture: "mouth", playback: "ear" },
      { name: "person", playback: "mouth", capture: "ear" },
      { name: "sco", capture: "hs-mouth", playback: "hs-ear" },
      { name: "wearer", playback: "hs-mouth", capture: "hs-ear" },
    ],
    [bluealsaConfig('type asym capture.pcm "sco" playback.pcm "sco"')],
  );
  Object.assign(process.env, pulse.environment);
  const started = new Started();
  const line = new PtyPair();
  test.after(async () => {
    await started.stop();
    await line.unplug();
    await pulse.stop();
    // As in headset.test.ts: serialport may keep this process after its port has vanished.
    setTimeout(() => process.exit(), 10_000).unref();
  });

  test("to the headset when it connects, back when its line is lost, to it again: the call goes on all the while", async () => {
    await pulse.start();
    const ends = {
      person: new SoundEnd(folder, "person", tone(HZ.own, 2, RATE)),
      wearer: new SoundEnd(folder, "wearer", tone(HZ.headset, 2, RATE)),
    };
    for (const one of Object.values(ends)) void started.keep(Promise.resolve(one));
    writeTone(join(folder, "alice.wav"), HZ.alice, 3);
    const alice = await started.keep(
      HandsetProcess.start({
        folder: join(folder, "a"),
        user: "alice",
        security: "off",
        says: join(folder, "alice.wav"),
      }),
    );
    const bob = await started.keep(
      HandsetProcess.start({
        ...{ folder: join(folder, "b"), user: "bob", security: "off", autoAnswerMs: 0 },
        more: {
          devices: {
            audio: { driver: "alsa", device: "handset", reopenMs: 100 },
            headset: {
              ...{ driver: "bluetooth", tty: line.phone },
              sound: { driver: "alsa", device: "bluealsa:DEV=00:11:22:33:44:55,PROFILE=sco" },
            },
          },
        },
      }),
    );
    /** A tone goes on at both ends of the call: at Alice's, and in one of Bob's two ears. */
    const talks = async (ear: keyof typeof ends, hz: number) => {
      const [heard, from] = [alice.heard(hz).toneMs, await ends[ear].frames()];
      await eventually(`Alice hears ${hz} Hz`, LIMIT_MS, () => alice.heard(hz).toneMs > heard + 500);
      await eventually(
        `the ${ear} hears Alice`,
        LIMIT_MS,
        async () => toneIn((await ends[ear].heard()).subarray(from), RATE, HZ.alice).toneMs > 500,
      );
    };
    const moves = (where: string, from: number) =>
      bob.events.until(
        `sound moves to the ${where}`,
        (event) => event.type === "device" && event.text === `moves to the ${where}`,
        LIMIT_MS,
        from,
      );
    const wear = async () => {
      const from = bob.now;
      await line.plug();
      const port = await openSerial(line.headset);
      const wearer = new HandsFree({ send: (text) => port.write(text, "latin1"), answerMs: 30_000 });
      port.on("data", (bytes) => wearer.receive(bytes.toString("latin1")));
      port.on("close", () => wearer.lost());
      port.on("error", () => {});
      await bob.events.until(
        "the line",
        (event) => event.type === "device" && /is open/.test(event.text),
        LIMIT_MS,
        from,
      );
      await wearer.connect();
      await moves("headset", from);
    };

    const id = await alice.dial(bob.uri);
    await alice.state(id, "active");
    await talks("person", HZ.own);
    await wear();
    await talks("wearer", HZ.headset);
    const from = bob.now;
    await line.unplug();
    await moves("handset", from);
    await talks("person", HZ.own);
    await wear();
    await talks("wearer", HZ.headset);
    assert.is((await bob.status()).calls[0].state, "active");
    assert.is((await bob.status()).sound.state, "ok");
  });
}

test.run();
