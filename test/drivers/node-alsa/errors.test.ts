// Who holds a busy device, read from a process file system of the test's own.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { explain, holders } from "../../../drivers/node-alsa/errors.js";

const proc = mkdtempSync(join(tmpdir(), "sotto-proc-"));
process.on("exit", () => rmSync(proc, { recursive: true, force: true }));
function file(path: string, text: string): void {
  mkdirSync(dirname(join(proc, path)), { recursive: true });
  writeFileSync(join(proc, path), text);
}
const running = (pid: number) => `state: RUNNING\nowner_pid   : ${pid}\ntrigger_time: 1.2\n`;
file("asound/cards", "");
file("asound/card0/id", "PCH\n");
file("asound/card0/pcm0p/sub0/status", running(1234));
file("asound/card0/pcm0c/sub0/status", "closed\n");
file("asound/card0/pcm3p/sub0/status", running(77));
file("asound/card1/id", "Headset\n");
file("asound/card1/pcm0c/sub0/status", running(1235));
// The kernel names the thread; 1235 is one of process 1200.
file("1234/status", "Name:\tpulseaudio\nTgid:\t1234\n");
file("1234/comm", "pulseaudio\n");
file("1235/status", "Name:\tworker\nTgid:\t1200\n");
file("1200/comm", "baresip\n");

test("by card number, by name, by device, by direction", () => {
  assert.equal(holders("hw:0,0", "playback", proc), [{ pid: 1234, program: "pulseaudio" }]);
  assert.equal(holders("plughw:PCH,0", "playback", proc), [{ pid: 1234, program: "pulseaudio" }]);
  assert.equal(holders("hw:CARD=PCH,DEV=3", "playback", proc), [{ pid: 77, program: "unknown" }]);
  assert.equal(holders("hw:0,0", "capture", proc), []);
  assert.equal(holders("hw:Headset", "capture", proc), [{ pid: 1200, program: "baresip" }]);
  assert.equal(holders("default", "capture", proc), [{ pid: 1200, program: "baresip" }]);
  assert.equal(holders("hw:5", "capture", proc), []);
});

test("the sentence names who holds it", () => {
  const thrown = Object.assign(new Error("x"), {
    code: "EBUSY",
    step: "open",
    device: "hw:0,0",
    direction: "playback",
  });
  assert.is(explain(thrown, () => [], proc).message, 'busy: playback device "hw:0,0" is held by pid 1234 (pulseaudio)');
  assert.is(
    explain({ ...thrown, direction: "capture" }, () => [], proc).message,
    'busy: capture device "hw:0,0" is held by another process',
  );
});

test("a Bluetooth headset's sound that is not there is told with what to do", () => {
  const device = "bluealsa:DEV=00:11:22:33:44:55,PROFILE=sco";
  const words = (code: string) =>
    explain(
      { message: `capture device "${device}": x`, code, step: "open", device, direction: "capture" },
      () => [],
      proc,
    ).message;
  assert.match(words("ENODEV"), /^no such device: .*no headset is connected in this way/);
  assert.match(words("ENXIO"), /bluez-alsa is not installed/);
  assert.match(words("EINVAL"), /is not as bluez-alsa reads it/);
  assert.match(words("EBUSY"), /^busy: /);
  assert.match(words("ENOMEM"), /its service must run \("systemctl start bluealsa"; x\)/);
});

test("a missing device is told with those there are", () => {
  const thrown = { message: "x", code: "ENOENT", step: "open", device: "hw:5", direction: "capture" };
  const card = {
    ...{ card: 0, id: "PCH", name: "HDA Intel", longName: "", driver: "" },
    pcms: [
      { device: "hw:0,0", capture: true, playback: true },
      { device: "hw:0,3", capture: false, playback: true },
    ],
  };
  assert.is(
    explain(thrown, () => [card], proc).message,
    'no such device: capture device "hw:5"; there is hw:0,0 (HDA Intel)',
  );
  assert.match(explain(thrown, () => [], proc).message, /there is no sound card/);
});

test.run();
