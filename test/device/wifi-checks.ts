// Wi-Fi by the file on the data partition, and the time by it: an emulated device with the kernel's simulated radios (mac80211_hwsim), beside an
// access point (hostapd) in a network of its own in the same machine. The image is the one that is handed on: all of that comes by network.conf.

import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PhoneConsole } from "../../scripts/emulate-device/console.js";
import type { HostNetwork } from "../../toolchain/device/host-network.js";
import { debianKernel, moduleClosure, unpackModules } from "../../toolchain/device/kernel.js";
import { sysroot } from "../../toolchain/device/sysroot.js";
import { findTarget } from "../../toolchain/device/targets.js";
import { runTool } from "../../toolchain/device/tools.js";
import type { HandsetProcess } from "../support/handset-process.js";
import { eventually } from "../support/wait.js";
import { checkout } from "../vectors.js";
import { type EmulatedDevice, PATIENCE_MS } from "./emulated-device.js";
import { TimeServer } from "./time-server.js";

/** A name and a passphrase with what shells and configuration files give a meaning to. */
const NAME = 'Café "5", it\'s #1';
const PASSPHRASE = "geheim $HOME \\ \"x\" # 'y'";
const WRONG = "not this passphrase";
/** Far from now: every certificate has ended by then. */
const WRONG_CLOCK = "2037-01-01T00:00:00";

/** As a shell reads it. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The first three numbers of the air's addresses, from the cable's. */
const airOf = ({ guest }: HostNetwork) =>
  guest.replace(/^10\.(\d+)\.(\d+)\.\d+$/, "172.$1.$2").replace(/^172\.\d+/, "172.29");

/** Lines of network.conf. @param password undefined: an open network. */
function networkConf(timeServer: string, password: string | undefined): string {
  return [
    'case "$0" in */network) . /data/air/start ;; esac',
    `wifi_ssid=${quoted(NAME)}`,
    ...(password === undefined ? [] : [`wifi_password=${quoted(password)}`]),
    `ntp=${timeServer}`,
    "",
  ].join("\n");
}

/** What goes onto the device's data partition. Radios, access point and router are not of the image. */
export async function layWifi(data: string, network: HostNetwork): Promise<void> {
  const air = join(data, "air");
  mkdirSync(air);
  for (const name of ["start", "router", "point"])
    cpSync(join(checkout, "test", "device", "air", name), join(air, name));
  const kernel = await debianKernel();
  const modules = await unpackModules(kernel, moduleClosure(kernel, ["mac80211_hwsim", "virtio_console"]), air, true);
  writeFileSync(join(air, "order"), modules.map((name) => `${name}\n`).join(""));
  // What they need is in the image, for wpa_supplicant.
  const tools = await sysroot(findTarget("arm64"), ["hostapd", "iw"]);
  for (const name of ["hostapd", "iw"]) cpSync(join(tools, "usr", "sbin", name), join(air, name));
  const { guest, host } = network;
  writeFileSync(
    join(air, "settings"),
    `guest=${guest} host=${host} net=${airOf(network)} name=${quoted(NAME)} passphrase=${quoted(PASSPHRASE)}\n`,
  );
  writeFileSync(join(data, "network.conf"), networkConf(host, WRONG));
}

/** A device that has what {@link layWifi} laid, and is off. */
export class WifiChecks {
  private constructor(
    private readonly device: EmulatedDevice,
    private readonly time: TimeServer,
  ) {}

  /** Powers it; the way to the air is found from here, and the time to be had. */
  static async open(device: EmulatedDevice): Promise<WifiChecks> {
    const { network } = device;
    await runTool("ip", ["route", "add", `${airOf(network)}.0/24`, "via", network.guest, "dev", network.device]);
    return new WifiChecks(device, await TimeServer.open(network.host));
  }

  stop(): Promise<void> {
    return this.time.stop();
  }

  /** What the telephone's screen shows now. */
  private screen(): string {
    const seen = new PhoneConsole(() => {});
    seen.feed(this.device.machine.console);
    return seen.screen.join("\n");
  }

  private shows(words: string): Promise<unknown> {
    return eventually(`the screen shows ${words}`, PATIENCE_MS, () => this.screen().includes(words)).catch(
      (error: Error) => {
        throw new Error(`${error.message}\n${this.device.machine.console.slice(-3000)}`);
      },
    );
  }

