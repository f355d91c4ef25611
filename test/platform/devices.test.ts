// Boards and drivers: what the host gives, what a configuration may change, and the words for what is wrong.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wavFile } from "../../firmware/audio/wav.js";
import { boards, findBoard, openAudio, openDevices } from "../../platform/index.js";

const folder = mkdtempSync(join(tmpdir(), "sotto-platform-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const host = findBoard("host");

async function problem(options: Record<string, Record<string, unknown>>): Promise<string> {
  try {
    await (await openDevices(host, { options })).close();
    return "opened";
  } catch (error) {
    return (error as Error).message;
  }
}

test("an unknown board, sound driver or driver is told with those there are", async () => {
  assert.throws(() => findBoard("toaster"), /no board "toaster"; boards: host/);
  assert.throws(() => openAudio("alsa2", {}), /no sound driver "alsa2"; sound drivers: simulated/);
  assert.throws(() => openAudio("toString", {}), /no sound driver/);
  assert.match(
    await problem({ vibrator: { driver: "jelly" } }),
    /no driver "jelly" for the vibrator; drivers: simulated/,
  );
});

test("board names are unique, and every board names drivers that exist", async () => {
  assert.is(new Set(boards.map((board) => board.name)).size, boards.length);
  for (const board of boards) openAudio(board.audio.driver, board.audio.options ?? {});
});

test("the host opens everything, tells what its devices do, and closes all", async () => {
  const seen: string[] = [];
  const devices = await openDevices(host, { observe: (device, what) => seen.push(`${device} ${what}`) });
  const pressed: string[] = [];
  devices.keys[0].listen((action, key) => pressed.push(`${action} ${key}`));
  devices.headset!.listen((event) => pressed.push(`headset ${event.type}`));
  devices.vibrator!.start([100, 100], true);
  devices.ringer!.start("ring", 0.5);
  devices.indicator!.set("ringing");
  devices.simulate!("press", { key: "call" });
  devices.simulate!("headset", { event: { type: "answer" } });
  await devices.close();
  await devices.close();
  assert.equal(pressed, ["press call", "headset answer"]);
  for (const what of ["vibrator on", "ringer on ring 0.5", "indicator ringing", "keys press call"])
    assert.ok(seen.includes(what), `${what} in ${seen.join(", ")}`);
  assert.equal(seen.filter((what) => / off$/.test(what)).sort(), ["indicator off", "ringer off", "vibrator off"]);
});

test("settings of the sound card reach the driver, and its rate and period the voice path", async () => {
  const captureWav = join(folder, "in.wav");
  writeFileSync(captureWav, wavFile(8000, new Int16Array(100)));
  const playbackWav = join(folder, "new", "out.wav");
  const devices = await openDevices(host, {
    options: { audio: { captureWav, captureStart: "trigger", playbackWav, rate: 16000, periods: 3 } },
  });
  assert.equal(devices.audioOptions, { rate: 16000, periodFrames: 80, periods: 3 });
  assert.is(devices.audio.driver, "simulated");
  assert.equal(structuredClone(devices.audio.options), devices.audio.options);
  const card = await openAudio(devices.audio.driver, devices.audio.options)(devices.audioOptions);
  assert.is(card.rate, 16000);
  assert.ok(existsSync(playbackWav));
  let heard = 0;
  await new Promise<void>((resolve) => {
    const events = { xrun() {}, lost: (text: string) => void (text === "by hand" && resolve()), back() {} };
    card.start((captured) => (heard += captured.length), events);
    devices.simulate!("unplug", { reason: "by hand" });
  });
  await card.close();
  await devices.close();
});

test("what is wrong in the settings is told by field, value and what is allowed", async () => {
  assert.match(await problem({ motor: {} }), /devices\.motor is unknown; devices: audio, keys/);
  assert.match(
    await problem({ audio: { captureLoop: "yes" } }),
    /devices\.audio\.captureLoop is "yes", allowed is true or false/,
  );
  assert.match(
    await problem({ audio: { captureWaf: "x" } }),
    /devices\.audio\.captureWaf is unknown; known here: captureWav/,
  );
  assert.match(
    await problem({ audio: { rate: 7999 } }),
    /devices\.audio\.rate is 7999, allowed is a whole number of 8000/,
  );
  assert.match(await problem({ audio: { captureStart: "later" } }), /allowed is "open" or "trigger"/);
  assert.match(await problem({ audio: { driver: 3 } }), /devices\.audio\.driver is 3/);
  assert.match(
    await problem({ vibrator: { strength: 3 } }),
    /devices\.vibrator\.strength is unknown; this driver takes no/,
  );
  const missing = join(folder, "missing.wav");
  assert.ok((await problem({ audio: { captureWav: missing } })).includes(`${missing}, does not exist`));
  writeFileSync(join(folder, "text.wav"), "text");
  assert.match(
    await problem({ audio: { captureWav: join(folder, "text.wav") } }),
    /text\.wav, is not a usable WAV file/,
  );
  assert.match(
    await problem({ audio: { playbackWav: join(folder, "text.wav", "x.wav") } }),
    /x\.wav cannot be written/,
  );
});

test("what cannot be simulated is told", async () => {
  const devices = await openDevices(host);
  const simulate = devices.simulate!;
  assert.throws(() => simulate("explode", {}), /nothing to simulate called "explode"; there is speak/);
  assert.throws(() => simulate("constructor", {}), /nothing to simulate/);
  assert.throws(() => simulate("press", { key: "z" }), /key must be one of call hangup/);
  assert.throws(() => simulate("hold", { key: "1" }), /ms must be a number/);
  assert.throws(() => simulate("xrun", { direction: "up" }), /direction must be/);
  assert.throws(() => simulate("xrun", { direction: "capture", frames: 0 }), /frames must be a number of 1 or more/);
  assert.throws(() => simulate("stall", { ms: "long" }), /ms must be/);
  assert.throws(() => simulate("headset", { event: { type: "sing" } }), /not a headset event/);
  await devices.close();
});

test.run();
