// `sotto doctor`: every device by itself, what is wrong in words that say what to do; a headset in software finds nothing against its profile.

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PhoneKey } from "../../drivers/contract.js";
import { keyMap } from "../../drivers/evdev/index.js";
import { type ExamineOptions, examine, type Finding } from "../../platform/doctor.js";
import { findDriver } from "../../platform/drivers.js";
import { rehearseHeadset } from "../../platform/headset-rehearsal.js";
import { boards, findBoard } from "../../platform/index.js";
import { watchInputs } from "../../platform/keys.js";
import { checkOptions } from "../../platform/options.js";
import { temporaryFolder, writeTree } from "../support/fake-sysfs.js";
import { sottoProgram } from "../support/handset-process.js";
import { eventually } from "../support/wait.js";

type Given = Parameters<typeof examine>[1];

async function findings(board: string, given: Given = {}, how: ExamineOptions = {}): Promise<Map<string, Finding>> {
  const found = new Map<string, Finding>();
  for await (const finding of examine(findBoard(board), given, how)) found.set(finding.device, finding);
  return found;
}

test("the host has nothing wrong", async () => {
  for (const [device, { ok }] of await findings("host")) assert.ok(ok, device);
});

test("devices that work are said to", async () => {
  const root = writeTree(temporaryFolder("leds"), {
    "green:status/brightness": "0",
    "green:status/max_brightness": "255",
    "panel/brightness": "10",
    "panel/max_brightness": "100",
  });
  const found = await findings("host", {
    vibrator: { driver: "led", led: "status", root },
    indicator: { driver: "led", lights: [{ led: "green:status" }], root },
    backlight: { driver: "sysfs", name: "panel", root },
  });
  for (const device of ["vibrator", "indicator", "backlight"]) {
    assert.ok(found.get(device)!.ok, JSON.stringify(found.get(device)));
  }
});

test("with --try every output does something, and one that fails while it does is said to", async () => {
  const tree = () =>
    writeTree(temporaryFolder("leds"), {
      "green:status/brightness": "0",
      "green:status/max_brightness": "255",
      "motor/brightness": "0",
      "motor/max_brightness": "10",
      "panel/brightness": "10",
      "panel/max_brightness": "100",
    });
  const root = tree();
  const given = (folder: string): Given => ({
    vibrator: { driver: "led", led: "motor", root: folder },
    indicator: { driver: "led", lights: [{ led: "green:status" }], root: folder },
    backlight: { driver: "sysfs", name: "panel", root: folder },
  });
  const seen = new Set<string>();
  const look = setInterval(() => {
    for (const led of ["motor", "green:status", "panel"])
      seen.add(`${led} ${readFileSync(join(root, led, "brightness"), "utf8").trim()}`);
  }, 5);
  const found = await findings("host", given(root), { tryMs: 400 });
  clearInterval(look);
  for (const state of ["motor 10", "green:status 255", "panel 0", "panel 100"]) assert.ok(seen.has(state), state);
  for (const led of ["motor", "green:status"])
    assert.is(readFileSync(join(root, led, "brightness"), "utf8").trim(), "0", led);
  assert.is(readFileSync(join(root, "panel", "brightness"), "utf8").trim(), "10", "as bright as it was found");
  for (const [device, words] of [
    ["vibrator", /vibrated for 0\.4 s: felt\?/],
    ["indicator", /blinked as for a call for 0\.4 s/],
    ["backlight", /went dark and full/],
    ["ringer", /rang for 0\.4 s/],
  ] as const) {
    assert.ok(found.get(device)!.ok, device);
    assert.match(found.get(device)!.text, words);
  }

  const broken = tree();
  const pulled = setTimeout(() => rmSync(join(broken, "motor"), { recursive: true }), 300);
  const { ok, text } = (await findings("host", given(broken), { only: ["vibrator"], tryMs: 1500 })).get("vibrator")!;
  clearTimeout(pulled);
  assert.not(ok);
  assert.match(text, /ENOENT/);
});