  /** Neither passphrase is anywhere a person or a program may read of it. */
  private async keepsSecret(): Promise<void> {
    const { machine } = this.device;
    const said = await machine.shell("dmesg; cat /run/*.log /run/notice/text; ps", PATIENCE_MS);
    assert.match(said, /joined|passphrase/);
    for (const text of [said, machine.console])
      for (const secret of [WRONG, PASSPHRASE, "geheim"]) assert.not.ok(text.includes(secret), `"${secret}" is told`);
    assert.match(await machine.shell("stat -c '%a %U' /run/wpa.conf /data/network.conf"), /^600 root\s+600 root/);
  }

  /** A passphrase that is not the network's: the telephone comes up and says why it is alone. */
  async wrongPassphrase(): Promise<void> {
    await this.device.power({ clock: WRONG_CLOCK });
    await this.device.ready();
    await this.shows(`No Wi-Fi: ${NAME} does not take this passphrase`);
    assert.match(await this.device.machine.shell("cat /run/sotto/alive"), /^ready \d+$/m, "not registered");
    await this.keepsSecret();
  }

  /** Replaces the file, as its owner would, and brings up the network by it. */
  private async write(password: string | undefined): Promise<void> {
    const lines = networkConf(this.device.network.host, password).trim().split("\n").map(quoted).join(" ");
    await this.device.machine.shell(`printf '%s\\n' ${lines} >/data/network.conf; sync`);
  }

  /** The file is corrected, the device switched off and on: it joins, has the time before certificates are judged, and takes a private call. */
  async corrected(alice: HandsetProcess, uri: string): Promise<void> {
    const { device } = this;
    await this.write(PASSPHRASE);
    await device.machine.powerCut();
    await device.power({ clock: WRONG_CLOCK });
    await device.ready();
    await device.registers();
    assert.match(device.machine.console, /joined [\s\S]*time taken from the network[\s\S]*telephone is ready/);
    const now = Number(await device.found("date +%s", /^\d{9,}$/m));
    assert.ok(Math.abs(now - Date.now() / 1000) < 60, `its clock says ${now}`);
    assert.ok(this.time.asked > 0);
    await this.shows(`Wi-Fi: joined ${NAME}`);
    await this.call(alice, uri);
    await this.keepsSecret();
  }

  private async call(alice: HandsetProcess, uri: string): Promise<void> {
    const id = await alice.dial(uri);
    await alice.state(id, "ringing", PATIENCE_MS);
    await this.device.machine.shell("sotto answer --control /run/sotto/control.sock", PATIENCE_MS);
    const active = await alice.state(id, "active", PATIENCE_MS);
    assert.is(active.security.state, "secure");
    await alice.ask("hangup", {});
    await alice.ended(id, PATIENCE_MS);
  }

  /** Networks of other kinds, without switching off. */
  async otherKinds(alice: HandsetProcess, uri: string): Promise<void> {
    const { machine } = this.device;
    for (const [kind, password, said] of [
      ["open", undefined, /done Wi-Fi: joined/],
      ["open", PASSPHRASE, /error No Wi-Fi: .*, with a passphrase, is not to be found/],
      ["wpa3", WRONG, /error No Wi-Fi: .* does not take this passphrase/],
      ["wpa3", PASSPHRASE, /done Wi-Fi: joined/],
    ] as const) {
      await this.write(password);
      await machine.shell("killall network wpa_supplicant udhcpc; rm /run/notice/text", PATIENCE_MS);
      await machine.shell(`nsenter -t $(cat /run/air) -n sh /data/air/point ${kind}`, PATIENCE_MS);
      const found = await machine.shell(
        "/usr/lib/sotto-device/network start; cat /run/notice/text; nsenter -t $(cat /run/air) -n /data/air/iw dev wlan0 station dump",
        PATIENCE_MS,
      );
      assert.match(found, said, kind);
      if (!found.includes("joined")) continue;
      // What WPA3 requires of frames that steer the connection.
      assert.match(found, kind === "wpa3" ? /MFP:\s+yes/ : /MFP:\s+no/, kind);
      const id = await alice.dial(uri);
      await alice.state(id, "ringing", PATIENCE_MS);
      await alice.ask("hangup", {});
      await alice.ended(id, PATIENCE_MS);
    }
  }
}
