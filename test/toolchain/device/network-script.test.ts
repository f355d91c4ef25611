// The image's network script by itself, in a file system and network of its own: what it writes for wpa_supplicant, what it says of what that
// says, and what it makes of a network.conf that is wrong. (A network is really joined by test/device/wifi-checks.ts.)

import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireOrSkip, which } from "../../interop/tools.js";
import { checkout } from "../../vectors.js";

const test = suite("the image's network script");
const folder = mkdtempSync(join(tmpdir(), "sotto-network-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const scripts = join(folder, "scripts");
const programs = join(folder, "programs");
cpSync(join(checkout, "toolchain", "image-root"), scripts, { recursive: true });
const lib = join(scripts, "lib.sh");
writeFileSync(lib, readFileSync(lib, "utf8").replace("PATH=", `PATH=${programs}:`));
mkdirSync(programs);
/** Programs that are not here, or would take their time. wpa_supplicant says what it is told to, and ends when the script is done. */
for (const [name, lines] of Object.entries({
  wpa_supplicant: `cat ${folder}/said; until [ -e /run/done ]; do /bin/sleep 0.05; done`,
  udhcpc: "exit 0",
  ifconfig: "exit 0",
  // Pauses are for the words to come, once.
  sleep: `[ ! -s ${folder}/said ] || [ -e /run/paused ] || { : >/run/paused; sh ${folder}/awaited; }`,
})) {
  writeFileSync(join(programs, name), `#!/bin/sh\n${lines}\n`);
  chmodSync(join(programs, name), 0o755);
}

/** What a run left: wpa_supplicant's file with its mode, and the notice. `output` is all that reached the console. */
interface Outcome {
  readonly mode: string;
  readonly conf: string;
  readonly notice: string;
  readonly output: string;
}

/** @param awaited the notice waited for, some seconds at most; default: any. */
function run(networkConf: string, said = "", awaited = "."): Outcome {
  writeFileSync(join(folder, "network.conf"), networkConf);
  writeFileSync(join(folder, "said"), said);
  writeFileSync(join(folder, "expected"), awaited);
  writeFileSync(
    join(folder, "awaited"),
    `i=0; while [ $i -lt 100 ] && ! grep -qf ${folder}/expected /run/notice/text 2>/dev/null; do /bin/sleep 0.05; i=$((i + 1)); done\n`,
  );
  const command = [
    "mount --bind /dev/null /dev/kmsg",
    "mount -t tmpfs tmpfs /run",
    "mkdir /run/notice",
    // Paths of a device, for this process and its children alone.
    "mount -t tmpfs tmpfs /mnt",
    `mkdir /mnt/data && cp ${folder}/network.conf /mnt/data/`,
    `sed -e 's|/data/network.conf|/mnt/data/network.conf|' -e 's|/usr/lib/sotto-device|${scripts}|' ${scripts}/network >/mnt/network`,
    "sh /mnt/network start",
    // Its words are told by a process that goes on.
    `sh ${folder}/awaited; : >/run/done`,
    "echo '=== mode'; stat -c %a /run/wpa.conf 2>&1",
    "echo '=== conf'; cat /run/wpa.conf 2>/dev/null",
    "echo '=== notice'; cat /run/notice/text 2>/dev/null",
    // A process namespace of its own: whatever goes on ends with its first process.
  ].join("\n");
  const ran = spawnSync("unshare", ["-m", "-n", "-p", "-f", "sh", "-c", command], {
    encoding: "utf8",
    timeout: 60_000,
  });
  const part = (name: string) => new RegExp(`=== ${name}\\n([\\s\\S]*?)(?====|$)`).exec(ran.stdout)?.[1].trim() ?? "";
  const output = ran.stdout.slice(0, ran.stdout.indexOf("=== mode")) + ran.stderr;
  return { mode: part("mode"), conf: part("conf"), notice: part("notice"), output };
}

const wifi = (password?: string, name = "home") =>
  `interface=wlan9\nwifi_ssid='${name}'\n${password === undefined ? "" : `wifi_password='${password}'\n`}`;

if (
  requireOrSkip("the right to make namespaces (root)", process.getuid?.() === 0) &&
  requireOrSkip("unshare (Debian: util-linux)", which("unshare") !== undefined)
) {
  test("a passphrase is for WPA2 and WPA3, in a file that only root reads", () => {
    const { mode, conf } = run(wifi('it is "so" # $HOME', "Café"));
    assert.is(mode, "600");
    assert.match(conf, /ssid=436166c3a9\n/);
    assert.match(conf, /key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n/);
    assert.ok(conf.includes('psk="it is "so" # $HOME"\n'), conf);
  });

  test("a key is for WPA2, no passphrase for open networks; a country is passed on", () => {
    const key = "0123456789abcdefABCDEF".repeat(3).slice(0, 64);
    assert.match(run(wifi(key)).conf, new RegExp(`key_mgmt=WPA-PSK WPA-PSK-SHA256\\n[^"]*psk=${key}\\n`));
    const open = run(`${wifi()}wifi_country=FR\n`).conf;
    assert.match(open, /country=FR\n[\s\S]*key_mgmt=NONE\n/);
    assert.not.match(open, /psk/);
  });

  test("what becomes of it is said in words", () => {
    const says = (words: string, notice: string) => assert.is(run(wifi("long enough"), words, notice).notice, notice);
    says("wlan0: CTRL-EVENT-CONNECTED - Connection to 02:00 completed\n", "done Wi-Fi: joined home");
    const refused = "error No Wi-Fi: home does not take this passphrase";
    says(
      'wlan0: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="home" auth_failures=1 duration=10 reason=WRONG_KEY\n',
      refused,
    );
    says("wlan0: CTRL-EVENT-AUTH-REJECT 02:00 auth_type=3 auth_transaction=2 status_code=1\n", refused);
    says("CTRL-EVENT-CONNECTED - \nCTRL-EVENT-DISCONNECTED bssid=02:00 reason=3\n", "error Wi-Fi: home is gone");
  });

  test("a network that is not here is named, and whether it was to have a passphrase", () => {
    const notice = (password?: string) => run(wifi(password)).notice;
    assert.is(notice("long enough"), "error No Wi-Fi: home, with a passphrase, is not to be found");
    assert.is(notice(), "error No Wi-Fi: home, without a passphrase, is not to be found");
    assert.is(run("interface=eth9\n").notice, "error No network: nothing is plugged into eth9");
  });

  test("what is wrong in the file is said by its line, and nothing of a passphrase", () => {
    for (const [text, line] of [
      ["interface=wlan9\nwifi_password=one secret-word\n", 2],
      ["interface=wlan9\nwifi_ssid=x\nwifi_password='secret-word\n", 3],
    ] as const) {
      const { notice, output } = run(text);
      // A shell may name the line where it gave up.
      assert.match(notice, new RegExp(`^error network.conf, line (${line}|${line + 1}) is not understood`));
      assert.not.match(notice + output, /secret/);
    }
    const short = run(wifi("secret"));
    assert.is(short.notice, "error No Wi-Fi: wifi_password must have 8 to 63 characters");
    assert.match(short.mode, /cannot stat/, "no such file is made");
  });
}

test.run();