test("what is wrong is said of each device by itself, with what to do", async () => {
  const nowhere = join(temporaryFolder("none"), "gpio");
  const found = await findings("host", {
    keys: { driver: "gpio", buttons: [{ key: "call", chip: "x", line: 0 }], root: nowhere },
    vibrator: { driver: "gpio", chip: "x", line: 1, root: nowhere },
    indicator: { driver: "led", lights: [{ led: "blue" }], root: nowhere },
    headset: { driver: "bluetooth", tty: join(nowhere, "rfcomm0") },
    jack: { driver: "wired", name: "no such jack" },
    ringer: { driver: "speaker", sound: { driver: "simulated" }, ringWav: join(nowhere, "x.wav") },
    backlight: { driver: "sysfs", brightnes: 1 },
  });
  for (const [device, words] of [
    ["keys", /this kernel has no GPIO files \(CONFIG_GPIO_SYSFS\); .*"evdev"/],
    ["vibrator", /"gpio-vibrator" with driver "rumble"/],
    ["indicator", /no light "blue"/],
    ["headset", /cannot be opened.*rfcomm bind/],
    ["jack", /no input devices|no input device has a jack's switch/],
    ["ringer", /x\.wav cannot be read/],
    ["backlight", /devices\.backlight\.brightnes is unknown; known here: name, root/],
  ] as const) {
    assert.is(found.get(device)!.ok, false, device);
    assert.match(found.get(device)!.text, words);
  }
  assert.ok(found.get("display")!.ok);
});

test("the options of every board's devices are such as its drivers take, down to the names of keys", async () => {
  for (const board of boards)
    for (const [device, spec] of [
      ...board.keys.map((keys) => ["keys", keys] as const),
      ...(["vibrator", "ringer", "indicator", "backlight", "headset", "jack", "display"] as const).map(
        (name) => [name, board[name]] as const,
      ),
    ]) {
      if (!spec) continue;
      const { options } = findDriver(device, spec.driver);
      const { sound: _sound, ...own } = { ...spec.options } as Record<string, unknown>;
      checkOptions(`${board.name}.${device}`, options, device === "ringer" ? (spec.options ?? {}) : own);
      if (spec.driver === "evdev") keyMap((own["map"] as Record<string, PhoneKey> | undefined) ?? {});
    }
});

test("a headset in software goes through everything and finds nothing against the profile", async () => {
  let steps = 0;
  for await (const { name, ok, text } of rehearseHeadset()) {
    assert.ok(ok, `${name}: ${text}`);
    steps++;
  }
  assert.ok(steps >= 15);
});

test("the command says it, as words and as JSON, and its exit code tells", () => {
  const folder = temporaryFolder("doctor");
  const config = join(folder, "sotto.json");
  writeFileSync(
    config,
    JSON.stringify({
      accounts: [{ uri: "sip:a@example.com", security: "off" }],
      devices: { vibrator: { driver: "led", led: "none-such" } },
    }),
  );
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [sottoProgram, ...args], { encoding: "utf8", cwd: folder, timeout: 30_000 });
  const words = run("doctor", "--config", config);
  assert.is(words.status, 1, words.stderr);
  assert.match(words.stdout, /^WRONG vibrator \(led\): there is no light "none-such"/m);
  const json = run("doctor", "headset", "--simulate", "--json");
  assert.is(json.status, 0, json.stderr);
  for (const line of json.stdout.trim().split("\n")) assert.is(JSON.parse(line).ok, true);
  const one = run("doctor", "keys", "display", "--board", "host");
  assert.equal(one.stdout.match(/^ok +\w+/gm), ["ok    keys", "ok    display"], one.stderr);
  const tried = run("doctor", "indicator", "--board", "host", "--try", "0.1");
  assert.match(tried.stdout, /^ok {4}indicator \(simulated\): .*blinked as for a call for 0\.1 s/m);
  assert.match(run("doctor", "viabrator").stderr, /there is no device "viabrator"; devices: audio, keys, vibrator/);
  assert.match(run("doctor", "--try", "soon").stderr, /a number of seconds from 0\.1 to 60/);
  const missing = run("doctor", "--config", "nowhere.json");
  assert.match(missing.stderr, /nowhere\.json: cannot be read/);
});

test("raw keys are shown by the kernel's names as they come", async () => {
  const devRoot = temporaryFolder("raw");
  const sysRoot = writeTree(join(devRoot, "sys"), { "event0/device/name": "keypad\n" });
  execFileSync("mkfifo", [join(devRoot, "event0")]);
  const { openSync, writeSync, closeSync } = await import("node:fs");
  const { writeEvent } = await import("../../drivers/evdev/index.js");
  const shown: string[] = [];
  const watch = await watchInputs((text) => shown.push(text), { devRoot, sysRoot });
  const fd = openSync(join(devRoot, "event0"), "r+");
  writeSync(fd, Buffer.concat([writeEvent(1, 169, 1), writeEvent(1, 169, 0), writeEvent(5, 2, 1)]));
  await eventually("shown", 20_000, () => shown.length >= 4);
  assert.equal(shown.slice(1), ["keypad: KEY_PHONE (169) down", "keypad: KEY_PHONE (169) up", "keypad: switch 2 on"]);
  await watch.close();
  closeSync(fd);
});

test.run();
